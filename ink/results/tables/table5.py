"""Table 5: sentences and target tokens a second of beam search, by system and batch size, beside the paper's.

Read from RESULTS/speed/DOMAIN.json. The CSV has one row per system, and for each batch size B:

- speed_B: sentences a second, the mean of the rounds
- speed_B_deviation: the sample standard deviation (n - 1) of the rounds
- paper_B: what the paper has for this system and size; empty where it has none
- tokens_B, tokens_B_deviation: the same rounds in subwords of the translations a second, without ends of sentence

Every round translates the same sentences to the same translations, so tokens_B is speed_B times the mean length of a
translation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.results.records.json_fields import Fields
from ink.results.records.paper import read_paper
from ink.results.records.scores import labels
from ink.results.tables.table_files import Column, Table, domain_label, frame_of, write_tables
from ink.runtime.errors import InkError

PAPER_DOMAIN = "law"
SENTENCES = "Sentences a second"


def render(results: Path, output: Path, domain: str, systems: Sequence[str], batch_sizes: Sequence[int]) -> list[Path]:
    """Write `output`/table5.{csv,md,tex,html}; InkError names what is missing or wrong in the file."""
    path = Path(results) / "speed" / f"{domain}.json"
    found = Fields.of_file(path)
    paper = _paper(read_paper(results, "table5"))
    names = labels(systems)
    records = []
    for system, label in names.items():
        batches = found.fields("systems").fields(system).objects("batches")
        measured = {batch.count("batch_sentences"): batch for batch in batches}
        record: dict[str, Any] = {"system": system}
        for size in batch_sizes:
            if size not in measured:
                raise InkError(
                    f"{path}: {system} has not been timed at batch {size}; run the workflow again",
                    code="results/incomplete",
                )
            record[f"speed_{size}"] = mean = measured[size].number("mean")
            record[f"speed_{size}_deviation"] = deviation = measured[size].optional_number("deviation")
            record[f"paper_{size}"] = paper.get((label, size))
            length = measured[size].number("tokens_a_hypothesis")
            record[f"tokens_{size}"] = mean * length
            record[f"tokens_{size}_deviation"] = None if deviation is None else deviation * length
        records.append(record)
    frame = frame_of(records, texts=["system"])
    columns = [Column("System", "system", names=names)]
    for size in batch_sizes:
        columns.append(Column(f"Batch {size}", f"speed_{size}", decimals=1, best=True, group=SENTENCES))
        if any(size == known for _, known in paper):
            columns.append(Column("paper", f"paper_{size}", decimals=1, group=SENTENCES))
    columns += [
        Column(f"Batch {size}", f"tokens_{size}", decimals=0, best=True, group="Target tokens a second")
        for size in batch_sizes
    ]
    caption = f"Sentences and target tokens a second of beam search on the test set of {domain_label(domain)}."
    notes = _notes(found, names, records, batch_sizes, paper, domain)
    return write_tables(Path(output) / "table5", [Table(frame, caption, notes, columns)])


def _paper(table: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Return the paper's figures by the system's label and the batch size."""
    return {
        (row["system"], int(str(name).removeprefix("batch="))): float(value)
        for row in table.to_dict(orient="records")
        for name, value in row.items()
        if name != "system"
    }


def _notes(
    found: Fields,
    names: Mapping[str, str],
    records: Sequence[Mapping[str, Any]],
    batch_sizes: Sequence[int],
    paper: Mapping[tuple[str, int], float],
    domain: str,
) -> list[str]:
    sentences, repeats, decoding = found.count("sentences"), found.count("repeats"), found.fields("decoding")
    spread = f", mean ± standard deviation (n - 1) of {repeats} rounds" if repeats > 1 else ", one round"
    notes = [
        f"The first {sentences} test sentences, beam {decoding.count('beam')}, seed {found.count('seed')}{spread} in "
        "which systems and batch sizes take turns, after a warm-up that does not count. Loading and detokenising are "
        "not counted.",
        f"Ours: {_hardware(found.fields('hardware'))}.",
    ]
    short = [str(size) for size in batch_sizes if size > sentences]
    if short:
        notes.append(f"Batch {', '.join(short)}: no batch has more than the {sentences} sentences that there are.")
    notes += _ratios(names, records, batch_sizes, paper)
    tokens = {
        label: found.fields("systems").fields(system).objects("batches")[0].number("tokens_a_hypothesis")
        for system, label in names.items()
    }
    listed = ", ".join(f"{label} {mean:.1f}" for label, mean in tokens.items())
    notes.append(
        f"Longer translations take longer; tokens of one on average: {listed}. Target tokens are subwords, without "
        "ends of sentence; the paper does not give them."
    )
    differs = f"The paper's: one NVIDIA Titan RTX, {domain_label(PAPER_DOMAIN)}, the base model of WMT'19"
    if domain != PAPER_DOMAIN:
        differs += f"; ours is {domain_label(domain)}"
    notes.append(f"{differs}. Where model, datastore or hardware differ, levels do not compare; the ratios may.")
    if others := sorted({size for _, size in paper} - set(batch_sizes)):
        listed = "; ".join(
            f"batch {size} {', '.join(f'{name} {value}' for (name, known), value in paper.items() if known == size)}"
            for size in others
        )
        notes.append(f"In the paper also: {listed}.")
    return notes


def _hardware(fields: Fields) -> str:
    processor = f"{fields.text('processor')}, {fields.count('threads')} of {fields.count('cores')} cores"
    gpu = fields.optional(Fields.text, "gpu")
    return f"device {fields.text('device')}, {processor}" if gpu is None else f"one {gpu}; {processor}"


def _ratios(
    names: Mapping[str, str],
    records: Sequence[Mapping[str, Any]],
    batch_sizes: Sequence[int],
    paper: Mapping[tuple[str, int], float],
) -> list[str]:
    """Say how many times faster INK is than each other system."""
    speed = {record["system"]: record for record in records}
    if "ink" not in speed:
        return []
    notes = []
    for system, label in names.items():
        if system == "ink":
            continue
        ours = [f"{speed['ink'][f'speed_{size}'] / speed[system][f'speed_{size}']:.2f}" for size in batch_sizes]
        note = f"{names['ink']} against {label}, at batch {', '.join(map(str, batch_sizes))}: {', '.join(ours)} times"
        theirs = [
            f"{paper[names['ink'], size] / paper[label, size]:.2f}" for size in batch_sizes if (label, size) in paper
        ]
        notes.append(f"{note} as fast" + (f" (the paper's: {', '.join(theirs)})." if theirs else "."))
    return notes
