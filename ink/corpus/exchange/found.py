"""What a translation memory, a catalogue or a folder of them gives."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ink.errors import InkError


@dataclass
class Found:
    """The units that were looked at, the pairs that they give, and how many gave none, by reason.

    A unit with plural forms may give two pairs. `bare` counts the units with inline elements that hold no text, such as
    TMX's <ph x="1"/>: nothing of them stands in the pairs. `files` of other languages are passed over in a folder.
    """

    units: int = 0
    pairs: list[tuple[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    bare: int = 0
    files: int = 1
    passed_over: int = 0

    def add(self, other: Found) -> None:
        """Add what another file gives."""
        self.units += other.units
        self.pairs += other.pairs
        self.left_out += other.left_out
        self.bare += other.bare
        self.files += other.files


class OtherLanguages(InkError):
    """A file holds other languages than the two that were asked for."""
