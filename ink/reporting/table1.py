"""Table 1: sentence pairs per domain and part, from the prepared data's own counts, RESULTS/corpus/DOMAIN.json.

CSV: domain, train, dev, test, dropped_empty, dropped_too_long, dropped_ratio (pairs dropped from train, which `train`
no longer counts), test_pairs_in_train, test_sources_in_train; empty where a domain has no training data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ink.files import read_json
from ink.reporting.formats import Column, domain_label, write_table
from ink.reporting.scores import Fields

PARTS = ("train", "dev", "test")
REASONS = {"empty": "with an empty side", "too_long": "too long", "ratio": "of too unequal lengths"}
OVERLAPS = ("test_pairs_in_train", "test_sources_in_train")


def render(results: Path, output: Path, domains: Sequence[str]) -> list[Path]:
    """Write `output`/table1.{csv,md,tex,html}; InkError names the file and the key that is missing or wrong."""
    records = {domain: _record(Path(results) / "corpus" / f"{domain}.json") for domain in domains}
    table = pd.DataFrame.from_records([{"domain": domain, **record} for domain, record in records.items()])
    table = table.astype({field: "Int64" for field in table.columns if field != "domain"})
    columns = [
        Column("Domain", "domain", names={domain: domain_label(domain) for domain in domains}),
        *(Column(part.capitalize(), part, decimals=0) for part in PARTS),
    ]
    return write_table(table, Path(output) / "table1", "Sentence pairs per domain.", _notes(records), columns)


def _record(path: Path) -> dict[str, int | None]:
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
