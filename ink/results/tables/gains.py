"""Gains in each metric with their certainty: each system over off-the-shelf, and over what it builds on.

The CSV has one row per comparison and domain, and one for the average over the domains:

- system, baseline, domain
- gain: points of the experiment's first metric, above 0 for the better; the mean over the training seeds that both have
- lower, upper: the 95% interval, as the metric compares; over the sentences, with the seeds pooled
- p_value
- samples, seed: the bootstrap's
- training_seeds: how many
- deviation: of the gain over the training seeds, the sample standard deviation (n - 1); empty for one seed
- METRIC_gain and so on: the same, but for samples and seed, in each further metric that tables show

Numbers are empty where one of the two has not been run; an average needs all domains. INK is compared with Adapter,
R-kNN, and the kNN system that is best by the average of any of these metrics. The other formats have a table for each
metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ink.results.paired_comparisons import Comparisons, with_prefixes
from ink.results.tables.aggregation import AVERAGE, groups, shown_groups
from ink.results.tables.table_files import DASH, Column, Table, domain_label, frame_of, write_tables
from ink.systems.known_systems import BEST_KNN, OFF_THE_SHELF, system_named

PLACE = ["system", "baseline", "domain"]
OF_ALL = ["samples", "seed"]  # the bootstrap's, of every metric
FOUND = ["gain", "lower", "upper", "p_value", *OF_ALL, "training_seeds", "deviation"]


def render(output: Path, comparisons: Sequence[Comparisons]) -> list[Path]:
    """Write `output`/gains.{csv,md,tex,html}; InkError where hypotheses do not give the score on record.

    comparisons: in each metric, of the systems and domains that are shown.
    """
    runs = comparisons[0].runs
    names = runs.labels
    pairs = [(system, OFF_THE_SHELF) for system in names if system != OFF_THE_SHELF and OFF_THE_SHELF in names]
    compared = {system: system_named(system).compared_with for system in names}
    with_best = any(BEST_KNN in rivals for rivals in compared.values())
    best = [best_retrieving(one, [*names]) if with_best else None for one in comparisons]
    for system, rivals in compared.items():
        baselines = dict.fromkeys(name for rival in rivals for name in (best if rival == BEST_KNN else [rival]))
        pairs += [(system, baseline) for baseline in baselines if baseline is not None and baseline in names]
    found_fields = [
        f"{prefix}{name}"
        for _, prefix in with_prefixes(comparisons)
        for name in FOUND
        if not (prefix and name in OF_ALL)
    ]
    table = frame_of(
        [_record(comparisons, *pair, *group) for pair in pairs for group in groups(runs.domains)],
        texts=PLACE,
        counts=[name for name in found_fields if name.endswith(("samples", "seed", "training_seeds"))],
        columns=[*PLACE, *found_fields],
    )
    shown = table[table["domain"].isin(shown_groups(runs.domains))]
    headings = {domain: domain_label(domain) for domain in runs.domains} | {AVERAGE: "Average"}
    leading = [
        Column("System", "system", names=names),
        Column("Over", "baseline", names=names),
        Column("Domain", "domain", names=headings),
    ]
    tables = []
    for (one, prefix), found in zip(with_prefixes(comparisons), best, strict=True):
        metric, gain, ends = one.metric, f"{prefix}gain", (f"{prefix}lower", f"{prefix}upper")
        columns = [
            *leading,
            Column("Gain", gain, decimals=2, signed=True, deviation=f"{prefix}deviation"),
            Column("95% interval", ends[0], decimals=2, signed=True, interval=ends),
            Column("p", f"{prefix}p_value", decimals=3),
        ]
        notes = [*filter(None, [metric.gain_note]), one.pooled_note]
        if found is not None:
            of_several = f"average {metric.heading} on these test sets"
            best_in = of_several if len(runs.domains) > 1 else f"{metric.heading} on this test set"
            notes.append(f"The kNN system with the best {best_in} is {names[found]}.")
        if shown[gain].isna().any():
            average = "; an average needs all domains" if len(runs.domains) > 1 else ""
            notes.append(f"{DASH}: one of the two systems has no score there{average}.")
        if not pairs:
            notes.append(
                "Nothing to compare: the systems shown include neither off-the-shelf and another, nor INK and Adapter, "
                "a kNN system or INK + R-kNN."
            )
        caption = f"Gain in {metric.heading} over another system, with its certainty."
        tables.append(Table(shown, caption, notes, columns, csv=table))
    return write_tables(Path(output) / "gains", tables)


def best_retrieving(comparisons: Comparisons, systems: Sequence[str]) -> str | None:
    """Return the system with the best average of those that retrieve with the base model, None without one."""
    rows = [(name, system_named(name)) for name in systems]
    retrieving = [name for name, system in rows if system.section and not (system.has_adapter or system.apart)]
    averages = {
        name: comparisons.metric.gain(average)
        for name in retrieving
        if (average := comparisons.average(name)) is not None
    }
    return max(averages, key=averages.__getitem__, default=None)


def _record(
    comparisons: Sequence[Comparisons], system: str, baseline: str, name: str, domains: Sequence[str]
) -> dict[str, Any]:
    record: dict[str, Any] = {"system": system, "baseline": baseline, "domain": name}
    for one, prefix in with_prefixes(comparisons):
        if (found := one.pooled(system, baseline, domains)) is not None:
            record |= {f"{prefix}{name}": getattr(one.metric.gained(found), name) for name in FOUND}
    return record
