"""Gains in BLEU with their certainty, by paired bootstrap: each system over off-the-shelf, and over what it builds on.

CSV, one row a comparison and domain, then one for the average over the domains: system, baseline, domain, gain (BLEU
points), lower and upper (95% interval), p_value, samples, seed (of the bootstrap). Of several training seeds the
first is taken: a bootstrap resamples sentences, not trainings. Empty where one of the two has not been run; an
average needs all domains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.reporting.aggregation import AVERAGE, groups
from ink.reporting.comparisons import Comparisons
from ink.reporting.formats import DASH, Column, domain_label, write_table
from ink.reporting.scores import labels

BASELINE = "off_the_shelf"
BUILDING_ON = (("ink", "adapter"), ("ink_r_knn", "ink"))
FIELDS = ["system", "baseline", "domain", "gain", "lower", "upper", "p_value", "samples", "seed"]


def render(output: Path, domains: Sequence[str], systems: Sequence[str], comparisons: Comparisons) -> list[Path]:
    """Write `output`/gains.{csv,md,tex,html}; InkError where hypotheses do not give the BLEU on record."""
    names = labels(systems)
    pairs = [(system, BASELINE) for system in names if system != BASELINE and BASELINE in names]
    pairs += [(system, baseline) for system, baseline in BUILDING_ON if system in names and baseline in names]
    records = [record for system, baseline in pairs for record in _compare(comparisons, system, baseline, domains)]
    table = pd.DataFrame.from_records(records, columns=FIELDS).astype({"samples": "Int64", "seed": "Int64"})
    headings = {domain: domain_label(domain) for domain in domains} | {AVERAGE: "Average"}
    columns = [
        Column("System", "system", names=names),
        Column("Over", "baseline", names=names),
        Column("Domain", "domain", names=headings),
        Column("Gain", "gain", decimals=2, signed=True),
        Column("95% interval", "lower", decimals=2, signed=True, interval=("lower", "upper")),
        Column("p", "p_value", decimals=3),
    ]
    notes = [comparisons.note]
    if table["gain"].isna().any():
        notes.append(f"{DASH}: one of the two systems has no score there; an average needs all domains.")
    if not pairs:
        notes.append(
            "Nothing to compare: the systems shown include neither off-the-shelf and another nor Adapter and INK, nor "
            "INK and INK + R-kNN."
        )
    caption = "Gain in BLEU over another system, with its certainty."
    return write_table(table, Path(output) / "gains", caption, notes, columns)


def _compare(comparisons: Comparisons, system: str, baseline: str, domains: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name, compared in groups(domains):
        record: dict[str, Any] = {"system": system, "baseline": baseline, "domain": name}
        if found := comparisons.of(system, baseline, compared):
            record |= {"gain": found.gain, "lower": found.lower, "upper": found.upper, "p_value": found.p_value}
            record |= {"samples": found.samples, "seed": found.seed}
        yield record
