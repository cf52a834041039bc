"""What variations differ in from the systems that they are variations of: rows and columns that tables share."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ink.results.paired_comparisons import Comparisons, with_prefixes
from ink.results.tables.aggregation import mean_fields, metric_note, passes_note, seeds_note
from ink.results.tables.table_files import DASH, PLUS_MINUS, Column

FOUND = {"difference": "gain", "lower": "lower", "upper": "upper", "p_value": "p_value"}
TEXTS, COUNTS = ("domain", "system", "baseline"), ("seeds",)


def difference_record(
    domain: str, system: str, whole: str, comparisons: Sequence[Comparisons], **other: Any
) -> dict[str, Any]:
    """Return a row: scores over the seeds in each metric, and the difference to `whole`, empty where that is `system`.

    - domain, system, `other`
    - seeds: how many
    - METRIC: the mean over the seeds
    - METRIC_deviation: over the seeds, where there are several
    - difference, lower, upper, p_value: of the first seed's comparison
    - difference_mean, difference_deviation: over the seeds that both have, where there are several
    - METRIC_difference and so on: the same in the second metric and further ones
    """
    runs = comparisons[0].runs
    record: dict[str, Any] = {"domain": domain, "system": system, **other}
    record["seeds"] = sum((system, domain, seed) in runs.scores for seed in runs.seeds)
    for one, prefix in with_prefixes(comparisons):
        values = one.values
        record |= mean_fields(one.metric.name, values, system, [domain], runs.seeds)
        found = None if system == whole else one.of(system, whole, [domain])
        record |= {f"{prefix}{name}": getattr(found, field, None) for name, field in FOUND.items()}
        if len(runs.seeds) > 1:
            pairs = [((system, domain, seed), (whole, domain, seed)) for seed in runs.seeds if system != whole]
            differences = [values[of] - values[to] for of, to in pairs if of in values and to in values]
            record[f"{prefix}difference_mean"] = statistics.fmean(differences) if differences else None
            record[f"{prefix}difference_deviation"] = statistics.stdev(differences) if len(differences) > 1 else None
    return record


def difference_notes(
    frame: pd.DataFrame, one: Comparisons, prefix: str, wholes: Sequence[str], absent: str
) -> list[str]:
    """Say how a metric's numbers were made; `absent` is said where one is missing that is not of one of `wholes`."""
    notes = [metric_note(one.metric, one.scores.values()), seeds_note(one.runs.seeds), one.note]
    notes += filter(None, [passes_note(one.runs)])
    if len(one.runs.seeds) > 1:
        notes.append(
            f"Diff. is the mean {PLUS_MINUS} standard deviation over the seeds; beside it are difference, interval and "
            f"p of seed {one.training_seed}."
        )
    compared = frame.loc[~frame["system"].isin(list(wholes)), f"{prefix}difference"]
    if frame[one.metric.name].isna().any() or compared.isna().any():
        notes.append(f"{DASH}: {absent}")
    return notes


def difference_columns(one: Comparisons, prefix: str, group: str = "", *, best: bool = True) -> list[Column]:
    """Make the columns of a metric's numbers; `best`: whether the best score of a domain stands out."""
    metric, first, mean = one.metric, "Diff.", []
    if len(one.runs.seeds) > 1:
        first, spread = f"seed {one.training_seed}", f"{prefix}difference_deviation"
        mean = [Column("Diff.", f"{prefix}difference_mean", decimals=2, deviation=spread, signed=True, group=group)]
    ends = (f"{prefix}lower", f"{prefix}upper")
    lowest = not metric.higher_is_better
    return [
        Column(metric.heading, metric.name, decimals=2, best=best, lowest=lowest, within=("domain",), group=group),
        *mean,
        Column(first, f"{prefix}difference", decimals=2, deviation="", signed=True, group=group),
        Column("95% interval", ends[0], decimals=2, signed=True, interval=ends, group=group),
        Column("p", f"{prefix}p_value", decimals=3, group=group),
    ]
