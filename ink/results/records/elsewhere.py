"""BLEU that others print for our systems on domains of the same names: the paper's Table 2, public implementations."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ink.results.records.paper import read_paper
from ink.results.tables.table_files import domain_label

PAPER = "INK paper"


def bleu_elsewhere(results: Path, names: Mapping[str, str], domains: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return by source, and in it by system, the average of the printed BLEU over `domains`.

    names: the systems with their names in tables. A source that lacks one of the domains is left out, and so is a
    system that it does not have. InkError where results/paper lacks a file.
    """
    own = read_paper(results, "table2").assign(source=PAPER)[["source", "system", "domain", "bleu"]]
    printed = pd.concat([own, read_paper(results, "elsewhere")])
    values = {
        (str(row["source"]), str(row["system"]), str(row["domain"])): float(row["bleu"])
        for row in printed.to_dict(orient="records")
    }
    headings = [domain_label(domain) for domain in domains]
    found: dict[str, dict[str, float]] = {}
    for source in dict.fromkeys(source for source, _, _ in values):
        for system, label in names.items():
            keys = [(source, label, heading) for heading in headings]
            if all(key in values for key in keys):
                found.setdefault(source, {})[system] = statistics.fmean(values[key] for key in keys)
    return found
