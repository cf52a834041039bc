"""Gains in BLEU with their certainty, by paired bootstrap: each system over off-the-shelf, and over what it builds on.

CSV, one row a comparison and domain, then one for the average over the domains: system, baseline, domain, gain (BLEU
points), lower and upper (95% interval), p_value, samples, seed (of the bootstrap), training_seeds (how many),
deviation. A gain is the mean over the training seeds that both have, its deviation the sample standard deviation
(n - 1) over them, empty for one; the interval is over the sentences, with the seeds pooled. Empty where one of the two
has not been run; an average needs all domains. INK is compared with Adapter, R-kNN, and the kNN system that is best by
average BLEU.
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
from ink.systems import BEST_KNN, OFF_THE_SHELF, system_named

FOUND = ["gain", "lower", "upper", "p_value", "samples", "seed", "training_seeds", "deviation"]
FIELDS = ["system", "baseline", "domain", *FOUND]


def render(output: Path, domains: Sequence[str], systems: Sequence[str], comparisons: Comparisons) -> list[Path]:
    """Write `output`/gains.{csv,md,tex,html}; InkError where hypotheses do not give the BLEU on record."""
    names = labels(systems)
    pairs = [(system, OFF_THE_SHELF) for system in names if system != OFF_THE_SHELF and OFF_THE_SHELF in names]
    compared = {system: system_named(system).compared_with for system in names}
    with_best = any(BEST_KNN in rivals for rivals in compared.values())
    best = best_retrieving(comparisons, [*names]) if with_best else None
    for system, rivals in compared.items():
        baselines = dict.fromkeys(best if rival == BEST_KNN else rival for rival in rivals)
        pairs += [(system, baseline) for baseline in baselines if baseline is not None and baseline in names]
    records = [record for system, baseline in pairs for record in _compare(comparisons, system, baseline, domains)]
    counts = dict.fromkeys(("samples", "seed", "training_seeds"), "Int64")
    table = pd.DataFrame.from_records(records, columns=FIELDS).astype({**counts, "deviation": "Float64"})
    headings = {domain: domain_label(domain) for domain in domains} | {AVERAGE: "Average"}
    columns = [
        Column("System", "system", names=names),
        Column("Over", "baseline", names=names),
        Column("Domain", "domain", names=headings),
        Column("Gain", "gain", decimals=2, signed=True, deviation="deviation"),
        Column("95% interval", "lower", decimals=2, signed=True, interval=("lower", "upper")),
        Column("p", "p_value", decimals=3),
    ]
    notes = [comparisons.pooled_note]
    if best is not None:
        notes.append(f"The kNN system with the best average BLEU on these test sets is {names[best]}.")
    if table["gain"].isna().any():
        notes.append(f"{DASH}: one of the two systems has no score there; an average needs all domains.")
    if not pairs:
        notes.append(
            "Nothing to compare: the systems shown include neither off-the-shelf and another, nor INK and Adapter, a "
            "kNN system or INK + R-kNN."
        )
    caption = "Gain in BLEU over another system, with its certainty."
    return write_table(table, Path(output) / "gains", caption, notes, columns)


def best_retrieving(comparisons: Comparisons, systems: Sequence[str]) -> str | None:
    """Return the system with the best average BLEU of those that retrieve with the base model, None without one."""
    retrieving = [name for name in systems if system_named(name).retrieves and not system_named(name).has_adapter]
    averages = {name: average for name in retrieving if (average := comparisons.average(name)) is not None}
    return max(averages, key=averages.__getitem__, default=None)


def _compare(comparisons: Comparisons, system: str, baseline: str, domains: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name, compared in groups(domains):
        record: dict[str, Any] = {"system": system, "baseline": baseline, "domain": name}
        if found := comparisons.pooled(system, baseline, compared):
            record |= {name: getattr(found, name) for name in FOUND}
        yield record
