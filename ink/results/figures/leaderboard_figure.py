"""The leaderboard as a figure: the experiment's first metric against memory, and against speed where it was measured.

The CSV has one row per point:

- axis: memory or speed
- system
- memory_bytes, or sentences_a_second
- METRIC: the average over the domains, the mean over the seeds
- front: whether the point is on the Pareto front, which is drawn as a line
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from ink.results.figures.labels import Labels
from ink.results.figures.style import COLUMN, SMALL, TEXT, mark_of, new_figure, styled, write_figure
from ink.results.leaderboard import MARKED, Leaderboard
from ink.results.tables.aggregation import metric_note, seeds_note
from ink.results.tables.table_files import domain_label
from ink.systems.known_systems import GREY, Mark, system_named, unreduced

MEGABYTE = 1e6
PANEL_HEIGHT = 3.3  # inches
LEFT, RIGHT, ABOVE, BELOW = 0.5, 0.12, 0.28, 0.42
MEMORY, SPEED = "memory", "speed"
APART = 3  # times less than the least memory is where a system stands that adds none


def render(board: Leaderboard, output: Path) -> list[Path]:
    """Write `output`/leaderboard.{svg,png,csv,md}; return the paths."""
    with styled():
        return write_figure(
            draw(board),
            Path(output) / "leaderboard",
            _frame(board),
            f"{board.metric.heading} against memory{'' if board.speeds is None else ', and against speed'}, "
            "with the systems that no other beats.",
            _notes(board),
        )


def draw(board: Leaderboard) -> Figure:
    """Draw a panel for memory, and below it one for speed where any was measured."""
    panels = [MEMORY, *([SPEED] if _points(board, SPEED) else [])]
    width, height = 2 * COLUMN, PANEL_HEIGHT * len(panels)
    figure = new_figure(width, height)
    for number, axis in enumerate(panels):
        bottom = height - PANEL_HEIGHT * (number + 1) + BELOW
        place = (LEFT / width, bottom / height)
        size = ((width - LEFT - RIGHT) / width, (PANEL_HEIGHT - ABOVE - BELOW) / height)
        axes = figure.add_axes((*place, *size))
        axes.set_title(f"{board.metric.heading} and {axis}")
        axes.set_ylabel(board.metric.heading, labelpad=2)
        _draw_panel(axes, board, axis)
    return figure


def _points(board: Leaderboard, axis: str) -> list[tuple[str, float, float, bool]]:
    """List what a panel shows: system, its memory in MB or its sentences a second, its score, whether on the front."""
    points = []
    for entry in board.entries:
        memory = None if entry.memory is None else entry.memory / MEGABYTE
        value = memory if axis == MEMORY else entry.speed
        score = entry.scores[board.metric.name]
        if score is not None and value is not None:
            points.append((entry.system, value, score, entry.memory_front if axis == MEMORY else entry.speed_front))
    return points


def _draw_panel(axes: Axes, board: Leaderboard, axis: str) -> None:
    points, names = _points(board, axis), board.runs.labels
    zero = _scale_memory(axes, [x for _, x, *_ in points]) if axis == MEMORY else _scale_speed(axes, points)
    scores = [score for _, _, score, _ in points]
    room = 0.14 * (max(scores) - min(scores)) or 1.0
    axes.set_ylim(min(scores) - room, max(scores) + room)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    named = Labels(axes)
    if axis == MEMORY and any(x == 0 for _, x, *_ in points):
        apart = (zero * min(x or zero * APART for _, x, *_ in points)) ** 0.5
        named.line(axes.axvline(apart, color=GREY, linewidth=0.5, linestyle=":", zorder=0))
    _draw_front(axes, named, [(x or zero, score) for _, x, score, front in points if front], axis)
    for system, x, score, front in points:
        mark = _mark(system, [*names])
        axes.plot(x or zero, score, linestyle="none", zorder=3, **mark.options())
        named.mark(x or zero, score, mark.extent)
        text: dict[str, Any] = {"fontsize": TEXT if front or system == MARKED else SMALL}
        text |= {"fontweight": "bold"} if system == MARKED else {} if front else {"color": GREY}
        named.add(x or zero, score, names[system], mark.extent, weight=3, **text)
    named.write()


def _scale_memory(axes: Axes, values: Sequence[float]) -> float:
    """Scale the axis of memory by powers of ten; return where a system without any stands, apart on the left."""
    some = [value for value in values if value] or [1.0]
    least, most = min(some), max(some)
    zero = least / APART
    axes.set_xscale("log")
    axes.set_xlim(zero / 1.5 if 0 in values else least / 1.6, most * 1.8)
    ticks = [digit * 10.0**power for power in range(-6, 9) for digit in (1, 2, 5)]
    ticks = [tick for tick in ticks if least / 1.3 <= tick <= most * 1.7]
    texts = [f"{tick:g}" for tick in ticks]
    if 0 in values:
        ticks, texts = [zero, *ticks], ["none", *texts]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter(texts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("added memory (MB)", labelpad=2)
    return zero


def _scale_speed(axes: Axes, points: Sequence[tuple[str, float, float, bool]]) -> float:
    values = [value for _, value, *_ in points]
    room = 0.12 * (max(values) - min(values)) or 1.0
    axes.set_xlim(min(values) - room, max(values) + room)
    axes.set_xlabel("sentences a second", labelpad=2)
    return 0.0


def _draw_front(axes: Axes, named: Labels, front: Sequence[tuple[float, float]], axis: str) -> None:
    """Draw the best score that so much memory, or at least so much speed, leaves: a staircase."""
    ordered = sorted(front, reverse=axis == SPEED)
    low, high = axes.get_xlim()
    corners = [ordered[0]]
    for (_, before), (x, score) in pairwise(ordered):
        corners += [(x, before), (x, score)]
    corners.append((low if axis == SPEED else high, ordered[-1][1]))
    for start, end in pairwise(corners):
        xs, ys = zip(start, end, strict=True)
        (line,) = axes.plot(xs, ys, color=GREY, linewidth=0.9, zorder=1)
        named.line(line)


def _mark(system: str, systems: Sequence[str]) -> Mark:
    """Return a system's mark; one on a reduced datastore has the colour of the system on the whole one, if that has."""
    mark, whole = mark_of(system, systems), system_named(unreduced(system)).mark
    if mark.shape == "_":  # elsewhere a line across the figure
        return replace(mark, shape="h", width=5.5)
    if whole is None or whole is system_named(system).mark:
        return mark
    return replace(mark, colour=whole.colour)


def _frame(board: Leaderboard) -> pd.DataFrame:
    records = [
        {
            "axis": axis,
            "system": system,
            "memory_bytes": round(value * MEGABYTE) if axis == MEMORY else None,
            "sentences_a_second": value if axis == SPEED else None,
            board.metric.name: score,
            "front": front,
        }
        for axis in (MEMORY, SPEED)
        for system, value, score, front in _points(board, axis)
    ]
    return pd.DataFrame.from_records(records).astype({"memory_bytes": "Int64", "sentences_a_second": "Float64"})


def _notes(board: Leaderboard) -> list[str]:
    domains = [domain_label(domain) for domain in board.runs.domains]
    notes = [
        f"{board.metric.heading}: of {domains[0]}."
        if len(domains) == 1
        else f"{board.metric.heading}: the average of {', '.join(domains)}.",
        "The line is the Pareto front: the best score that so much memory buys, or that is left at so much speed. "
        "A reduced datastore has the colour of the system that searches the whole one.",
        metric_note(board.metric, board.scores[board.metric.name].values()),
        seeds_note(board.runs.seeds),
    ]
    if board.speeds is not None:
        timed = len(_points(board, SPEED))
        notes.append(
            f"Speed: beam search on {domain_label(board.speeds.domain)}, {board.speeds.batch} sentences a batch, of "
            f"the {timed} systems that were timed."
        )
    return notes
