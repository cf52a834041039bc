"""What came out: who is ahead by average BLEU, and INK beside Adapter and R-kNN, from table2.csv and gains.csv."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ink.errors import InkError
from ink.reporting.aggregation import AVERAGE
from ink.reporting.paper import read_paper
from ink.systems import OFF_THE_SHELF, SYSTEMS, system_named


@dataclass(frozen=True)
class Ranked:
    """A system and its average BLEU. place: from 1, None where it stands apart; paper: the paper's average."""

    label: str
    bleu: float
    place: int | None
    paper: float | None


@dataclass(frozen=True)
class Headline:
    """The ranking, best first, what stands apart last; systems that have no average; and what follows from both."""

    ranking: Sequence[Ranked]
    without_average: Sequence[str]
    sentences: Sequence[str]


def headline(results: Path) -> Headline:
    """Read what the tables say; InkError where table2.csv or gains.csv is missing."""
    averages = {
        row["system"]: float(row[f"bleu_{AVERAGE}"])
        for row in _read(results, "table2")
        if not pd.isna(row[f"bleu_{AVERAGE}"])
    }
    without = [system_named(row["system"]).label for row in _read(results, "table2") if row["system"] not in averages]
    gains = {
        (row["system"], row["baseline"]): row
        for row in _read(results, "gains")
        if row["domain"] == AVERAGE and not pd.isna(row["gain"])
    }
    best_first = sorted(averages, key=lambda name: (system_named(name).apart, -averages[name]))
    paper = _paper(results)
    ranking = [
        Ranked(
            label=system_named(name).label,
            bleu=averages[name],
            place=None if system_named(name).apart else place,
            paper=paper.get(system_named(name).label),
        )
        for place, name in enumerate(best_first, start=1)
    ]
    return Headline(ranking, without, [*_sentences(best_first, averages, gains)])


def _sentences(
    best_first: Sequence[str], averages: Mapping[str, float], gains: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[str]:
    sentences = []
    rivals = [name for name in best_first if not system_named(name).apart]
    if len(rivals) > 1:
        best = rivals[0]
        text = f"Best on average is {system_named(best).label}, with BLEU {averages[best]:.2f}"
        if (best, OFF_THE_SHELF) in gains:
            text += f": {_over(gains[best, OFF_THE_SHELF])} over the unadapted model"
        sentences.append(f"{text}.")
    sentences += [
        _against(name, rival, gains[name, rival])
        for name, system in SYSTEMS.items()
        for rival in system.compared_with
        if (name, rival) in gains
    ]
    return sentences


def _against(system: str, baseline: str, gain: Mapping[str, Any]) -> str:
    """Say which of two is better, or that the interval leaves it open."""
    one, other = system_named(system).label, system_named(baseline).label
    if gain["lower"] > 0:
        return f"{one} is better than {other}: {_over(gain)} on average."
    if gain["upper"] < 0:
        return f"{one} is worse than {other}: {_over(gain)} on average."
    return f"{one} and {other} cannot be told apart: {_over(gain)} on average, an interval that includes 0."


def _over(gain: Mapping[str, Any]) -> str:
    points, lower, upper = (f"{gain[name]:+.2f}".replace("-", "−") for name in ("gain", "lower", "upper"))
    return f"{points} BLEU, 95 % interval [{lower}, {upper}]"


def _read(results: Path, name: str) -> list[dict[str, Any]]:
    path = Path(results) / "tables" / f"{name}.csv"
    if not path.is_file():
        raise InkError(f"{path} does not exist; ink report {shlex.quote(str(results))} renders it first")
    return [{str(key): value for key, value in row.items()} for row in pd.read_csv(path).to_dict(orient="records")]


def _paper(results: Path) -> dict[str, float]:
    """Return the paper's averages by label."""
    paper = read_paper(results, "table2")
    return {row["system"]: float(row["bleu"]) for row in paper.to_dict(orient="records") if row["domain"] == "Avg."}
