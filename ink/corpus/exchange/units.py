"""Units of translators' files: how many, the pairs that they give, and a unit's text as a line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from ink.runtime.errors import InkError

_LINE_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


@dataclass
class UnitPairs:
    """What a file, or a folder of them, gives: its units, the pairs that these give, and how many gave none, by reason.

    A unit with plural forms may give two pairs. `bare` counts the units with inline elements that hold no text, such as
    TMX's <ph x="1"/>: nothing of them stands in the pairs. `files` of other languages are passed over in a folder.
    """

    units: int = 0
    pairs: list[tuple[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    bare: int = 0
    files: int = 1
    passed_over: int = 0

    def add(self, other: UnitPairs) -> None:
        """Add what another file gives."""
        self.units += other.units
        self.pairs += other.pairs
        self.left_out += other.left_out
        self.bare += other.bare
        self.files += other.files


class OtherLanguages(InkError):
    """A file holds other languages than the two requested."""

    code = "text/other-language"


def one_line(text: str) -> str:
    """Return a text without white space around it, and each run of line breaks within it, with that around, a space."""
    return _LINE_BREAKS.sub(" ", text.strip())


def without_accelerator(text: str, marker: str) -> str:
    """Remove `marker` from before the letter or digit that it makes an accelerator key, where there is one such place.

    (&F), as languages without Latin letters have it, goes whole. Doubled markers, entities such as &amp; and texts with
    several marked letters, which are names such as max_line_width, stay as they are.
    """
    sign = re.escape(marker)
    entity = r"(?!#?\w+;)" if marker == "&" else ""
    places = [*re.finditer(rf"(?<!{sign}){sign}(?=[^\W_]){entity}", text)]
    if len(places) != 1:
        return text
    start, end = places[0].span()
    if text[start - 1 : start] == "(" and text[end + 1 : end + 2] == ")":
        return text[: start - 1].rstrip() + text[end + 2 :]
    return text[:start] + text[end:]
