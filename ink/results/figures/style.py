"""What all figures share: sizes, type, the marks of systems, and how a figure becomes files.

A figure drawn again is the same bytes: no date, no version, no random identifiers, matplotlib's own defaults and font,
whatever the reader's matplotlibrc says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ink.results.tables.markup import escape_markdown
from ink.runtime.whole_files import write_atomically
from ink.systems.known_systems import BLACK, Mark, system_named

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


_OWN = ("X", "v", "*", "p", "<", ">")  # shapes of the experiment's own systems


def mark_of(system: str, systems: Sequence[str]) -> Mark:
    """Return a system's mark; the experiment's own systems are black, their shapes in the order of `systems`."""
    if (mark := system_named(system).mark) is not None:
        return mark
    own = [name for name in systems if system_named(name).mark is None]
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
