"""What adaptation forgets: scores on the general domain's test set of every system adapted to every domain.

The CSV has one row per system:

- system
- METRIC_DOMAIN, for each DOMAIN and `average`: the general test set, translated by the system adapted to DOMAIN; the
  mean over the seeds
- METRIC_DOMAIN_deviation, with several seeds: the sample standard deviation (n - 1)
- difference_DOMAIN: from off-the-shelf
- METRIC_difference_DOMAIN: the same in further metrics that are scored in the same step as the translation

Off-the-shelf is adapted to nothing: its one score stands in every column. An average is that of the seeds that have all
domains. The other formats have a table for each metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ink.metrics.metric import Metric
from ink.results.records.scores import Key, ScoredTestSet, Selection
from ink.results.tables.aggregation import (
    AVERAGE,
    absence_note,
    groups,
    mean_fields,
    metric_note,
    prefixes,
    seeds_note,
    shown_groups,
    summarise,
)
from ink.results.tables.table_files import Column, Table, domain_label, frame_of, write_tables
from ink.runtime.errors import InkError
from ink.systems.known_systems import OFF_THE_SHELF


def render(runs: Selection, output: Path, general_domain: str, metrics: Sequence[Metric]) -> list[Path]:
    """Write `output`/general.{csv,md,tex,html} of the scores that are there; InkError where no score is.

    metrics: those of SCORED_WITH_TRANSLATION that are shown.
    """
    general = _on_general(runs, general_domain)
    of_metric = list(zip(metrics, prefixes(metrics), strict=True))
    records = []
    for system in runs.labels:
        record: dict[str, Any] = {"system": system}
        for metric, prefix in of_metric:
            values = {key: score.metrics[metric.name].score for key, score in general.items()}
            whole = summarise(values, OFF_THE_SHELF, runs.domains, runs.seeds)[0]
            unadapted = None if system == OFF_THE_SHELF else whole
            for name, adapted in groups(runs.domains):
                field = f"{metric.name}_{name}"
                record |= mean_fields(field, values, system, adapted, runs.seeds)
                lacking = record[field] is None or unadapted is None
                record[f"{prefix}difference_{name}"] = None if lacking else record[field] - unadapted
        records.append(record)
    frame = frame_of(records, texts=["system"])
    shown = shown_groups(runs.domains)
    tables = []
    for metric, prefix in of_metric:
        columns = [Column("System", "system", names=runs.labels)]
        columns += [
            Column(
                "Avg." if name == AVERAGE else domain_label(name),
                f"{metric.name}_{name}",
                decimals=2,
                aside=f"{prefix}difference_{name}",
            )
            for name in shown
        ]
        caption = f"{metric.heading} on the {general_domain} domain's test set after adaptation to each domain."
        notes = ["In parentheses: difference from off-the-shelf on the same test set."]
        notes.append(metric_note(metric, (score.metrics[metric.name] for score in general.values())))
        notes.append(seeds_note(runs.seeds))
        if any(frame[f"{metric.name}_{name}"].isna().any() for name in shown):
            notes.append(absence_note(runs.domains))
        tables.append(Table(frame, caption, notes, columns))
    return write_tables(Path(output) / "general", tables)


def _on_general(runs: Selection, general_domain: str) -> dict[Key, ScoredTestSet]:
    """Collect the scores on the general test set, off-the-shelf's one under every domain.

    InkError where they are of different general domains or test sets of different size.
    """
    general: dict[Key, ScoredTestSet] = {}
    scores = replace(runs, domains=[*runs.domains, general_domain]).scores
    for (system, domain, seed), score in scores.items():
        if system == OFF_THE_SHELF and domain == general_domain:
            unadapted = ScoredTestSet(score.domain, score.sentences, score.metrics)
            general |= {(system, column, seed): unadapted for column in runs.domains}
        elif system != OFF_THE_SHELF and domain in runs.domains and score.general is not None:
            general[system, domain, seed] = score.general
    test_sets = sorted({(score.domain, score.sentences) for score in general.values()} | {(general_domain, 0)})
    if len({count for name, count in test_sets if count}) > 1 or {name for name, _ in test_sets} != {general_domain}:
        listed = ", ".join(f"{name} ({count} sentences)" for name, count in test_sets if count)
        raise InkError(
            f"scores on the general domain {general_domain} are of different test sets: {listed}; "
            "run the workflow again for the older ones",
            code="results/out-of-date",
        )
    return general
