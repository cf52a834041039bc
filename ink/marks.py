"""How systems are told apart in figures: a colour and a shape each.

Colours are Okabe and Ito's, which colour-blind readers tell apart; shapes and fillings do so in grey print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BLACK, GREY, ORANGE, SKY, GREEN = "#000000", "#767676", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"


@dataclass(frozen=True)
class Mark:
    """How a system is drawn: shape, colour, whether the shape is filled, its width in points, and its lines."""

    shape: str
    colour: str
    filled: bool = True
    width: float = 5.0
    line: str = ":"

    def options(self) -> dict[str, Any]:
        """Return matplotlib's options for a line's markers."""
        return {
            "marker": self.shape,
            "markersize": self.width,
            "color": self.colour,
            "markeredgecolor": self.colour,
            "markerfacecolor": self.colour if self.filled else "none",
            "markeredgewidth": 0.6 if self.filled else 1.1,
        }

    @property
    def extent(self) -> float:
        """The width in points that it takes up, edge included."""
        return self.width * (2**0.5 if self.shape == "D" else 1) + 1
