"""Training curves as a figure: dev BLEU after every pass over the training text, a panel a domain.

The CSV has one row per point: system, domain, seed, pass, dev_bleu.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ink.config.slices.result_slices import CurveSettings
from ink.results.figures.style import COLUMN, mark_of, new_figure, styled, write_figure
from ink.results.records.training_curves import Curve
from ink.results.tables.table_files import domain_label
from ink.runtime.errors import InkError

PANEL_HEIGHT = 1.9  # inches


def render(curves: Sequence[Curve], output: Path, names: Mapping[str, str], settings: CurveSettings) -> list[Path]:
    """Write `output`/training.{svg,png,csv,md}; InkError where there is no curve.

    names: the systems', as tables have them. settings: how dev was translated and what ended training.
    """
    if not curves:
        raise InkError("no training of these systems has a curve; train them first", code="results/none")
    points = [
        {**curve.run._asdict(), "pass": number, "dev_bleu": score}
        for curve in curves
        for number, score in enumerate(curve.dev_bleu, start=1)
    ]
    with styled():
        return write_figure(
            draw(curves, names),
            Path(output) / "training",
            pd.DataFrame.from_records(points),
            "Dev BLEU after every pass over the training text; the mark is where training ended.",
            _notes(curves, names, settings),
        )


def draw(curves: Sequence[Curve], names: Mapping[str, str]) -> Figure:
    """Draw a panel for each domain, two beside each other, each as wide as a column."""
    domains = list(dict.fromkeys(curve.run.domain for curve in curves))
    columns = min(2, len(domains))
    rows = math.ceil(len(domains) / columns)
    width, height = COLUMN * columns, PANEL_HEIGHT * rows + 0.3
    figure = new_figure(width, height)
    for number, domain in enumerate(domains):
        row, column = divmod(number, columns)
        left, bottom = COLUMN * column + 0.42, height - 0.3 - PANEL_HEIGHT * (row + 1) + 0.36
        axes = figure.add_axes((left / width, bottom / height, (COLUMN - 0.52) / width, (PANEL_HEIGHT - 0.6) / height))
        _draw_panel(axes, [curve for curve in curves if curve.run.domain == domain])
        axes.set_title(domain_label(domain))
        if number + columns >= len(domains):
            axes.set_xlabel("passes over the training text", labelpad=2)
        if column == 0:
            axes.set_ylabel("dev BLEU", labelpad=2)
    _draw_key(figure, list(dict.fromkeys(curve.run.system for curve in curves)), names)
    return figure


def _draw_panel(axes: Axes, curves: Sequence[Curve]) -> None:
    for curve in curves:
        mark, last = mark_of(curve.run.system, []), len(curve.dev_bleu)
        axes.plot(range(1, last + 1), curve.dev_bleu, color=mark.colour, linewidth=0.8, linestyle=mark.line, zorder=2)
        axes.plot(last, curve.dev_bleu[-1], **{**mark.options(), "linestyle": "none", "zorder": 3})
    axes.set_xlim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)


def _draw_key(figure: Figure, systems: Sequence[str], names: Mapping[str, str]) -> None:
    marks = {system: mark_of(system, []) for system in systems}
    key = [
        Line2D([], [], **{**mark.options(), "linestyle": mark.line, "color": mark.colour, "label": names[system]})
        for system, mark in marks.items()
    ]
    figure.legend(handles=key, loc="upper right", ncols=len(key), frameon=False, borderaxespad=0.3, handlelength=2.2)


def _notes(curves: Sequence[Curve], names: Mapping[str, str], settings: CurveSettings) -> list[str]:
    seeds = sorted({curve.run.seed for curve in curves})
    beam = "greedy search" if settings.dev_beam == 1 else f"a beam of {settings.dev_beam}"
    ends = (
        "at its limit" if settings.patience is None else f"{settings.patience} passes after the best, or at its limit"
    )
    lengths = []
    for system in dict.fromkeys(curve.run.system for curve in curves):
        lasted: dict[str, list[int]] = {}
        for curve in curves:
            if curve.run.system == system:
                lasted.setdefault(curve.run.domain, []).append(len(curve.dev_bleu))
        texts = [f"{domain_label(domain)} {' / '.join(map(str, passes))}" for domain, passes in lasted.items()]
        lengths.append(f"{names[system]}: {', '.join(texts)}")
    return [
        f"The first {settings.dev_sentences} dev sentences, {beam}. Test sets are translated with the average of the "
        f"last passes and the best, so that a curve's end is not a score of Table 2.",
        f"Training ends {ends}. Passes that it lasted: {'; '.join(lengths)}.",
        *([f"A line each for the seeds {', '.join(map(str, seeds))}."] if len(seeds) > 1 else []),
    ]
