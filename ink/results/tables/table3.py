"""Table 3: mean kNN accuracy of the base model (NMT), Adapter and INK, by rank of the target token in the dictionary.

Read from RESULTS/knn_accuracy/DOMAIN/seedN.json. The CSV has one row per domain, k and system:

- domain
- source: ours, or paper
- k, system
- seeds: how many
- accuracy_FROM_TO, for each bucket: in percent; TO is `end` for the end of the dictionary
- positions_FROM_TO: how many dev positions have a target in the bucket
- accuracy_without_end_of_sentence, positions_without_end_of_sentence: of all positions but ends of sentence
- accuracy_FROM_TO_deviation, with several seeds: the sample standard deviation (n - 1)

Adapter's and INK's accuracies are means over the seeds. Older results lack the Adapter, or the columns without ends of
sentence, where these had not been measured yet.

Where the buckets are the paper's, its rows stand in the same table, below ours of the same domain and k. Elsewhere
Markdown and LaTeX have the paper's own table below ours; its CSV is results/paper/table3.csv.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from ink.results.records.json_fields import Fields
from ink.results.records.paper import read_paper
from ink.results.records.scores import Selection
from ink.results.tables.aggregation import seeds_note
from ink.results.tables.table_files import Column, Table, domain_column, domain_label, frame_of, write_tables
from ink.runtime.errors import InkError
from ink.systems.known_systems import OFF_THE_SHELF, SYSTEMS

LABELS = {name: system.table3_label for name, system in SYSTEMS.items() if system.table3_label is not None}
ALWAYS = (OFF_THE_SHELF, "ink")
WITHOUT_END = "without_end_of_sentence"
PAPER_EDGES = (0, 1000, 5000, 10000, 20000, 30000, 42000)
MISPRINTS = (
    "Two of the paper's figures do not fit their neighbours and look like misprints: INK's 54.84 (k = 32, [20k, 30k)) "
    "and NMT's 51.13 (k = 8, [30k, 42k)). They stand as printed."
)

Edges = Sequence[int | None]


@dataclass(frozen=True)
class Measured:
    """One file: accuracy (a share, None where a bucket has no position) by system, k and bucket, and the counts.

    A bucket's name is that of its columns in the CSV: 0_1000, 1000_end, and without_end_of_sentence where it is there.
    """

    systems: Sequence[str]
    accuracy: Mapping[tuple[str, int, str], float | None]
    positions: Mapping[str, int]
    beyond: int
    special: Mapping[str, int]
    types: int
    missing: int
    languages: str


def render(runs: Selection, output: Path, ks: Sequence[int], edges: Edges) -> list[Path]:
    """Write `output`/table3.{csv,md,tex,html}; InkError names a file that is missing or of another k or other edges.

    runs: of systems of LABELS. edges: of the buckets.
    """
    measured = {domain: [read(runs.results, domain, seed, ks, edges) for seed in runs.seeds] for domain in runs.domains}
    files = [file for of_domain in measured.values() for file in of_domain]
    shown = [system for system in runs.systems if all(system in file.systems for file in files)]
    buckets = [*_fields(edges), *([WITHOUT_END] if all(WITHOUT_END in file.positions for file in files) else [])]
    beside = tuple(edges) == PAPER_EDGES
    paper = read_paper(runs.results, "table3")
    records = []
    for domain in runs.domains:
        for k in ks:
            records += [_record(measured[domain], domain, k, system, buckets) for system in shown]
            if beside:
                records += _paper_records(paper, domain, k, edges)
    counts = ["k", "seeds", *(f"positions_{name}" for name in buckets)]
    where = ", ".join(map(domain_label, runs.domains))
    table = Table(
        frame_of(records, texts=["domain", "source", "system"], counts=counts),
        f"Mean kNN accuracy in percent on the dev set ({where}), by the target token's rank in the dictionary.",
        [*_notes(measured, runs.seeds, edges, beside), *_lacking(runs.systems, shown, buckets)],
        _columns(runs.domains, edges, buckets, beside),
        blocks=("domain", "k"),
    )
    return write_tables(Path(output) / "table3", [table] if beside else [table, _paper_table(paper)])


def read(results: Path, domain: str, seed: int, ks: Sequence[int], edges: Edges) -> Measured:
    """Read what was measured of a domain with a seed; InkError where it is not of these `ks` and `edges`."""
    path = Path(results) / "knn_accuracy" / domain / f"seed{seed}.json"
    found = Fields.of_file(path, "k", "bucket_edges")
    if list(ks) != found.value["k"] or list(edges) != found.value["bucket_edges"]:
        raise InkError(
            f"{path} was measured with k {found.value['k']} and bucket edges {found.value['bucket_edges']}, but the "
            f"config has {list(ks)} and {list(edges)}; run the workflow again",
            code="results/out-of-date",
        )
    positions, models = found.fields("positions"), found.fields("models")
    of_model = {system: models.fields(system) for system in LABELS if system in (*ALWAYS, *models.value)}
    names = _fields(edges)
    counts = dict(zip(names, positions.listed(Fields.count, "buckets", len(names)), strict=True))
    accuracy: dict[tuple[str, int, str], float | None] = {}
    for system, model in of_model.items():
        for k in ks:
            shares = model.fields("accuracy").listed(Fields.optional_number, str(k), len(names))
            accuracy |= {(system, k, bucket): share for bucket, share in zip(names, shares, strict=True)}
    if WITHOUT_END in positions.value:
        counts[WITHOUT_END] = positions.count(WITHOUT_END)
        for system, model in of_model.items():
            without = model.fields(f"accuracy_{WITHOUT_END}")
            accuracy |= {(system, k, WITHOUT_END): without.optional_number(str(k)) for k in ks}
    return Measured(
        systems=[*of_model],
        accuracy=accuracy,
        positions=counts,
        beyond=positions.count("beyond_the_last_edge"),
        special=positions.mapped(Fields.count, "special_symbols"),
        types=found.fields("dictionary").count("types"),
        missing=sum(model.count("missing_neighbours") for model in of_model.values()),
        languages=" to ".join(map(str, found.fields("measured").value.get("languages", []))),
    )


def bucket_label(start: int, end: int | None) -> str:
    """Write a bucket as a heading: [0, 1k), [300, 700), [2k, end)."""
    return f"[{_short(start)}, {'end' if end is None else _short(end)})"


def _short(rank: int) -> str:
    return f"{rank // 1000}k" if rank and rank % 1000 == 0 else str(rank)


def _fields(edges: Edges) -> list[str]:
    """Name the buckets as the CSV does: 0_1000, 1000_end."""
    return [f"{start}_{'end' if end is None else end}" for start, end in pairwise(edges)]


def _labels(edges: Edges) -> dict[str, str]:
    """Return the buckets' headings by their names."""
    headings = [bucket_label(start or 0, end) for start, end in pairwise(edges)]
    return dict(zip(_fields(edges), headings, strict=True))


def _record(measured: Sequence[Measured], domain: str, k: int, system: str, buckets: Sequence[str]) -> dict[str, Any]:
    # the base model is the same for every seed
    counted = measured[:1] if system == OFF_THE_SHELF else measured
    record = {"domain": domain, "source": "ours", "k": k, "system": system, "seeds": len(counted)}
    for name in buckets:
        shares = [file.accuracy[system, k, name] for file in counted]
        percents = [100 * share for share in shares if share is not None]
        record[f"accuracy_{name}"] = statistics.fmean(percents) if percents else None
        if len(measured) > 1:
            record[f"accuracy_{name}_deviation"] = statistics.stdev(percents) if len(percents) > 1 else None
        record[f"positions_{name}"] = measured[0].positions[name]
    return record


def _paper_records(paper: pd.DataFrame, domain: str, k: int, edges: Edges) -> list[dict[str, Any]]:
    names = {label: system for system, label in LABELS.items()}
    return [
        {"domain": domain, "source": "paper", "k": k, "system": names[row["system"]]}
        | {f"accuracy_{name}": float(row[label]) for name, label in _labels(edges).items()}
        for row in paper[paper["k"] == str(k)].to_dict(orient="records")
    ]


def _columns(domains: Sequence[str], edges: Edges, buckets: Sequence[str], beside: bool) -> list[Column]:
    headings = _labels(edges) | {WITHOUT_END: "all but </s>"}
    within = ("domain", "source", "k")
    return [
        *([domain_column(domains)] if len(domains) > 1 else []),
        Column("k", "k", decimals=0),
        Column("System", "system", names=LABELS),
        *([Column("Source", "source", names={"paper": "the paper"})] if beside else []),
        *(Column(headings[name], f"accuracy_{name}", decimals=2, best=True, within=within) for name in buckets),
    ]


def _paper_table(paper: pd.DataFrame) -> Table:
    """Make the paper's own table, as printed."""
    buckets = [name for name in paper.columns if name not in ("k", "system")]
    frame = paper.astype({"k": "int64", **dict.fromkeys(buckets, "float64")})
    columns = [
        Column("k", "k", decimals=0),
        Column("System", "system"),
        *(Column(name, name, decimals=2, best=True, within=("k",)) for name in buckets),
    ]
    caption = "The paper's Table 3, whose buckets are others: mean kNN accuracy in percent."
    return Table(frame, caption, [MISPRINTS], columns, blocks=("k",))


def _notes(measured: Mapping[str, Sequence[Measured]], seeds: Sequence[int], edges: Edges, beside: bool) -> list[str]:
    notes = [
        "The share of a dev position's k nearest neighbours whose token is the one that the reference has there, as a "
        "mean over the positions. Neighbours are entries of each model's own training datastore, found through the "
        "experiment's index and sorted by distances recomputed from the keys.",
    ]
    for domain, runs in measured.items():
        notes.append(f"Positions in {domain_label(domain)}: {_counts(runs[0], edges)}.")
        if missing := sum(file.missing for file in runs):
            notes.append(f"{domain_label(domain)}: {missing} neighbours that the index did not return count as wrong.")
    first = next(iter(measured.values()))[0]
    notes += [
        f"Rank: place, from 0, in the base model's target dictionary of {first.types} types, which is sorted by "
        "frequency. Special symbols, of which end of sentence is a target, count as rank 0.",
        seeds_note(seeds),
        "The paper's: German to English, its own text, the base model of WMT'19 and its dictionary of some 42,000 "
        f"types. Ours: {first.languages}, {', '.join(map(domain_label, measured))}, a dictionary of "
        f"{first.types} types. Ranks and levels compare only where these are the same; INK compares with NMT in each.",
    ]
    if WITHOUT_END in first.positions:
        notes.append(
            "All but </s>: the mean over all positions, in a bucket or beyond them, but ends of sentence, which "
            "a full stop gives away. The paper does not give it."
        )
    if beside:
        notes.append(MISPRINTS)
    return notes


def _lacking(systems: Sequence[str], shown: Sequence[str], buckets: Sequence[str]) -> list[str]:
    """Say what results of an earlier version have not measured."""
    lacking = [f"the neighbours of {LABELS[system]}" for system in systems if system not in shown]
    if WITHOUT_END not in buckets:
        lacking.append("accuracy without ends of sentence")
    if not lacking:
        return []
    return [f"Not measured when this experiment ran: {', '.join(lacking)}; run the workflow again to have it."]


def _counts(measured: Measured, edges: Edges) -> str:
    parts = [f"{label} {measured.positions[name]}" for name, label in _labels(edges).items()]
    if measured.special:
        special = ", ".join(f"{symbol} {count}" for symbol, count in measured.special.items())
        parts[0] += f" (of these {special})"
    if edges[-1] is not None:
        parts.append(f"beyond the last edge, in no bucket, {measured.beyond}")
    if WITHOUT_END in measured.positions:
        parts.append(f"all but ends of sentence {measured.positions[WITHOUT_END]}")
    return "; ".join(parts)
