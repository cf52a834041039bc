"""Table 2: BLEU of every system on every domain, with the memory that each adds to the base model.

CSV, one row a system: system, seeds (how many), memory_bytes (added at inference, summed over the domains), memory
(those bytes divided by the adapters' over the same domains), bleu_DOMAIN for each domain, bleu_average, chrf_DOMAIN
for each domain, chrf_average. Scores are means over the seeds; with several seeds each has a second column
NAME_deviation, the sample standard deviation (n - 1). An average is that of the seeds that have all domains, and
empty where there is none. A system that combines two others (INK + R-kNN) comes last, apart from the rows above, and is
not compared with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.evaluation.memory import relative_memory
from ink.reporting.aggregation import AVERAGE, Key, absence_note, groups, seeds_note, signature_note, summarise
from ink.reporting.formats import Column, domain_label, write_table
from ink.reporting.scores import Score, labels, read_scores, select
from ink.systems import system_named

Selected = Mapping[Key, Score]


def render(
    results: Path, output: Path, domains: Sequence[str], systems: Sequence[str], seeds: Sequence[int]
) -> list[Path]:
    """Write `output`/table2.{csv,md,tex,html} of the scores that are there; InkError where none is."""
    names = labels(systems)
    selected = select(read_scores(results), systems, domains, seeds)
    memory = _memory_bytes(selected)
    relative = relative_memory(memory)
    bleu = {key: score.bleu.score for key, score in selected.items()}
    chrf = {key: score.chrf.score for key, score in selected.items()}
    several = len(seeds) > 1
    records = []
    for system in names:
        record: dict[str, Any] = {
            "system": system,
            "seeds": len({seed for name, _, seed in selected if name == system}),
            "memory_bytes": sum(memory[system].values()) if system in memory else None,
            "memory": relative.get(system),
        }
        for metric, values in (("bleu", bleu), ("chrf", chrf)):
            for name, averaged in groups(domains):
                mean, deviation = summarise(values, system, averaged, seeds)
                record[f"{metric}_{name}"] = mean
                if several:
                    record[f"{metric}_{name}_deviation"] = deviation
        records.append(record)
    table = pd.DataFrame.from_records(records).astype({"memory_bytes": "Int64"})
    table = table.astype({name: "Float64" for name in table.columns if name not in ("system", "seeds", "memory_bytes")})
    columns = [
        Column("System", "system", names=names),
        Column("Mem.", "memory", decimals=1, zero_as_dash=True),
        *(_bleu_column(domain_label(domain), f"bleu_{domain}", several) for domain in domains),
        _bleu_column("Avg.", f"bleu_{AVERAGE}", several),
    ]
    absent = any(table[f"bleu_{name}"].isna().any() for name, _ in groups(domains))
    notes = _notes(selected, domains, seeds, names, any(relative.values()), absent)
    apart = [label for system, label in names.items() if system_named(system).apart]
    if 0 < len(apart) < len(names):
        notes.insert(0, f"{', '.join(apart)} is set apart: the best, in bold, is the best of the other rows.")
    caption = "BLEU on the test set of each domain, and memory added to the base model."
    return write_table(table, Path(output) / "table2", caption, notes, columns, apart=len(apart))


def _memory_bytes(selected: Selected) -> dict[str, dict[str, int]]:
    """Sum the bytes of each system's files per domain, of the first seed: another seed changes values, not sizes."""
    memory: dict[str, dict[str, int]] = {}
    for score in sorted(selected.values(), key=lambda score: score.seed):
        memory.setdefault(score.system, {}).setdefault(score.domain, sum(score.added_memory.values()))
    return memory


def _bleu_column(heading: str, field: str, several: bool) -> Column:
    return Column(heading, field, decimals=2, deviation=f"{field}_deviation" if several else None, best=True)


def _notes(
    selected: Selected,
    domains: Sequence[str],
    seeds: Sequence[int],
    names: Mapping[str, str],
    has_memory_unit: bool,
    absent: bool,
) -> list[str]:
    notes = [signature_note(score.bleu.signature for score in selected.values()), seeds_note(seeds)]
    if has_memory_unit:
        notes.append("Mem.: bytes added at inference, summed over the domains; the adapters' are 1.0.")
    else:
        notes.append("Mem. is counted in adapters, and there is none among these scores; the CSV has the bytes.")
    if absent:
        notes.append(absence_note())
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
