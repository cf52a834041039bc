"""Figure 4: what R-kNN, INK and both gain over the off-the-shelf model in a metric, BLEU in the paper's, beside that.

The CSV has one row per domain, system and source:

- domain, system
- source: ours, or paper
- gain: points over off-the-shelf, above 0 for the better; ours is of the first seed
- lower, upper, of ours: the 95% interval, as the metric compares, of the first seed
- p_value, of ours: of the first seed
- gain_mean, gain_deviation, of ours with several seeds: mean and sample standard deviation (n - 1) over the seeds
- seeds, of ours with several seeds: how many
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ink.metrics.bootstrap import Comparison
from ink.metrics.metric import Metric
from ink.results.figures.style import COLUMN, TEXT, mark_of, new_figure, styled, write_figure
from ink.results.paired_comparisons import Comparisons
from ink.results.records.paper import read_paper
from ink.results.records.scores import labels
from ink.results.tables.table_files import PLUS_MINUS, domain_label, rounded
from ink.runtime.errors import InkError
from ink.systems.known_systems import BLACK, GREY, OFF_THE_SHELF, SYSTEMS

ROW_HEIGHT, TOP, BOTTOM, LEFT = 0.2, 0.3, 0.42, 0.88  # inches
ABOVE, BELOW = 0.15, 0.2  # rows: ours stands above the row's middle, the paper's below
WIDTH = 5.0  # points, of a mark


@dataclass(frozen=True)
class Gain:
    """What a system gains on a domain: measured, by seed, and in the paper, where that says it."""

    domain: str
    system: str
    found: Comparison
    by_seed: Sequence[float]
    paper: float | None

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation (n - 1) over the seeds, None for one."""
        return statistics.stdev(self.by_seed) if len(self.by_seed) > 1 else None


def render(output: Path, comparisons: Comparisons) -> list[Path]:
    """Write `output`/figure4.{svg,png,csv,md}; InkError where there is no gain to draw, or hypotheses do not fit.

    comparisons: in the metric of the horizontal axis, of the off-the-shelf model and those of R-kNN, INK and
    INK + R-kNN that are drawn.
    """
    runs, metric = comparisons.runs, comparisons.metric
    names = {system: label for system, label in runs.labels.items() if system != OFF_THE_SHELF}
    gains = _gains(comparisons, [*names])
    if not gains:
        raise InkError(
            f"{runs.results}: no gain to draw in Figure 4, since on {', '.join(runs.domains)} either the off-the-shelf "
            f"model or each of {', '.join(names.values())} has no score; run the workflow for them",
            code="results/none",
        )
    compared = ", and what the paper gained" if _in_paper(runs.results, metric) else ""
    with styled():
        return write_figure(
            draw(gains, names, metric),
            Path(output) / "figure4",
            _frame(gains, len(runs.seeds) > 1),
            f"{metric.heading} gained over the off-the-shelf model{compared}.",
            _notes(gains, names, comparisons),
        )


def draw(gains: Sequence[Gain], names: Mapping[str, str], metric: Metric) -> Figure:
    """Draw a row for each gain, under its domain, as wide as a column."""
    domains = list(dict.fromkeys(gain.domain for gain in gains))
    rows = len(gains) + len(domains)
    height = rows * ROW_HEIGHT + TOP + BOTTOM
    figure = new_figure(COLUMN, height)
    axes = figure.add_axes((LEFT / COLUMN, BOTTOM / height, (COLUMN - LEFT - 0.1) / COLUMN, rows * ROW_HEIGHT / height))
    axes.axvline(0, color=BLACK, linewidth=0.6, zorder=1)
    row, ticks = 0.0, {}
    for domain in domains:
        axes.annotate(
            domain_label(domain),
            (0, row),
            xytext=(-LEFT * 72 + 4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=TEXT + 0.5,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
        for gain in gains:
            if gain.domain == domain:
                row += 1
                ticks[row] = names[gain.system]
                _draw_gain(axes, gain, row)
        row += 1
    axes.set_yticks([*ticks], [*ticks.values()])
    axes.tick_params(axis="y", length=0, labelsize=TEXT)
    axes.set_ylim(row - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.04)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{metric.heading} gained over off-the-shelf NMT", labelpad=2)
    _draw_key(figure, gains)
    return figure


def _draw_gain(axes: Axes, gain: Gain, row: float) -> None:
    mark = mark_of(gain.system, [])
    mark = replace(mark, width=WIDTH * (1.3 if mark.shape == "P" else 1))
    found, height = gain.found, row - ABOVE
    axes.plot((found.lower, found.upper), (height, height), color=mark.colour, linewidth=1.2, zorder=2)
    axes.plot(found.gain, height, **replace(mark, filled=True).options(), zorder=4)
    for other in gain.by_seed[1:]:
        axes.plot(other, height, marker="|", markersize=WIDTH + 1, color=BLACK, markeredgewidth=0.7, zorder=3)
    if gain.paper is not None:
        axes.plot(gain.paper, row + BELOW, **replace(mark, filled=False).options(), zorder=4)


def _draw_key(figure: Figure, gains: Sequence[Gain]) -> None:
    dot: dict[str, Any] = {"marker": "o", "markersize": WIDTH, "markeredgecolor": GREY}
    key = [Line2D([], [], color=GREY, markerfacecolor=GREY, label="ours, 95% interval", **dot)]
    if any(len(gain.by_seed) > 1 for gain in gains):
        options: dict[str, Any] = {"marker": "|", "markersize": WIDTH + 1, "markeredgewidth": 0.7}
        key.append(Line2D([], [], color=BLACK, linestyle="none", label="other seeds", **options))
    if any(gain.paper is not None for gain in gains):
        key.append(Line2D([], [], linestyle="none", markerfacecolor="none", label="the paper", **dot))
    figure.legend(
        handles=key,
        loc="upper right",
        ncols=len(key),
        frameon=False,
        borderaxespad=0.3,
        handlelength=1.6,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def _gains(comparisons: Comparisons, systems: Sequence[str]) -> list[Gain]:
    metric, values, runs = comparisons.metric, comparisons.values, comparisons.runs
    paper = _paper_gains(runs.results, metric)
    gains = []
    for domain in runs.domains:
        for system in systems:
            if (found := comparisons.of(system, OFF_THE_SHELF, [domain])) is None:
                continue
            scores = [values[key] for seed in runs.seeds if (key := (system, domain, seed)) in values]
            before = values[OFF_THE_SHELF, domain, comparisons.training_seed]  # nothing is trained: it runs once
            by_seed = [metric.gain(score - before) for score in scores]
            printed = paper.get((domain_label(domain), system))
            gains.append(Gain(domain, system, metric.gained(found), by_seed, printed))
    return gains


def _in_paper(results: Path, metric: Metric) -> bool:
    """Whether the paper's Table 2 has the metric."""
    return metric.name in read_paper(results, "table2").columns


def _paper_gains(results: Path, metric: Metric) -> dict[tuple[str, str], float]:
    """Take the paper's gains by domain's label and system: from its Table 2, and from its text on Figure 4."""
    if not _in_paper(results, metric):
        return {}
    table = read_paper(results, "table2")
    names = labels([OFF_THE_SHELF, *(name for name, system in SYSTEMS.items() if system.in_figure4)])
    printed = {(row["domain"], row["system"]): float(row[metric.name]) for row in table.to_dict(orient="records")}
    gains = {}
    for domain in table["domain"].unique():
        for system in ("r_knn", "ink"):
            gains[domain, system] = round(printed[domain, names[system]] - printed[domain, names[OFF_THE_SHELF]], 2)
    for domain, over_ink in _text_gains(results, metric).items():
        gains[domain, "ink_r_knn"] = round(gains[domain, "ink"] + float(over_ink), 2)
    return gains


def _text_gains(results: Path, metric: Metric) -> dict[str, str]:
    """Return what the paper's text on Figure 4 says that INK + R-kNN gains over INK, by domain's label."""
    text, field = read_paper(results, "figure4_text"), f"{metric.name}_gain_of_INK+R-kNN_over_INK"
    return dict(zip(text["domain"], text[field], strict=True)) if field in text.columns else {}


def _frame(gains: Sequence[Gain], several: bool) -> pd.DataFrame:
    records: list[dict[str, Any]] = []
    for gain in gains:
        place, found = {"domain": gain.domain, "system": gain.system}, gain.found
        record = {**place, "source": "ours", "gain": found.gain, "lower": found.lower, "upper": found.upper}
        record["p_value"] = found.p_value
        if several:
            record |= {"gain_mean": statistics.fmean(gain.by_seed), "gain_deviation": gain.deviation}
            record["seeds"] = len(gain.by_seed)
        records.append(record)
        if gain.paper is not None:
            records.append({**place, "source": "paper", "gain": gain.paper})
    frame = pd.DataFrame.from_records(records)
    return frame.astype({"seeds": "Int64"}) if several else frame


def _notes(gains: Sequence[Gain], names: Mapping[str, str], comparisons: Comparisons) -> list[str]:
    metric, runs = comparisons.metric, comparisons.runs
    notes = [*filter(None, [metric.gain_note]), comparisons.note]
    if len(runs.seeds) > 1:
        means = []
        for gain in gains:
            spread = "" if gain.deviation is None else f" {PLUS_MINUS} {gain.deviation:.2f}"
            mean = rounded(statistics.fmean(gain.by_seed), signed=True)
            means.append(f"{domain_label(gain.domain)} {names[gain.system]} {mean}{spread}")
        notes.append(
            f"Ours and its interval are of seed {runs.seeds[0]}, the other seeds are strokes. Mean gain {PLUS_MINUS} "
            f"standard deviation (n - 1) over the seeds {', '.join(map(str, runs.seeds))}: {', '.join(means)}."
        )
    drawn = {(gain.system, gain.domain) for gain in gains}
    absent = [
        f"{label} on {domain_label(domain)}"
        for domain in runs.domains
        for system, label in names.items()
        if (system, domain) not in drawn
    ]
    if absent:
        notes.append(f"Without a score, its own or off-the-shelf's, and not drawn: {', '.join(absent)}.")
    if not _in_paper(runs.results, metric):
        return [*notes, f"The paper gives no {metric.heading}; its Figure 4 is in BLEU."]
    both = ", ".join(f"{domain} {gain}" for domain, gain in _text_gains(runs.results, metric).items())
    of_both = f"; INK + R-kNN's are INK's with what its text says of Figure 4 ({both}; of Koran nothing is said)"
    notes.append(
        f"The paper's gains are differences of {metric.heading} in its Table 2{of_both if both else ''}. It gives no "
        "intervals. Levels compare only where base model and text are the paper's; the order of the systems may "
        "elsewhere too."
    )
    return notes
