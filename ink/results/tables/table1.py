"""Table 1: sentence pairs per domain and part, from the prepared data's own counts, RESULTS/corpus/DOMAIN.json.

CSV: domain, train, dev, test, dropped_empty, dropped_too_long, dropped_ratio (pairs dropped from train, which `train`
no longer counts), test_pairs_in_train, test_sources_in_train; empty where a domain has no training data. The other
files have the paper's counts below ours; their CSV is results/paper/table1.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ink.results.records.json_fields import Fields
from ink.results.records.paper import read_paper
from ink.results.tables.table_files import Column, Table, domain_column, domain_label, frame_of, write_tables

PARTS = ("train", "dev", "test")
PART_COLUMNS = [Column(part.capitalize(), part, decimals=0) for part in PARTS]
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
    counts = {domain: read_counts(results, domain) for domain in domains}
    records = [{"domain": domain, **counted} for domain, counted in counts.items()]
    table = frame_of(records, texts=["domain"], counts=[*records[0]])
    notes = [*_notes(counts), *(_put_together(results, domain) for domain in put_together)]
    ours = Table(table, "Sentence pairs per domain.", notes, [domain_column(domains), *PART_COLUMNS])
    return write_tables(Path(output) / "table1", [ours, _paper_table(read_paper(results, "table1"), counts, source)])


def _paper_table(paper: pd.DataFrame, records: Mapping[str, Mapping[str, int | None]], source: str) -> Table:
    """Make the paper's own table, and say below it what differs from ours."""
    frame = paper.astype(dict.fromkeys(PARTS, "int64"))
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
    return Table(
        frame, "The paper's Table 1: sentence pairs per domain.", notes, [Column("Domain", "domain"), *PART_COLUMNS]
    )


def read_counts(results: Path, domain: str) -> dict[str, int | None]:
    """Read a domain's counts as the CSV has them; None where it has no training text."""
    fields = _file(results, domain)
    sentences = fields.fields("sentences")
    has_train, has_dev = (bool(sentences.value.get(part)) for part in ("train", "dev"))  # absent and 0 are the same
    record = {
        "train": sentences.count("train") if has_train else None,
        "dev": sentences.count("dev") if has_dev else None,
        "test": sentences.count("test"),
    }
    record |= {f"dropped_{name}": fields.fields("dropped").count(name) if has_train else None for name in REASONS}
    return record | {name: fields.count(name) if has_train else None for name in OVERLAPS}


def _put_together(results: Path, domain: str) -> str:
    """Say what a domain's training text is put together from."""
    parts = []
    for source in _file(results, domain).objects("train_from"):
        pairs, drawn = source.count("pairs"), source.count("drawn")
        amount = f"all {pairs}" if drawn == pairs else f"{drawn} drawn from the {pairs}"
        parts.append(f"{amount} of {source.text('files')}")
    return f"Training pairs of {domain_label(domain)} are put together: {', '.join(parts)}."


def _file(results: Path, domain: str) -> Fields:
    return Fields.of_file(Path(results) / "corpus" / f"{domain}.json")


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
