"""What adaptation forgets: scores on the general domain's test set of every system adapted to every domain.

CSV, one row a system: system, then for each DOMAIN and for `average` METRIC_DOMAIN (the general test set, translated by
the system adapted to DOMAIN) and difference_DOMAIN (from off-the-shelf), and the same, as METRIC_difference_DOMAIN, in
further metrics that translations are scored with at once. Means over the seeds; with several seeds each METRIC_DOMAIN
has METRIC_DOMAIN_deviation beside it, the sample standard deviation (n - 1). Off-the-shelf is adapted to nothing: its
one score stands in every column. An average is that of the seeds that have all domains. The other files have a table
for each metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.metrics.metric import Metric
from ink.results.records.scores import Score, ScoredTestSet, labels, read_scores, select
from ink.results.tables.aggregation import (
    AVERAGE,
    Key,
    absence_note,
    groups,
    prefixes,
    seeds_note,
    signature_note,
    summarise,
)
from ink.results.tables.table_files import Column, Table, domain_label, write_tables
from ink.runtime.errors import InkError
from ink.systems.known_systems import OFF_THE_SHELF


def render(
    results: Path,
    output: Path,
    domains: Sequence[str],
    systems: Sequence[str],
    seeds: Sequence[int],
    general_domain: str,
    metrics: Sequence[Metric],
) -> list[Path]:
    """Write `output`/general.{csv,md,tex,html} of the scores that are there; InkError where no score is.

    metrics: those of SCORED_WITH_TRANSLATION that are shown.
    """
    names = labels(systems)
    selected = select(read_scores(results), systems, [*domains, general_domain], seeds)
    general = _on_general(selected, domains, general_domain)
    several = len(seeds) > 1
    of_metric = dict(zip(metrics, prefixes(metrics), strict=True))
    records = []
    for system in names:
        record: dict[str, Any] = {"system": system}
        for metric, prefix in of_metric.items():
            values = {key: score.metrics[metric.name].score for key, score in general.items()}
            unadapted, _ = summarise(values, OFF_THE_SHELF, domains, seeds)
            for name, adapted in groups(domains):
                mean, deviation = summarise(values, system, adapted, seeds)
                record[f"{metric.name}_{name}"] = mean
                if several:
                    record[f"{metric.name}_{name}_deviation"] = deviation
                if mean is None or unadapted is None or system == OFF_THE_SHELF:
                    record[f"{prefix}difference_{name}"] = None
                else:
                    record[f"{prefix}difference_{name}"] = mean - unadapted
        records.append(record)
    frame = pd.DataFrame.from_records(records)
    frame = frame.astype({field: "Float64" for field in frame.columns if field != "system"})
    headings = {domain: domain_label(domain) for domain in domains} | {AVERAGE: "Avg."}
    tables = []
    for metric, prefix in of_metric.items():
        columns = [
            Column("System", "system", names=names),
            *(
                Column(
                    heading,
                    f"{metric.name}_{name}",
                    decimals=2,
                    deviation=f"{metric.name}_{name}_deviation" if several else None,
                    aside=f"{prefix}difference_{name}",
                )
                for name, heading in headings.items()
            ),
        ]
        caption = f"{metric.heading} on the {general_domain} domain's test set after adaptation to each domain."
        notes = ["In parentheses: difference from off-the-shelf on the same test set."]
        notes.append(signature_note((score.metrics[metric.name].signature for score in general.values()), metric))
        notes.append(seeds_note(seeds))
        if any(frame[f"{metric.name}_{name}"].isna().any() for name in headings):
            notes.append(absence_note())
        tables.append(Table(frame, caption, notes, columns))
    return write_tables(Path(output) / "general", tables)


def _on_general(selected: Mapping[Key, Score], domains: Sequence[str], general_domain: str) -> dict[Key, ScoredTestSet]:
    """Collect the scores on the general test set, off-the-shelf's one under every domain.

    InkError where they are of different general domains or test sets of different size.
    """
    general: dict[Key, ScoredTestSet] = {}
    for (system, domain, seed), score in selected.items():
        if system == OFF_THE_SHELF and domain == general_domain:
            unadapted = ScoredTestSet(score.domain, score.sentences, score.metrics)
            general |= {(system, column, seed): unadapted for column in domains}
        elif system != OFF_THE_SHELF and domain in domains and score.general is not None:
            general[system, domain, seed] = score.general
    test_sets = sorted({(score.domain, score.sentences) for score in general.values()} | {(general_domain, 0)})
    if len({count for name, count in test_sets if count}) > 1 or {name for name, _ in test_sets} != {general_domain}:
        told = ", ".join(f"{name} ({count} sentences)" for name, count in test_sets if count)
        raise InkError(
            f"scores on the general domain {general_domain} are of different test sets: {told}; "
            "run the workflow again for the older ones"
        )
    return general
