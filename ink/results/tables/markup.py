"""A table's rows as Markdown, LaTeX and HTML: how cells, headings and notes are written in each.

A row is a list of cells; `parts` are the rows, divided where one stands apart from the row before it. The LaTeX needs
the package booktabs; the HTML is a fragment without style, for a page that brings its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "[": "{[}",  # at the start of a row it would be the optional argument of the line break before it
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar\allowbreak{}",  # sacrebleu's signatures would run over the margin
    '"': "''",
    "–": "--",
    "—": "---",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
}
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_|<>])")


@dataclass(frozen=True)
class Cell:
    """What stands in a cell; `mark` follows the text and is never bold."""

    text: str
    bold: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Heading:
    """A column's heading; neighbouring columns of one `group` have that heading above theirs."""

    text: str
    number: bool
    group: str = ""

    @property
    def alone(self) -> str:
        """The heading where there is no second line of headings."""
        return f"{self.group} {self.text}".strip()


Parts = Sequence[Sequence[Sequence[Cell]]]


def rounded(value: float, decimals: int = 2, signed: bool = False) -> str:
    """Write a number with so many decimals, − for minus and, where `signed`, + for plus."""
    number = round(float(value), decimals) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{number:{'+' if signed else ''}.{decimals}f}".replace("-", "−")


def markdown(caption: str, headings: Sequence[Heading], parts: Parts, notes: Sequence[str]) -> str:
    """Write a table for readers of plain text and of web sites that show Markdown."""

    def line(texts: list[str]) -> str:
        return "| " + " | ".join(texts) + " |"

    def shown(cell: Cell) -> str:
        text = escape_markdown(cell.text)
        return (f"**{text}**" if cell.bold else text) + escape_markdown(cell.mark)

    lines = [f"**{escape_markdown(caption)}**", ""]
    lines.append(line([escape_markdown(heading.alone) for heading in headings]))
    lines.append(line(["---:" if heading.number else ":---" for heading in headings]))
    for number, rows in enumerate(parts):
        if number:
            lines.append(line([""] * len(headings)))
        lines += [line([shown(cell) for cell in row]) for row in rows]
    for note in notes:
        lines += ["", escape_markdown(note)]
    return "\n".join(lines) + "\n"


def latex(caption: str, headings: Sequence[Heading], parts: Parts, notes: Sequence[str], name: str) -> str:
    """Write a table for a paper, labelled tab:`name`."""

    def line(texts: list[str]) -> str:
        return " & ".join(texts) + r" \\"

    def shown(cell: Cell) -> str:
        text = rf"\textbf{{{_escape_latex(cell.text)}}}" if cell.bold else _escape_latex(cell.text)
        return text + (rf"\rlap{{{_escape_latex(cell.mark)}}}" if cell.mark else "")

    alignment = "".join("r" if heading.number else "l" for heading in headings)
    lines = [r"% needs \usepackage{booktabs}", r"\begin{table}[t]", r"\centering"]
    lines += [rf"\caption{{{_escape_latex(caption)}}}", rf"\label{{tab:{name}}}"]
    lines += [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule"]
    if any(heading.group for heading in headings):
        spans = _spans(headings)
        lines.append(line([rf"\multicolumn{{{width}}}{{c}}{{{_escape_latex(group)}}}" for group, _, width in spans]))
        rules = [rf"\cmidrule(lr){{{first}-{first + width - 1}}}" for group, first, width in spans if group]
        lines.append(" ".join(rules))
    lines.append(line([_escape_latex(heading.text) for heading in headings]))
    for rows in parts:
        lines += [r"\midrule", *(line([shown(cell) for cell in row]) for row in rows)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if notes:
        lines += ["", r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright"]
        lines += [rf"{_escape_latex(note)}\par" for note in notes]
        lines.append(r"\end{minipage}")
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def fragment(caption: str, headings: Sequence[Heading], parts: Parts, notes: Sequence[str]) -> str:
    """Write a table for a web page: a figure with caption, table and notes; cells of numbers have class `number`."""
    number = ' class="number"'

    def shown(cell: Cell) -> str:
        text = html.escape(cell.text)
        mark = f"<sup>{html.escape(cell.mark)}</sup>" if cell.mark else ""
        return (f"<strong>{text}</strong>" if cell.bold else text) + mark

    lines = ['<figure class="table">', f"<figcaption>{html.escape(caption)}</figcaption>"]
    # the box scrolls, so that a wide table does not widen a narrow page
    lines += ['<div class="scroll" tabindex="0">', "<table>", "<thead>"]
    if any(heading.group for heading in headings):
        spans = [
            f'<th colspan="{width}" scope="colgroup">{html.escape(group)}</th>'
            if group
            else f'<td colspan="{width}"></td>'
            for group, _, width in _spans(headings)
        ]
        lines.append(f"<tr>{''.join(spans)}</tr>")
    cells = [f'<th scope="col"{number * heading.number}>{html.escape(heading.text)}</th>' for heading in headings]
    lines += [f"<tr>{''.join(cells)}</tr>", "</thead>"]
    for rows in parts:
        lines.append("<tbody>")
        for row in rows:
            cells = [
                f"<td{number * heading.number}>{shown(cell)}</td>" for heading, cell in zip(headings, row, strict=True)
            ]
            lines.append(f"<tr>{''.join(cells)}</tr>")
        lines.append("</tbody>")
    lines += ["</table>", "</div>"]
    lines += [f'<p class="note">{html.escape(note)}</p>' for note in notes]
    lines.append("</figure>")
    return "\n".join(lines) + "\n"


def _spans(headings: Sequence[Heading]) -> list[tuple[str, int, int]]:
    """List the groups as (heading, first column from 1, columns)."""
    spans, first = [], 1
    for group, members in groupby(headings, key=lambda heading: heading.group):
        width = len(list(members))
        spans.append((group, first, width))
        first += width
    return spans


def escape_markdown(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", text)


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
