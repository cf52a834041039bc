"""Table 1: sentence pairs per domain and part, from the prepared data's own counts, RESULTS/corpus/DOMAIN.json.

CSV: domain, train, dev, test, dropped_empty, dropped_too_long, dropped_ratio (pairs dropped from train, which `train`
no longer counts), test_pairs_in_train, test_sources_in_train; empty where a domain has no training data. The other
files have the paper's counts below ours; their CSV is results/paper/table1.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ink.results.records.paper import read_paper
from ink.results.records.scores import Fields
from ink.results.tables.table_files import Column, Table, domain_column, domain_label, write_tables
from ink.runtime.whole_files import read_json

PARTS = ("train", "dev", "test")
REASONS = {"empty": "with an empty side", "too_long": "too long", "ratio": "of too unequal lengths"}
OVERLAPS = ("test_pairs_in_train", "test_sources_in_train")
SOURCES = {
    "synthetic": "generated",
    "files": "the experiment's own files, be they the same text or another",
    "binarised": "text as it was binarised elsewhere, taken over whole",
}  # data.source


def render(
    results: Path, output: Path, domains: Sequence[str], source: str, put_together: Sequence[str] = ()
) -> list[Path]:
    """Write `output`/table1.{csv,md,tex,html}; InkError names the file and the key that is missing or wrong.

    source: where the text is from, as data.source says. put_together: the domains, the general one among them, whose
    training text is of several sources, which a note names.
    """
    records = {domain: read_counts(results, domain) for domain in domains}
    table = pd.DataFrame.from_records([{"domain": domain, **record} for domain, record in records.items()])
    table = table.astype({field: "Int64" for field in table.columns if field != "domain"})
    columns = [
        domain_column(domains),
        *(Column(part.capitalize(), part, decimals=0) for part in PARTS),
    ]
    notes = [*_notes(records), *(_put_together(results, domain) for domain in put_together)]
    ours = Table(table, "Sentence pairs per domain.", notes, columns)
    return write_tables(Path(output) / "table1", [ours, _paper_table(read_paper(results, "table1"), records, source)])


def _paper_table(paper: pd.DataFrame, records: Mapping[str, Mapping[str, int | None]], source: str) -> Table:
    """Make the paper's own table, and say below it what differs from ours."""
    frame = paper.astype(dict.fromkeys(PARTS, "int64"))
    columns = [Column("Domain", "domain"), *(Column(part.capitalize(), part, decimals=0) for part in PARTS)]
    theirs = dict(zip(frame["domain"], frame["train"], strict=True))
    shares = [
        f"{domain_label(domain)} {100 * train / theirs[domain_label(domain)]:.1f}%"
        for domain, record in records.items()
        if (train := record["train"]) is not None and domain_label(domain) in theirs
    ]
    notes = [
        "The paper's text is OPUS, German to English, in the split of Aharoni and Goldberg (2020). "
        f"Ours is {SOURCES[source]}; what was dropped from train is not counted."
    ]
    if shares:
        notes.append(f"Training pairs of ours, as a share of the paper's domain of that name: {', '.join(shares)}.")
    return Table(frame, "The paper's Table 1: sentence pairs per domain.", notes, columns)


def read_counts(results: Path, domain: str) -> dict[str, int | None]:
    """Read a domain's counts as the CSV has them; None where it has no training text."""
    path = Path(results) / "corpus" / f"{domain}.json"
    fields = Fields(path, read_json(path))
    sentences = fields.fields("sentences")
    has_train, has_dev = (bool(sentences.value.get(part)) for part in ("train", "dev"))  # absent and 0 are the same
    record = {
        "train": sentences.count("train") if has_train else None,
        "dev": sentences.count("dev") if has_dev else None,
        "test": sentences.count("test"),
    }
    for reason in REASONS:
        record[f"dropped_{reason}"] = fields.fields("dropped").count(reason) if has_train else None
    for overlap in OVERLAPS:
        record[overlap] = fields.count(overlap) if has_train else None
    return record


def _put_together(results: Path, domain: str) -> str:
    """Say what a domain's training text is put together from."""
    path = Path(results) / "corpus" / f"{domain}.json"
    parts = []
    for source in Fields(path, read_json(path)).objects("train_from"):
        pairs, drawn = source.count("pairs"), source.count("drawn")
        amount = f"all {pairs}" if drawn == pairs else f"{drawn} drawn from the {pairs}"
        parts.append(f"{amount} of {source.text('files')}")
    return f"Training pairs of {domain_label(domain)} are put together: {', '.join(parts)}."


def _notes(records: Mapping[str, Mapping[str, int | None]]) -> list[str]:
    dropped, overlapping, untrained = [], [], []
    for domain, record in records.items():
        label = domain_label(domain)
        if record["train"] is None:
            untrained.append(label)
        by_reason = [
            f"{record[f'dropped_{name}']} {text}" for name, text in REASONS.items() if record[f"dropped_{name}"]
        ]
        if by_reason:
            dropped.append(f"{label} {', '.join(by_reason)}")
        if record["test_sources_in_train"] or record["test_pairs_in_train"]:
            pairs, sources = record["test_pairs_in_train"], record["test_sources_in_train"]
            overlapping.append(f"{label} {sources} by source, {pairs} of them with the same translation")
    notes = [
        f"Dropped from train: {'; '.join(dropped) or 'none'}.",
        f"Test sentences found in train: {'; '.join(overlapping) or 'none'}.",
    ]
    if untrained:
        notes.append(f"Without training data, scored but not adapted: {', '.join(untrained)}.")
    return notes
