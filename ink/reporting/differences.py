"""What a variation differs in from the system that it is a variation of: rows and columns that tables share."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ink.reporting.aggregation import Key, seeds_note, summarise
from ink.reporting.comparisons import Comparisons
from ink.reporting.formats import DASH, PLUS_MINUS, Column


def difference_record(
    bleu: Mapping[Key, float],
    domain: str,
    system: str,
    whole: str,
    seeds: Sequence[int],
    comparisons: Comparisons,
) -> dict[str, Any]:
    """Return a row: BLEU over the seeds, and the difference to `whole`, empty where `system` is that itself.

    domain, system, seeds (how many), bleu (the mean); difference, lower, upper and p_value of the first seed's paired
    bootstrap; with several seeds bleu_deviation, and difference_mean and difference_deviation over those of both.
    """
    mean, deviation = summarise(bleu, system, [domain], seeds)
    several = len(seeds) > 1
    record: dict[str, Any] = {
        "domain": domain,
        "system": system,
        "seeds": sum((system, domain, seed) in bleu for seed in seeds),
        "bleu": mean,
        **({"bleu_deviation": deviation} if several else {}),
    }
    found = None if system == whole else comparisons.of(system, whole, [domain])
    for field, name in (("difference", "gain"), ("lower", "lower"), ("upper", "upper"), ("p_value", "p_value")):
        record[field] = None if found is None else getattr(found, name)
    if several:
        differences = [
            bleu[system, domain, seed] - bleu[whole, domain, seed]
            for seed in seeds
            if system != whole and (system, domain, seed) in bleu and (whole, domain, seed) in bleu
        ]
        record["difference_mean"] = statistics.fmean(differences) if differences else None
        record["difference_deviation"] = statistics.stdev(differences) if len(differences) > 1 else None
    return record


def difference_frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make rows a table, in which what is not there is no number."""
    frame = pd.DataFrame.from_records(records)
    return frame.astype(
        {name: "Float64" for name in frame.columns if name not in ("domain", "system", "baseline", "seeds")}
    )


def difference_columns(seeds: Sequence[int], group: str = "", *, best: bool = True) -> list[Column]:
    """Make the columns of the rows' numbers; `best`: whether the highest BLEU of a domain stands out."""
    several = len(seeds) > 1
    spread = "bleu_deviation" if several else None
    columns = [Column("BLEU", "bleu", decimals=2, deviation=spread, best=best, within=("domain",), group=group)]
    if several:
        columns.append(
            Column("Diff.", "difference_mean", decimals=2, deviation="difference_deviation", signed=True, group=group)
        )
    return [
        *columns,
        Column(f"seed {seeds[0]}" if several else "Diff.", "difference", decimals=2, signed=True, group=group),
        Column("95% interval", "lower", decimals=2, signed=True, interval=("lower", "upper"), group=group),
        Column("p", "p_value", decimals=3, group=group),
    ]


def difference_notes(
    frame: pd.DataFrame, seeds: Sequence[int], comparisons: Comparisons, wholes: Sequence[str], absent: str
) -> list[str]:
    """Say how the numbers were made; `absent` is said where one is missing that is not of one of `wholes`."""
    notes = [seeds_note(seeds), comparisons.note]
    if len(seeds) > 1:
        notes.append(
            f"Diff. is the mean {PLUS_MINUS} standard deviation over the seeds; beside it are difference, interval and "
            f"p of seed {seeds[0]}."
        )
    if frame["bleu"].isna().any() or frame.loc[~frame["system"].isin(list(wholes)), "difference"].isna().any():
        notes.append(f"{DASH}: {absent}")
    return notes
