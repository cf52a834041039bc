"""Figure 3: a metric, BLEU in the paper's, against the memory that a system adds to the base model, a panel a domain.

The CSV has one row per point:

- domain, system
- series: adapter or ink where the point is one of several inner dimensions of that system, else empty
- inner_dimension: of a point of a series
- memory_bytes: added at inference, of the first seed that has been run
- METRIC: the mean over the seeds
- METRIC_deviation, with several seeds: the sample standard deviation (n - 1)
- seeds: how many

A system that adds nothing has memory 0 and is drawn as a horizontal line.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ink.metrics.metric import Metric, Scored
from ink.results.figures.labels import Labels
from ink.results.figures.style import COLUMN, SMALL, mark_of, new_figure, styled, write_figure
from ink.results.records.metric_scores import scores_in
from ink.results.records.paper import read_paper
from ink.results.records.scores import Key, Selection
from ink.results.tables.aggregation import metric_note, seeds_note
from ink.results.tables.table_files import domain_label
from ink.runtime.errors import InkError
from ink.systems.known_systems import GREY
from ink.systems.variations import SIZED, variation_named

MEGABYTE = 1e6
PANEL_HEIGHT = 2.35  # inches


@dataclass(frozen=True)
class Drawn:
    """One point: a system, or Adapter or INK with another inner dimension, on a domain."""

    domain: str
    system: str
    series: str | None
    inner_dimension: int | None
    memory: int  # bytes
    score: float
    deviation: float | None
    seeds: int


def render(
    runs: Selection,
    output: Path,
    inner_dimensions: Mapping[str, int],
    sizes: Mapping[str, Sequence[str]],
    metric: Metric,
) -> list[Path]:
    """Write `output`/figure3.{svg,png,csv,md} of the scores that are there; InkError where there is no point to draw.

    inner_dimensions: Adapter's and INK's of each domain; sizes: the variations of these two with further ones. metric:
    that of the vertical axis.
    """
    variations = [name for domain in runs.domains for name in sizes.get(domain, ())]
    sized = replace(runs, systems=[*runs.systems, *variations])
    scores = scores_in(metric, sized)
    points = [
        point
        for domain in runs.domains
        for system in [*runs.labels, *sizes.get(domain, ())]
        if (point := _point(sized, scores, system, domain, inner_dimensions[domain])) is not None
    ]
    panels = [domain for domain in runs.domains if any(point.domain == domain and point.memory for point in points)]
    if not panels:
        raise InkError(
            f"{runs.results}: no system that adds memory has a score on {', '.join(runs.domains)}: there is no "
            "Figure 3 to draw",
            code="results/none",
        )
    points = [point for point in points if point.domain in panels]
    with styled():
        return write_figure(
            draw(points, panels, runs.labels, metric),
            Path(output) / "figure3",
            _frame(points, len(runs.seeds) > 1, metric.name),
            f"{metric.heading} against the memory that a system adds to the base model at inference.",
            _notes(runs, points, metric_note(metric, scores.values())),
        )


def draw(points: Sequence[Drawn], panels: Sequence[str], names: Mapping[str, str], metric: Metric) -> Figure:
    """Draw a panel for each domain of `panels`, two beside each other, each as wide as a column."""
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    width, height = COLUMN * columns, PANEL_HEIGHT * rows + 0.15
    figure = new_figure(width, height)
    megabytes = [point.memory / MEGABYTE for point in points if point.memory]
    # room for labels on both sides
    limits = (min(megabytes) / 2.2, max(megabytes) * 2.2)
    for number, domain in enumerate(panels):
        row, column = divmod(number, columns)
        left, bottom = COLUMN * column + 0.47, height - PANEL_HEIGHT * (row + 1) + 0.32
        axes = figure.add_axes((left / width, bottom / height, (COLUMN - 0.55) / width, (PANEL_HEIGHT - 0.55) / height))
        below = number + columns >= len(panels)
        _draw_panel(axes, [point for point in points if point.domain == domain], limits, names)
        axes.set_title(domain_label(domain))
        if below:
            axes.set_xlabel("added memory (MB)", labelpad=2)
        if column == 0:
            axes.set_ylabel(metric.heading, labelpad=2)
    return figure


def _draw_panel(axes: Axes, points: Sequence[Drawn], limits: tuple[float, float], names: Mapping[str, str]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    # room for labels may reach below 0 where no score does
    least = min(0.0, *(point.score for point in points))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}" if value >= least else ""))
    spread = [point.deviation or 0.0 for point in points]
    lowest = min(point.score - more for point, more in zip(points, spread, strict=True))
    highest = max(point.score + more for point, more in zip(points, spread, strict=True))
    room = 0.16 * (highest - lowest) or 1.0
    axes.set_ylim(lowest - room, highest + room)
    named = Labels(axes)
    series: dict[str, list[Drawn]] = {}
    for point in points:
        if point.series is not None:
            series.setdefault(point.series, []).append(point)
        if point.memory == 0:
            mark = mark_of(point.system, [*names])
            named.line(axes.axhline(point.score, color=mark.colour, linewidth=0.9, linestyle=mark.line, zorder=1))
            named.add_along(point.score, names[point.system], color=mark.colour)
    for system, members in series.items():
        ordered = sorted(members, key=lambda point: point.memory)
        mark = mark_of(system, [*names])
        places = [(point.memory / MEGABYTE, point.score) for point in ordered]
        for start, end in pairwise(places):
            (line,) = axes.plot(*zip(start, end, strict=True), color=mark.colour, linewidth=0.8, linestyle=mark.line)
            named.line(line)
    for point in points:
        if point.memory:
            mark = mark_of(point.series or point.system, [*names])
            x = point.memory / MEGABYTE
            options: dict[str, Any] = {**mark.options(), "linestyle": "none", "zorder": 3}
            if point.deviation is not None:
                axes.errorbar(x, point.score, point.deviation, ecolor=mark.colour, elinewidth=0.8, **options)
            else:
                axes.plot(x, point.score, **options)
            named.mark(x, point.score, mark.extent)
            if point.system in names:
                named.add(x, point.score, names[point.system], mark.extent, weight=3)
    _name_sizes(named, series)
    named.write()


def _name_sizes(named: Labels, series: Mapping[str, Sequence[Drawn]]) -> None:
    """Write the inner dimensions of series of several: once for both systems where their points are close."""
    several = [point for members in series.values() if len(members) > 1 for point in members]
    smallest = min((point.inner_dimension or 0 for point in several), default=0)
    written: list[Drawn] = []
    for point in sorted(several, key=lambda point: (point.inner_dimension or 0, point.score)):
        x = point.memory / MEGABYTE
        near = [
            other
            for other in written
            if other.inner_dimension == point.inner_dimension
            and named.distance((x, point.score), (other.memory / MEGABYTE, other.score)) < 16
        ]
        if not near:
            text = f"inner {point.inner_dimension}" if point.inner_dimension == smallest else f"{point.inner_dimension}"
            width = mark_of(point.series or point.system, []).extent
            named.add(x, point.score, text, width, color=GREY, fontsize=SMALL)
            written.append(point)


def _point(
    runs: Selection, scores: Mapping[Key, Scored], system: str, domain: str, inner_dimension: int
) -> Drawn | None:
    """Return a system's point on a domain, None where it has no score; inner_dimension: Adapter's and INK's there."""
    keys = [key for seed in runs.seeds if (key := (system, domain, seed)) in scores]
    if not keys:
        return None
    variation = variation_named(system)
    series = variation.of if variation is not None else system if system in SIZED else None
    inner = inner_dimension if variation is None else variation.changes["adapter.inner_dimension"]
    values = [scores[key].score for key in keys]
    return Drawn(
        domain=domain,
        system=system,
        series=series,
        inner_dimension=int(inner) if series is not None else None,
        memory=sum(runs.scores[keys[0]].added_memory.values()),
        score=statistics.fmean(values),
        deviation=statistics.stdev(values) if len(values) > 1 else None,
        seeds=len(values),
    )


def _frame(points: Sequence[Drawn], several: bool, metric: str) -> pd.DataFrame:
    frame = pd.DataFrame.from_records([asdict(point) for point in points])
    if not several:
        frame = frame.drop(columns="deviation")
    names = {"memory": "memory_bytes", "score": metric, "deviation": f"{metric}_deviation"}
    return frame.rename(columns=names).astype({"inner_dimension": "Int64"})


def _notes(runs: Selection, points: Sequence[Drawn], scored_with: str) -> list[str]:
    names = runs.labels
    notes = ["Memory: bytes of the files that a system needs beside the base model (1 MB = 1,000,000 bytes)."]
    if lines := [label for system, label in names.items() if any(p.system == system and not p.memory for p in points)]:
        notes[0] += f" Horizontal lines add none: {', '.join(lines)}."
    if any(point.system not in names for point in points):
        notes.append("Connected points: one system with several inner dimensions of its adapters, written beside them.")
    notes += [scored_with, seeds_note(runs.seeds)]
    if any(point.deviation is not None for point in points):
        notes.append("Vertical bars: the standard deviation over the seeds.")
    drawn = {(point.system, point.domain) for point in points}
    panels = dict.fromkeys(point.domain for point in points)
    absent = [
        f"{label} on {domain_label(domain)}"
        for system, label in names.items()
        for domain in panels
        if (system, domain) not in drawn
    ]
    if absent:
        notes.append(f"Without a score, and not drawn: {', '.join(absent)}.")
    if left_out := [domain_label(domain) for domain in runs.domains if domain not in panels]:
        notes.append(f"Without a panel, as no system that adds memory has a score there: {', '.join(left_out)}.")
    return [*notes, _paper_note(read_paper(runs.results, "table2"))]


def _paper_note(paper: pd.DataFrame) -> str:
    averages = paper[(paper["domain"] == "Avg.") & (paper["memory"] != "-")]
    known = ", ".join(f"{row.system} {row.memory} and {row.bleu}" for row in averages.itertuples())
    return (
        "The paper's Figure 3 is not drawn: of its points, those of its Table 2 alone are known as numbers, memory in "
        f"adapters' sizes and BLEU averaged over its four domains: {known} (INK's is a misprint: its four values "
        "average 47.96). Levels compare only where model, text and datastores are the paper's."
    )
