"""What docs/reading-results.md and docs/regime.md quote of the published results stands there."""

from __future__ import annotations

import re

import pytest
from docs.prose import REPOSITORY

PUBLISHED = REPOSITORY / "results" / "published"


def rows(text: str) -> list[list[str]]:
    """The cells of every row of a page's tables, without what marks them."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|\-: ]+", line)]
    return [[re.sub(r"\*\*|\\", "", cell).strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("first", "table"), [("System | Mem.", "table2"), ("System | Over", "gains")])
def test_a_quoted_table_is_part_of_the_published_one(first: str, table: str) -> None:
    text = (REPOSITORY / "docs" / "reading-results.md").read_text(encoding="utf-8")
    (block,) = [block for block in text.split("\n\n") if block.startswith(f"| {first}")]
    heading, *quoted = rows(block)
    published = rows((PUBLISHED / "mini" / "tables" / f"{table}.md").read_text(encoding="utf-8").partition("\n**")[0])
    columns = [published[0].index(name) for name in heading]
    cut = [[row[column] for column in columns] for row in published[1:] if len(row) == len(published[0])]
    assert quoted and [row for row in quoted if row not in cut] == []


def test_the_regimes_ratios_are_those_of_the_published_tables() -> None:
    text = (REPOSITORY / "docs" / "regime.md").read_text(encoding="utf-8")
    (quoted,) = [row for row in rows(text) if row[0].startswith("off-the-shelf BLEU divided")]
    for name, place in (("mini", 2), ("software", 3)):
        table = (PUBLISHED / name / "tables" / "table2.md").read_text(encoding="utf-8").partition("**The paper's")
        average = {row[0]: float(row[-1].split()[0]) for row in rows(table[0])[1:] if row[0]}
        assert float(quoted[place]) == round(average["Off-the-shelf NMT"] / average["Adapter"], 2)
    paper = {row[0]: float(row[-1]) for row in rows(table[2]) if row[0] in ("Off-the-shelf NMT", "Adapter")}
    assert float(quoted[1]) == round(paper["Off-the-shelf NMT"] / paper["Adapter"], 2)
