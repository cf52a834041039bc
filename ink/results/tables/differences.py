"""What variations differ in from the systems that they are variations of: rows and columns that tables share."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ink.results.paired_comparisons import Comparisons, in_turn
from ink.results.records.metric_scores import metric_note
from ink.results.tables.aggregation import seeds_note, summarise
from ink.results.tables.table_files import DASH, PLUS_MINUS, Column

FOUND = {"difference": "gain", "lower": "lower", "upper": "upper", "p_value": "p_value"}
TEXTS = ("domain", "system", "baseline", "seeds")


def difference_record(
    domain: str, system: str, whole: str, comparisons: Sequence[Comparisons], **other: Any
) -> dict[str, Any]:
    """Return a row: scores over the seeds in each metric, and the difference to `whole`, empty where that is `system`.

    domain, system, `other`, seeds (how many); then in each metric its name (the mean), difference, lower, upper and
    p_value of the first seed's comparison, with several seeds METRIC_deviation, and difference_mean and
    difference_deviation over those of both. Of the second metric and further ones, METRIC_difference and so on.
    """
    first = comparisons[0]
    several = len(first.training_seeds) > 1
    record: dict[str, Any] = {"domain": domain, "system": system, **other}
    record["seeds"] = sum((system, domain, seed) in first.runs for seed in first.training_seeds)
    for one, prefix in in_turn(comparisons):
        name, values = one.metric.name, one.values
        record[name], deviation = summarise(values, system, [domain], one.training_seeds)
        if several:
            record[f"{name}_deviation"] = deviation
        found = None if system == whole else one.of(system, whole, [domain])
        record |= {f"{prefix}{to}": None if found is None else getattr(found, field) for to, field in FOUND.items()}
        if several:
            both = [((system, domain, seed), (whole, domain, seed)) for seed in one.training_seeds if system != whole]
            differences = [values[of] - values[to] for of, to in both if of in values and to in values]
            record[f"{prefix}difference_mean"] = statistics.fmean(differences) if differences else None
            record[f"{prefix}difference_deviation"] = statistics.stdev(differences) if len(differences) > 1 else None
    return record


def difference_frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make rows a table, in which what is not there is no number."""
    frame = pd.DataFrame.from_records(list(records))
    return frame.astype({name: "Float64" for name in frame.columns if name not in TEXTS})


def difference_notes(
    frame: pd.DataFrame, one: Comparisons, prefix: str, wholes: Sequence[str], absent: str
) -> list[str]:
    """Say how a metric's numbers were made; `absent` is said where one is missing that is not of one of `wholes`."""
    notes = [metric_note(one.metric, one.scores.values()), seeds_note(one.training_seeds), one.note]
    if one.further_seeds:
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
    metric, several = one.metric, bool(one.further_seeds)
    columns = [
        Column(
            metric.heading,
            metric.name,
            decimals=2,
            deviation=f"{metric.name}_deviation" if several else None,
            best=best,
            lowest=not metric.higher_is_better,
            within=("domain",),
            group=group,
        )
    ]
    if several:
        mean, spread = f"{prefix}difference_mean", f"{prefix}difference_deviation"
        columns.append(Column("Diff.", mean, decimals=2, deviation=spread, signed=True, group=group))
    heading = f"seed {one.training_seed}" if several else "Diff."
    ends = (f"{prefix}lower", f"{prefix}upper")
    return [
        *columns,
        Column(heading, f"{prefix}difference", decimals=2, signed=True, group=group),
        Column("95% interval", ends[0], decimals=2, signed=True, interval=ends, group=group),
        Column("p", f"{prefix}p_value", decimals=3, group=group),
    ]
