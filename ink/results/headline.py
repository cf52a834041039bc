"""The results in short: who is ahead, and INK beside Adapter and R-kNN, from table2.csv and gains.csv."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ink.metrics.metric import Metric
from ink.results.records.paper import read_paper
from ink.results.tables.aggregation import AVERAGE, prefixes
from ink.results.tables.table_files import domain_label, rounded
from ink.runtime.errors import InkError
from ink.systems.known_systems import OFF_THE_SHELF, SYSTEMS, system_named

_ON_AVERAGE = " on average"


@dataclass(frozen=True)
class Ranked:
    """A system and its average score over the domains.

    place: from 1, None where it stands apart; paper: the paper's score on domains of the same names, None without one.
    """

    label: str
    score: float
    place: int | None
    paper: float | None


class Gain(NamedTuple):
    """What a system gains over another on average, above 0 for the better, and the interval's ends."""

    gain: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Headline:
    """The ranking, best first, what stands apart last; systems without an average; and what follows in each metric."""

    ranking: Sequence[Ranked]
    without_average: Sequence[str]
    sentences: Sequence[str]


def headline(results: Path, domains: Sequence[str], metrics: Sequence[Metric]) -> Headline:
    """Read what the tables say of these domains in these metrics, the first of which ranks.

    InkError where table2.csv or gains.csv is missing.
    """
    table, sentences = _read(results, "table2"), []
    averages = {metric: _averages(table, metric) for metric in metrics}
    best_first = {metric: _best_first(averages[metric], metric) for metric in metrics}
    for metric, prefix in zip(metrics, prefixes(metrics), strict=True):
        gains = {
            (row["system"], row["baseline"]): Gain(*(row[f"{prefix}{name}"] for name in Gain._fields))
            for row in _read(results, "gains")
            if row["domain"] == AVERAGE and not pd.isna(row[f"{prefix}gain"])
        }
        sentences += _sentences(best_first[metric], averages[metric], gains, metric, len(domains) > 1)
    first = metrics[0]
    paper = _paper(results, domains, first)
    ranking = [
        Ranked(
            label=system_named(name).label,
            score=averages[first][name],
            place=None if system_named(name).apart else place,
            paper=paper.get(system_named(name).label),
        )
        for place, name in enumerate(best_first[first], start=1)
    ]
    without = [system_named(row["system"]).label for row in table if row["system"] not in averages[first]]
    return Headline(ranking, without, sentences)


def _averages(table: Sequence[Mapping[str, Any]], metric: Metric) -> dict[str, float]:
    field = f"{metric.name}_{AVERAGE}"
    return {row["system"]: float(row[field]) for row in table if not pd.isna(row[field])}


def _best_first(averages: Mapping[str, float], metric: Metric) -> list[str]:
    return sorted(averages, key=lambda name: (system_named(name).apart, -metric.gain(averages[name])))


def _sentences(
    best_first: Sequence[str],
    averages: Mapping[str, float],
    gains: Mapping[tuple[str, str], Gain],
    metric: Metric,
    averaged: bool,
) -> list[str]:
    """Say who is best, and how systems stand beside their rivals; averaged: whether over several domains."""
    sentences = []
    rivals = [name for name in best_first if not system_named(name).apart]
    if len(rivals) > 1:
        best = rivals[0]
        text = f"Best{_ON_AVERAGE if averaged else ''} is {system_named(best).label}, "
        text += f"with {metric.heading} {averages[best]:.2f}"
        if (best, OFF_THE_SHELF) in gains:
            text += f": {_over(gains[best, OFF_THE_SHELF], metric)} over the unadapted model"
        sentences.append(f"{text}.")
    sentences += [
        _against(name, rival, gains[name, rival], metric, averaged)
        for name, system in SYSTEMS.items()
        for rival in system.compared_with
        if (name, rival) in gains
    ]
    return sentences


def _against(system: str, baseline: str, gain: Gain, metric: Metric, averaged: bool) -> str:
    """Say which of two is better, or that the interval leaves it open."""
    one, other = system_named(system).label, system_named(baseline).label
    over = f"{_over(gain, metric)}{_ON_AVERAGE if averaged else ''}"
    if gain.lower > 0:
        return f"{one} is better than {other}: {over}."
    if gain.upper < 0:
        return f"{one} is worse than {other}: {over}."
    return f"{one} and {other} cannot be told apart: {over}, an interval that includes 0."


def _over(gain: Gain, metric: Metric) -> str:
    points, lower, upper = (rounded(value, signed=True) for value in gain)
    unit = metric.heading if metric.higher_is_better else f"gained in {metric.heading}"
    return f"{points} {unit}, 95 % interval [{lower}, {upper}]"


def _read(results: Path, name: str) -> list[dict[str, Any]]:
    path = Path(results) / "tables" / f"{name}.csv"
    if not path.is_file():
        raise InkError(
            f"{path} does not exist; ink report {shlex.quote(str(results))} renders it first", code="results/incomplete"
        )
    return [{str(key): value for key, value in row.items()} for row in pd.read_csv(path).to_dict(orient="records")]


def _paper(results: Path, domains: Sequence[str], metric: Metric) -> dict[str, float]:
    """Return the paper's averages over these domains by label.

    The average of all its domains is as it prints it. None in a metric, or with a domain, that it does not have.
    """
    paper = read_paper(results, "table2")
    columns, headings = set(paper["domain"]), {domain_label(domain) for domain in domains}
    if metric.name not in paper.columns or not headings <= columns:
        return {}
    rows = paper[paper["domain"].isin(["Avg."] if headings | {"Avg."} == columns else headings)]
    means = rows.astype({metric.name: float}).groupby("system")[metric.name].mean()
    return {str(label): float(mean) for label, mean in means.items()}
