"""The paper's Table 2 as printed, to stand below ours, and what has to be said of the two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.metrics.known_metrics import find_metric
from ink.results.records.paper import read_paper
from ink.results.tables.table1 import read_counts
from ink.results.tables.table2_stars import STAR
from ink.results.tables.table_files import Column, Table, domain_label

METRICS = ("comet", "bleu")
CAPTION = "The paper's Table 2, as printed: memory added to the base model, COMET and BLEU."
STARS = f"{STAR}: INK is better than Adapter, p < 0.1, as the paper marks it; it marks no average."
MISPRINT = (
    "The paper prints 47.85 as INK's average BLEU, which stands here as printed; its four values average {mean:.2f}."
)


def paper_table(results: Path, domains: Sequence[str], languages: Sequence[str], labels: Sequence[str]) -> Table:
    """Make the paper's table, with what differs from ours, of these `domains`, `languages` and systems' `labels`."""
    printed = read_paper(results, "table2")
    columns = list(dict.fromkeys(printed["domain"]))
    records: dict[str, dict[str, Any]] = {}
    for row in printed.to_dict(orient="records"):
        record = records.setdefault(row["system"], {"system": row["system"], "memory": _number(row["memory"])})
        for metric in METRICS:
            record[f"{metric}_{row['domain']}"] = _number(row[metric])
            record[f"{metric}_{row['domain']}_mark"] = STAR if metric in row["significant"].split("+") else None
    frame = pd.DataFrame.from_records(list(records.values()))
    shown = [Column("System", "system"), Column("Mem.", "memory", decimals=1)]
    for metric in METRICS:
        group = find_metric(metric).heading
        for name in columns:
            field = f"{metric}_{name}"
            shown.append(Column(name, field, decimals=2, best=True, mark=f"{field}_mark", group=group))
    ink = records["INK"]
    mean = sum(ink[f"bleu_{name}"] for name in columns[:-1]) / len(columns[:-1])
    notes = [STARS, MISPRINT.format(mean=mean), _difference(results, domains, languages)]
    if lacking := [label for label in records if label not in labels]:
        notes.append(f"In the paper's table and not in ours: {', '.join(lacking)}.")
    if added := [label for label in labels if label not in records]:
        notes.append(f"In ours and not in the paper's table: {', '.join(added)}.")
    return Table(frame, CAPTION, notes, shown)


def _number(text: str) -> float | None:
    return None if text == "-" else float(text)


def _difference(results: Path, domains: Sequence[str], languages: Sequence[str]) -> str:
    theirs = read_paper(results, "table1")
    sizes = ", ".join(f"{name} {int(train):,}" for name, train in zip(theirs["domain"], theirs["train"], strict=True))
    own = {domain: read_counts(results, domain)["train"] for domain in domains}
    counted = ", ".join(
        f"{domain_label(domain)} {f'{train:,}' if train is not None else 'none'}" for domain, train in own.items()
    )
    return (
        f"What differs. The paper: German to English, the base model of WMT'19, OPUS text, training pairs: {sizes}; "
        f"COMET's model wmt20-comet-da. Ours: {' to '.join(languages)}, the "
        f"experiment's own base model and text, training pairs: {counted}. Numbers of one table do not compare with "
        "those of the other unless all of these are the same; how systems rank within each does."
    )
