"""What all figures share: sizes, type, a colour and a shape a system, and how a figure becomes files.

Colours are Okabe and Ito's, which colour-blind readers tell apart; shapes and fillings do so in grey print. A figure
drawn again is the same bytes: no date, no version, no random identifiers, matplotlib's own defaults and font, whatever
the reader's matplotlibrc says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ink.files import write_atomically
from ink.reporting.markup import escape_markdown

BLACK, GREY, ORANGE, SKY, GREEN = "#000000", "#767676", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

COLUMN = 3.3  # inches, the width of a column of text
DPI = 200
TEXT, SMALL = 7.5, 6.5  # points

_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": TEXT + 0.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "svg.fonttype": "path",
    "svg.hashsalt": "ink",
}


@dataclass(frozen=True)
class Mark:
    """How a system is drawn: shape, colour, whether the shape is filled, and its width in points."""

    shape: str
    colour: str
    filled: bool = True
    width: float = 5.0

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


# Where memory is the same scores may be too: INK's ring goes around Adapter's dot, V-kNN's triangle and R-kNN†'s
# diamond around A-kNN's square.
MARKS = {
    "off_the_shelf": Mark("_", BLACK),
    "knn_kd": Mark("_", GREY),
    "v_knn": Mark("^", ORANGE, filled=False, width=8.0),
    "a_knn": Mark("s", SKY, width=3.5),
    "r_knn_without_keys": Mark("D", GREEN, filled=False, width=6.0),
    "r_knn": Mark("D", GREEN, width=4.5),
    "adapter": Mark("o", BLUE, width=4.5),
    "ink": Mark("o", VERMILLION, filled=False, width=8.0),
    "ink_r_knn": Mark("P", PURPLE, width=6.5),
}
_OWN = ("X", "v", "*", "p", "<", ">")  # shapes of the experiment's own systems


def mark_of(system: str, systems: Sequence[str]) -> Mark:
    """Return a system's mark; the experiment's own systems are black, their shapes in the order of `systems`."""
    if system in MARKS:
        return MARKS[system]
    own = [name for name in systems if name not in MARKS]
    return Mark(_OWN[own.index(system) % len(_OWN)], BLACK)


@contextmanager
def styled() -> Iterator[None]:
    """Draw with the figures' style and nothing of the reader's own."""
    with matplotlib.style.context(["default", _RC]):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of so many inches, which no interactive window knows of."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Figure, stem: Path, plotted: pd.DataFrame, caption: str, notes: Sequence[str]) -> list[Path]:
    """Write `stem`.svg and .png, what is plotted as .csv, caption and notes as .md (paragraphs); return the paths."""
    stem = Path(stem)
    paths = {suffix: stem.with_name(f"{stem.name}.{suffix}") for suffix in ("svg", "png", "csv", "md")}
    with write_atomically(paths["svg"]) as temporary:
        figure.savefig(temporary, metadata={"Date": None, "Creator": None})
    with write_atomically(paths["png"]) as temporary:
        figure.savefig(temporary, metadata={"Software": None})
    with write_atomically(paths["csv"]) as temporary:
        plotted.to_csv(temporary, index=False, lineterminator="\n")
    text = "\n\n".join([f"**{escape_markdown(caption)}**", *map(escape_markdown, notes)]) + "\n"
    with write_atomically(paths["md"]) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return [*paths.values()]
