"""The leaderboard as a table: every system, the best in the experiment's first metric first.

The CSV has one row per system:

- system
- METRIC, for each METRIC of the experiment: the average over the domains, the mean over the seeds
- METRIC_deviation, with several seeds: the sample standard deviation (n - 1)
- memory_bytes: added at inference, summed over the domains
- sentences_a_second: empty where it has not been measured
- training_cpu_seconds: summed over the domains, the mean over the seeds; empty where a job has not been measured
- elsewhere_SOURCE, where BLEU is among the metrics and SOURCE prints any for these systems: the average of that BLEU
  over domains of the same names
- memory_front, speed_front: yes where no other system is at least as good in both METRIC, the first, and this, and
  better in one; of memory the first three digits count
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ink.results.leaderboard import MARKED, Entry, Leaderboard
from ink.results.records.elsewhere import bleu_elsewhere
from ink.results.tables.aggregation import absence_note, metric_note, seeds_note
from ink.results.tables.table_files import DASH, Column, Table, domain_label, frame_of, write_tables

FRONTS = {"memory_front": "memory", "speed_front": "speed"}
TEXTS = ("system", "fronts", *FRONTS)
ELSEWHERE = (
    "BLEU elsewhere: as printed for domains of the same names ({sources}; results/paper says where), averaged over "
    "them. Their text is OPUS's and their model that of WMT'19: unless ours are the same, compare the order and not "
    "the level."
)
MEMORY = (
    "Memory: the files that a system needs beside the base model, summed over the domains (MB: 10^6). For the "
    "front its first three digits count."
)
TRAINING = (
    "Training: CPU seconds of the jobs that make a system from the base model and the prepared text, summed over the "
    "domains: datastores and their reductions, combiners, models. A job that several systems share counts for each. "
    "The workflow looks at a job every 30 seconds at most, so that its last seconds are not in it."
)


def render(board: Leaderboard, output: Path) -> list[Path]:
    """Write `output`/leaderboard.{csv,md,tex,html}; return the paths."""
    several = len(board.runs.seeds) > 1
    printed = {}
    if any(metric.name == "bleu" for metric in board.metrics):
        printed = bleu_elsewhere(board.runs.results, board.runs.labels, board.runs.domains)
    records = [_record(board, entry, several, printed) for entry in board.entries]
    frame = frame_of(records, texts=TEXTS, counts=["memory_bytes"])
    columns = [
        Column("System", "system", names=board.runs.labels, strong=(board.runs.labels.get(MARKED, ""),)),
        *(
            Column(metric.heading, metric.name, decimals=2, best=True, lowest=not metric.higher_is_better)
            for metric in board.metrics
        ),
        Column("MB", "memory_megabytes", decimals=2, group="Memory"),
        Column("sent./s", "sentences_a_second", decimals=1, best=True, group="Speed"),
        Column("CPU s", "training_cpu_seconds", decimals=0, group="Training"),
        Column("Front", "fronts"),
        *(Column(source, field_of(source), decimals=2, group="BLEU elsewhere") for source in printed),
    ]
    domains = [domain_label(domain) for domain in board.runs.domains]
    over = domains[0] if len(domains) == 1 else f"{len(domains)} domains"
    caption = f"Leaderboard: {board.metric.heading} on {over}, with memory, speed and training time."
    shown = frame.drop(columns=["memory_megabytes", "fronts"])
    return write_tables(
        Path(output) / "leaderboard", [Table(frame, caption, _notes(board, [*printed]), columns, csv=shown)]
    )


def field_of(source: str) -> str:
    """Name the CSV's column of what a source prints: kNN-box -> elsewhere_knn_box."""
    return f"elsewhere_{re.sub('[^a-z0-9]+', '_', source.lower())}"


def _record(
    board: Leaderboard, entry: Entry, several: bool, printed: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    record: dict[str, Any] = {"system": entry.system}
    for metric in board.metrics:
        record[metric.name] = entry.scores[metric.name]
        if several:
            record[f"{metric.name}_deviation"] = entry.deviations[metric.name]
    record["memory_bytes"] = entry.memory
    record["memory_megabytes"] = None if entry.memory is None else entry.memory / 1e6
    record["sentences_a_second"] = entry.speed
    record["training_cpu_seconds"] = entry.training
    record |= {field_of(source): of.get(entry.system) for source, of in printed.items()}
    on = [name for front, name in FRONTS.items() if getattr(entry, front)]
    record["fronts"] = ", ".join(on) or None
    return record | {front: "yes" if getattr(entry, front) else None for front in FRONTS}


def _notes(board: Leaderboard, sources: Sequence[str]) -> list[str]:
    heading = board.metric.heading
    front = f"Front: no other system is at least as good in both {heading} and memory (or speed), and better in one."
    notes = [front, *(metric_note(metric, board.scores[metric.name].values()) for metric in board.metrics)]
    notes += [seeds_note(board.runs.seeds), MEMORY]
    if board.speeds is None:
        notes.append("Speed has not been measured in this experiment: speed.systems names what is.")
    else:
        notes.append(
            f"Speed, sentences a second: beam search on {domain_label(board.speeds.domain)} with {board.speeds.batch} "
            f"sentences a batch, as in Table 5, of the systems that were timed ({board.speeds.hardware})."
        )
    notes.append(TRAINING)
    if sources:
        notes.append(ELSEWHERE.format(sources=", ".join(sources)))
    if any(entry.training is None for entry in board.entries):
        notes.append(f"{DASH} in training: the measurement of one of its jobs is not among these results.")
    if any(entry.scores[board.metric.name] is None for entry in board.entries):
        notes.append(absence_note(board.runs.domains))
    return notes
