"""Table 2: every system's scores on every domain, with the memory that each adds; the paper's below it.

CSV, one row a system: system, seeds (how many), memory_bytes (added at inference, summed over the domains), memory
(those bytes divided by the adapters' over the same domains), then for each METRIC of the experiment METRIC_DOMAIN for
each domain and METRIC_average. Scores are means over the seeds; with several seeds each has a second column
NAME_deviation, the sample standard deviation (n - 1). An average is that of the seeds that have all domains, and empty
where there is none. Where INK and Adapter are both shown, METRIC_DOMAIN_mark, of the metrics that readers see, is *
where INK is better with p < 0.1. A system that combines two others (INK + R-kNN) comes last, apart from the rows above,
and is not compared with them. The paper's table, below ours in the other formats, is results/paper/table2.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.metrics.footprint import relative_memory
from ink.metrics.metric import Metric
from ink.results.paired_comparisons import Comparisons
from ink.results.records.metric_scores import metric_note, scores_in
from ink.results.records.scores import Score, labels, read_scores, select
from ink.results.tables.aggregation import AVERAGE, Key, absence_note, groups, seeds_note, summarise
from ink.results.tables.table2_paper import paper_table
from ink.results.tables.table2_stars import BASELINE, BETTER, STAR, Stars, find_stars
from ink.results.tables.table_files import Column, Table, domain_label, write_tables
from ink.systems.known_systems import system_named

Selected = Mapping[Key, Score]
RESTORED = (
    "References, and COMET's sources, are binarised text put back together, for its raw lines are not at hand: "
    "subwords joined, tokens detokenised, as for the paper's own scores. BLEU against raw lines differs."
)
NO_COMET = "COMET is not configured here (evaluation.comet is null), and so no column of ours."


def render(
    results: Path,
    output: Path,
    domains: Sequence[str],
    systems: Sequence[str],
    seeds: Sequence[int],
    comparisons: Sequence[Comparisons],
    languages: Sequence[str],
    metrics: Sequence[Metric],
    restored: bool = False,
) -> list[Path]:
    """Write `output`/table2.{csv,md,tex,html} of the scores that are there; InkError where none is.

    comparisons: in each metric that readers see. languages: source and target. metrics: those of the experiment, in the
    order of the columns. restored: whether the references are binarised text put back together.
    """
    names = labels(systems)
    selected = select(read_scores(results), systems, domains, seeds)
    scores = {metric.name: scores_in(metric, results, selected) for metric in metrics}
    compared = {one.metric.name: one for one in comparisons}
    shown = [metric for metric in metrics if metric.name in compared]
    with_stars = {BETTER, BASELINE} <= set(names)
    stars = find_stars(domains, [compared[metric.name] for metric in shown]) if with_stars else None
    values = {name: {key: one.score for key, one in found.items()} for name, found in scores.items()}
    frame = _frame(selected, values, names, domains, seeds, stars)
    columns = [Column("System", "system", names=names), Column("Mem.", "memory", decimals=1, zero_as_dash=True)]
    for metric in shown:
        columns += _columns(metric, domains, len(seeds) > 1, stars)
    absent = any(frame[f"{metric.name}_{name}"].isna().any() for metric in shown for name, _ in groups(domains))
    notes = [
        *(metric_note(metric, scores[metric.name].values()) for metric in shown),
        *([] if "comet" in scores else [NO_COMET]),
        *([RESTORED] if restored else []),
        *_notes(seeds, bool(frame["memory"].fillna(0).any()), absent),
        *([] if stars is None else stars.notes),
    ]
    notes += _choices(selected, domains, seeds, names)
    apart = [label for system, label in names.items() if system_named(system).apart]
    if 0 < len(apart) < len(names):
        notes.insert(0, f"{', '.join(apart)} is set apart: the best, in bold, is the best of the other rows.")
    *others, last = [metric.heading for metric in shown]
    scored = f"{', '.join(others)} and {last}" if others else last
    caption = f"{scored} on the test set of each domain, and memory added to the base model."
    own = Table(frame, caption, notes, columns, apart=len(apart))
    paper = paper_table(results, domains, languages, list(names.values()))
    return write_tables(Path(output) / "table2", [own, paper])


def _frame(
    selected: Selected,
    values: Mapping[str, Mapping[Key, float]],
    names: Sequence[str] | Mapping[str, str],
    domains: Sequence[str],
    seeds: Sequence[int],
    stars: Stars | None,
) -> pd.DataFrame:
    memory = _memory_bytes(selected)
    relative = relative_memory(memory)
    records = []
    for system in names:
        record: dict[str, Any] = {
            "system": system,
            "seeds": len({seed for name, _, seed in selected if name == system}),
            "memory_bytes": sum(memory[system].values()) if system in memory else None,
            "memory": relative.get(system),
        }
        for metric, of_metric in values.items():
            for name, averaged in groups(domains):
                mean, deviation = summarise(of_metric, system, averaged, seeds)
                record[f"{metric}_{name}"] = mean
                if len(seeds) > 1:
                    record[f"{metric}_{name}_deviation"] = deviation
                if stars is not None and metric in stars.metrics and name != AVERAGE:
                    starred = system == BETTER and (metric, name) in stars.found
                    record[f"{metric}_{name}_mark"] = STAR if starred else None
        records.append(record)
    table = pd.DataFrame.from_records(records).astype({"memory_bytes": "Int64"})
    texts = [name for name in table.columns if name.endswith("_mark")]
    numbers = [name for name in table.columns if name not in ("system", "seeds", "memory_bytes", *texts)]
    return table.astype(dict.fromkeys(numbers, "Float64") | dict.fromkeys(texts, "string"))


def _columns(metric: Metric, domains: Sequence[str], several: bool, stars: Stars | None) -> list[Column]:
    return [
        Column(
            "Avg." if name == AVERAGE else domain_label(name),
            f"{metric.name}_{name}",
            decimals=2,
            deviation=f"{metric.name}_{name}_deviation" if several else None,
            best=True,
            lowest=not metric.higher_is_better,
            mark=f"{metric.name}_{name}_mark" if stars is not None and name != AVERAGE else None,
            group=metric.heading,
        )
        for name, _ in groups(domains)
    ]


def _memory_bytes(selected: Selected) -> dict[str, dict[str, int]]:
    """Sum the bytes of each system's files per domain, of the first seed: another seed changes values, not sizes."""
    memory: dict[str, dict[str, int]] = {}
    for score in sorted(selected.values(), key=lambda score: score.seed):
        memory.setdefault(score.system, {}).setdefault(score.domain, sum(score.added_memory.values()))
    return memory


def _notes(seeds: Sequence[int], has_memory_unit: bool, absent: bool) -> list[str]:
    notes = [seeds_note(seeds)]
    if has_memory_unit:
        notes.append("Mem.: bytes added at inference, summed over the domains; the adapters' are 1.0.")
    else:
        notes.append("Mem. is counted in adapters, and there is none among these scores; the CSV has the bytes.")
    if absent:
        notes.append(absence_note())
    return notes


def _choices(selected: Selected, domains: Sequence[str], seeds: Sequence[int], names: Mapping[str, str]) -> list[str]:
    notes = []
    for system, label in names.items():
        choices = [_choice(selected, system, domain, seeds) for domain in domains]
        if any(choices):
            notes.append(f"{label}, chosen on dev: {'; '.join(choice for choice in choices if choice)}.")
    return notes


def _choice(selected: Selected, system: str, domain: str, seeds: Sequence[int]) -> str:
    """Say which hyper-parameters were chosen for a domain; the seeds are told apart only where their choices differ."""
    texts: dict[str, list[int]] = {}
    for seed in seeds:
        score = selected.get((system, domain, seed))
        if score is not None and score.chosen:
            plain = {name: value for name, value in score.chosen.items() if isinstance(value, str | int | float)}
            text = ", ".join(f"{name} = {value}" for name, value in plain.items())
            texts.setdefault(text, []).append(seed)
    several = len(texts) > 1
    told = [
        f"{text} (seed {', '.join(map(str, of_seeds))})" if several else text
        for text, of_seeds in texts.items()
        if text
    ]
    return f"{domain_label(domain)} {' or '.join(told)}" if told else ""
