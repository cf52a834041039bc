"""One table in four files: CSV for programs; Markdown, LaTeX and an HTML fragment for readers.

The CSV holds every column of the frame, numbers in full precision (the shortest text that reads back as the same
float), an empty field for what does not exist. The others show the chosen columns, rounded, with a dash for what does
not exist. The same table is written as the same bytes every time.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ink.results.tables.markup import Cell, Heading, fragment, latex, markdown, rounded
from ink.runtime.whole_files import write_atomically

Record = Mapping[Hashable, Any]  # a row of a frame

DASH = "–"
PLUS_MINUS = "±"


@dataclass(frozen=True)
class Column:
    """A column as readers see it, made of one or more fields of the frame.

    - `decimals`: None for text, left-aligned, written as `names` has it; else a number, right-aligned
    - `deviation`: shown after ±; by default FIELD_deviation, where the frame has it; "" for none
    - `aside`: a difference, shown signed in parentheses
    - `interval`: two fields shown as [lower, upper] in place of `field`
    - `signed`: with + or −
    - `zero_as_dash`: exactly 0 is shown as a dash
    - `best`: the highest value (with `lowest` the lowest), as rounded, is bold, ties included. At least two values are
      compared; rows that stand apart are not
    - `within`: only rows with the same values in these fields are compared
    - `mark`: a field of text that follows the number
    - `strong`: texts that are bold
    - `group`: a heading above this one and above its neighbours of the same group
    """

    heading: str
    field: str
    decimals: int | None = None
    names: Mapping[str, str] | None = None
    deviation: str | None = None
    aside: str | None = None
    interval: tuple[str, str] | None = None
    signed: bool = False
    zero_as_dash: bool = False
    best: bool = False
    lowest: bool = False
    within: Sequence[str] = ()
    mark: str | None = None
    strong: Collection[str] = ()
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table as readers see it: `columns` of the frame's rows, caption and notes as plain text.

    - `apart`: how many rows at the end are set apart from the others. They stand below a rule in LaTeX, below an empty
      row in Markdown, and in a body of their own in HTML
    - `blocks`: fields; a row that differs from the one before in any of them is set apart in the same way
    - `csv`: what the CSV holds, where that is not the frame
    """

    frame: pd.DataFrame
    caption: str
    notes: Sequence[str]
    columns: Sequence[Column]
    apart: int = 0
    blocks: Sequence[str] = ()
    csv: pd.DataFrame | None = None


def frame_of(
    records: Iterable[Mapping[str, Any]],
    texts: Collection[str] = (),
    counts: Collection[str] = (),
    columns: list[str] | None = None,
) -> pd.DataFrame:
    """Make a frame of rows in which anything may be missing; what is neither text nor a count is a number.

    columns: the frame's, where there may be no row to tell them by.
    """
    frame = pd.DataFrame.from_records(list(records), columns=columns)
    kinds = {name: "string" if name in texts else "Int64" if name in counts else "Float64" for name in frame.columns}
    return frame.astype(kinds)


def write_tables(stem: Path, tables: Sequence[Table]) -> list[Path]:
    """Write `stem`.csv of the first table, `stem`.md, .tex and .html of all, one below the other; return the paths."""
    stem = Path(stem)
    names = [stem.name, *(f"{stem.name}-{number}" for number in range(2, len(tables) + 1))]
    texts = {
        "csv": (tables[0].frame if tables[0].csv is None else tables[0].csv).to_csv(index=False, lineterminator="\n"),
        "md": "\n".join(markdown(*_content(table)) for table in tables),
        "tex": "\n".join(latex(*_content(table), name) for table, name in zip(tables, names, strict=True)),
        "html": "".join(fragment(*_content(table)) for table in tables),
    }
    paths = []
    for suffix, text in texts.items():
        path = stem.with_name(f"{stem.name}.{suffix}")
        with write_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def domain_label(domain: str) -> str:
    """Write a domain as a heading: koran -> Koran, it -> IT, web_news -> Web news."""
    words = domain.replace("_", " ")
    return words.upper() if len(words) <= 2 else words[:1].upper() + words[1:]


def domain_column(domains: Sequence[str]) -> Column:
    """Make the column of domains, as headings write them."""
    return Column("Domain", "domain", names={domain: domain_label(domain) for domain in domains})


def _content(table: Table) -> tuple[str, list[Heading], list[list[list[Cell]]], Sequence[str]]:
    headings = [Heading(column.heading, column.decimals is not None, column.group) for column in table.columns]
    return table.caption, headings, _parts(table), table.notes


def _parts(table: Table) -> list[list[list[Cell]]]:
    """Make the rows, divided where one stands apart from the row before it."""
    compared, records = len(table.frame) - table.apart, table.frame.to_dict(orient="records")
    cells = [_cells(records, column, compared) for column in table.columns]
    blocks = [[str(record[name]) for name in table.blocks] for record in records]
    parts: list[list[list[Cell]]] = []
    for number, row in enumerate(zip(*cells, strict=True)):
        if number in (0, compared) or blocks[number] != blocks[number - 1]:
            parts.append([])
        parts[-1].append(list(row))
    return parts or [[]]


def _cells(records: Sequence[Record], column: Column, compared: int) -> list[Cell]:
    """Make the column's cells; the best is looked for among the first `compared` rows."""
    values = [record[column.field] for record in records]
    if column.decimals is None:
        texts = [DASH if _absent(value) else str(value) for value in values]
        named = [(column.names or {}).get(text, text) for text in texts]
        return [Cell(text, text in column.strong) for text in named]
    shown = [None if _absent(value) else round(float(value), column.decimals) for value in values]
    groups = [tuple(record[name] for name in column.within) for record in records]
    present: dict[tuple[Any, ...], list[float]] = {}
    for group, number in zip(groups[:compared], shown, strict=False):
        if column.best and number is not None:
            present.setdefault(group, []).append(number)
    best = {group: (min if column.lowest else max)(those) for group, those in present.items() if len(those) > 1}
    cells = []
    for place, (record, group, number) in enumerate(zip(records, groups, shown, strict=True)):
        bold = place < compared and number is not None and number == best.get(group)
        mark = record.get(column.mark)
        cells.append(Cell(_number_text(record, column), bold, "" if _absent(mark) else str(mark)))
    return cells


def _number_text(record: Record, column: Column) -> str:
    value, decimals = record[column.field], column.decimals or 0
    if _absent(value) or (column.zero_as_dash and value == 0):
        return DASH
    if column.interval:
        lower, upper = (rounded(record[name], decimals, column.signed) for name in column.interval)
        return f"[{lower}, {upper}]"
    text = rounded(value, decimals, column.signed)
    beside = f"{column.field}_deviation" if column.deviation is None else column.deviation
    deviation: Any = record.get(beside)
    aside: Any = record.get(column.aside)
    if not _absent(deviation):
        text += f" {PLUS_MINUS} {rounded(deviation, decimals)}"
    if not _absent(aside):
        text += f" ({rounded(aside, decimals, signed=True)})"
    return text


def _absent(value: Any) -> bool:
    return bool(pd.isna(value))
