"""Table 2: every system's scores on every domain, with the memory that each adds; the paper's below it.

The CSV has one row per system:

- system
- seeds: how many
- memory_bytes: added at inference, summed over the domains
- memory: those bytes divided by the adapters' over the same domains
- memory_megabytes: 10^6 of those bytes; only where a system that adds memory has no adapter's beside it
- METRIC_DOMAIN, METRIC_average, for each METRIC of the experiment: means over the seeds
- NAME_deviation beside each score NAME, with several seeds: the sample standard deviation (n - 1)
- METRIC_DOMAIN_mark, where INK and Adapter are both shown, for the metrics that readers see: * where INK is better with
  p < 0.1

An average is that of the seeds that have all domains, and empty where there is none. A system that combines two others
(INK + R-kNN), or searches a reduced datastore, comes last, apart from the rows above, and is not compared with them.
The paper's table, below ours in the other formats, is results/paper/table2.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.metrics.footprint import relative_memory
from ink.metrics.metric import Metric
from ink.results.paired_comparisons import Comparisons
from ink.results.records.metric_scores import scores_in
from ink.results.records.scores import Key, Selection
from ink.results.tables.aggregation import (
    AVERAGE,
    absence_note,
    groups,
    mean_fields,
    metric_note,
    passes_note,
    seeds_note,
    shown_groups,
)
from ink.results.tables.table2_paper import paper_table
from ink.results.tables.table2_stars import BASELINE, BETTER, STAR, Stars, find_stars
from ink.results.tables.table_files import Column, Table, domain_label, frame_of, write_tables
from ink.systems.known_systems import system_named

RESTORED = (
    "References, and COMET's sources, are binarised text put back together, for its raw lines are not at hand: "
    "subwords joined, tokens detokenised, as for the paper's own scores. BLEU against raw lines differs."
)
MEGABYTES = "memory_megabytes"
NO_COMET = "COMET is not configured here (evaluation.comet is null), and so no column of ours."


def render(
    runs: Selection,
    output: Path,
    metrics: Sequence[Metric],
    comparisons: Sequence[Comparisons],
    languages: Sequence[str],
    restored: bool = False,
) -> list[Path]:
    """Write `output`/table2.{csv,md,tex,html} of the scores that are there; InkError where none is.

    metrics: those of the experiment, in the order of the columns. comparisons: in each metric that readers see.
    languages: source and target. restored: whether the references are binarised text put back together.
    """
    names = runs.labels
    scores = {metric.name: scores_in(metric, runs) for metric in metrics}
    compared = {one.metric.name: one for one in comparisons}
    shown = [metric for metric in metrics if metric.name in compared]
    with_stars = {BETTER, BASELINE} <= set(names)
    stars = find_stars(runs.domains, [compared[metric.name] for metric in shown]) if with_stars else None
    values = {name: {key: one.score for key, one in found.items()} for name, found in scores.items()}
    frame = _frame(runs, values, stars)
    in_adapters = MEGABYTES not in frame
    memory = ("Mem.", "memory", 1) if in_adapters else ("Mem. (MB)", MEGABYTES, 2)
    columns = [Column("System", "system", names=names), Column(*memory, zero_as_dash=True)]
    for metric in shown:
        columns += _columns(metric, runs.domains, stars)
    fields = [f"{metric.name}_{name}" for metric in shown for name in shown_groups(runs.domains)]
    apart = [label for system, label in names.items() if system_named(system).apart]
    are = "is" if len(apart) == 1 else "are"
    is_apart = f"{', '.join(apart)} {are} set apart: the best, in bold, is the best of the other rows."
    notes = [
        *([is_apart] if 0 < len(apart) < len(names) else []),
        *(metric_note(metric, scores[metric.name].values()) for metric in shown),
        *([] if "comet" in scores else [NO_COMET]),
        *([RESTORED] if restored else []),
        seeds_note(runs.seeds),
        _memory_note(frame, in_adapters),
        *filter(None, [passes_note(runs)]),
        *([absence_note(runs.domains)] if frame[fields].isna().any(axis=None) else []),
        *([] if stars is None else stars.notes),
        *_choices(runs),
    ]
    *others, last = [metric.heading for metric in shown]
    scored = f"{', '.join(others)} and {last}" if others else last
    caption = f"{scored} on the test set of each domain, and memory added to the base model."
    own = Table(frame, caption, notes, columns, apart=len(apart))
    paper = paper_table(runs.results, runs.domains, languages, list(names.values()))
    return write_tables(Path(output) / "table2", [own, paper])


def _frame(runs: Selection, values: Mapping[str, Mapping[Key, float]], stars: Stars | None) -> pd.DataFrame:
    memory = _memory_bytes(runs)
    relative = relative_memory(memory)
    records, marks = [], []
    for system in runs.labels:
        record: dict[str, Any] = {
            "system": system,
            "seeds": len({seed for name, _, seed in runs.scores if name == system}),
            "memory_bytes": sum(memory[system].values()) if system in memory else None,
            "memory": relative.get(system),
        }
        for metric, of_metric in values.items():
            for name, averaged in groups(runs.domains):
                field = f"{metric}_{name}"
                record |= mean_fields(field, of_metric, system, averaged, runs.seeds)
                if stars is not None and metric in stars.metrics and name != AVERAGE:
                    starred = system == BETTER and (metric, name) in stars.found
                    record[f"{field}_mark"] = STAR if starred else None
                    marks.append(f"{field}_mark")
        records.append(record)
    if any(record["memory_bytes"] and record["memory"] is None for record in records):
        for record in records:
            record[MEGABYTES] = None if record["memory_bytes"] is None else record["memory_bytes"] / 1e6
    return frame_of(records, texts=["system", *marks], counts=["seeds", "memory_bytes"])


def _memory_note(frame: pd.DataFrame, in_adapters: bool) -> str:
    if not frame["memory_bytes"].fillna(0).any():
        return "Mem.: no system here adds bytes at inference."
    unit = "the adapters' are 1.0" if in_adapters else "in MB (10^6 bytes), where no adapter is there to be the unit"
    return f"Mem.: bytes added at inference, summed over the domains; {unit}."


def _columns(metric: Metric, domains: Sequence[str], stars: Stars | None) -> list[Column]:
    return [
        Column(
            "Avg." if name == AVERAGE else domain_label(name),
            f"{metric.name}_{name}",
            decimals=2,
            best=True,
            lowest=not metric.higher_is_better,
            mark=f"{metric.name}_{name}_mark" if stars is not None and name != AVERAGE else None,
            group=metric.heading,
        )
        for name in shown_groups(domains)
    ]


def _memory_bytes(runs: Selection) -> dict[str, dict[str, int]]:
    """Sum the bytes of each system's files per domain, of the first seed: another seed changes values, not sizes."""
    memory: dict[str, dict[str, int]] = {}
    for score in sorted(runs.scores.values(), key=lambda score: score.seed):
        memory.setdefault(score.system, {}).setdefault(score.domain, sum(score.added_memory.values()))
    return memory


def _choices(runs: Selection) -> list[str]:
    notes = []
    for system, label in runs.labels.items():
        if choices := [choice for domain in runs.domains if (choice := _choice(runs, system, domain))]:
            notes.append(f"{label}, chosen on dev: {'; '.join(choices)}.")
    return notes


def _choice(runs: Selection, system: str, domain: str) -> str:
    """Say which hyper-parameters were chosen for a domain; the seeds are told apart only where their choices differ."""
    texts: dict[str, list[int]] = {}
    for seed in runs.seeds:
        score = runs.scores.get((system, domain, seed))
        if score is not None and score.chosen:
            plain = {name: value for name, value in score.chosen.items() if isinstance(value, str | int | float)}
            text = ", ".join(f"{name} = {value}" for name, value in plain.items())
            texts.setdefault(text, []).append(seed)
    by_seed = {text: f" (seed {', '.join(map(str, seeds))})" if len(texts) > 1 else "" for text, seeds in texts.items()}
    choices = [f"{text}{seeds}" for text, seeds in by_seed.items() if text]
    return f"{domain_label(domain)} {' or '.join(choices)}" if choices else ""
