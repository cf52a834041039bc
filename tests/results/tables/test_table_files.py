from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.results.tables.table_files import Column, Table, domain_label, write_tables

COLUMNS = [
    Column("System", "system", names={"a": "A & B_1 †"}),
    Column("Mem.", "memory", decimals=1, zero_as_dash=True),
    Column("BLEU", "bleu", decimals=2, deviation="deviation", best=True),
    Column("Gain", "gain", decimals=2, signed=True),
    Column("95%", "gain", decimals=2, signed=True, interval=("lower", "upper")),
    Column("After", "bleu", decimals=1, aside="gain"),
]
TABLE = pd.DataFrame(
    {
        "system": ["a", "c|d", None],
        "memory": [0.0, 1.25, None],
        "bleu": [12.344, 12.336, 1 / 3],
        "deviation": [0.5, None, None],
        "gain": [-0.001, 2.0, None],
        "lower": [-1.5, 0.25, None],
        "upper": [0.5, 3.0, None],
    }
)


def write_table(
    frame: pd.DataFrame, stem: Path, caption: str, notes: list[str], columns: list[Column], apart: int = 0
) -> list[Path]:
    return write_tables(stem, [Table(frame, caption, notes, columns, apart)])


def write(folder: Path) -> dict[str, str]:
    paths = write_table(TABLE, folder / "name", "50% of it: a_b", ["nrefs:1|tok:13a", "x < y"], COLUMNS)
    assert [path.name for path in paths] == ["name.csv", "name.md", "name.tex", "name.html"]
    return {path.suffix: path.read_text(encoding="utf-8") for path in paths}


def test_csv_is_plain_and_exact(tmp_path: Path) -> None:
    text = write(tmp_path)[".csv"]
    assert text.splitlines()[0] == "system,memory,bleu,deviation,gain,lower,upper"
    assert text.splitlines()[3] == ",,0.3333333333333333,,,,"
    assert "\r" not in text
    read = pd.read_csv(io.StringIO(text))
    assert read["bleu"].tolist() == TABLE["bleu"].tolist()


def test_markdown(tmp_path: Path) -> None:
    assert write(tmp_path)[".md"] == (
        "**50% of it: a\\_b**\n"
        "\n"
        "| System | Mem. | BLEU | Gain | 95% | After |\n"
        "| :--- | ---: | ---: | ---: | ---: | ---: |\n"
        "| A & B\\_1 † | – | **12.34 ± 0.50** | +0.00 | [−1.50, +0.50] | 12.3 (+0.0) |\n"
        "| c\\|d | 1.2 | **12.34** | +2.00 | [+0.25, +3.00] | 12.3 (+2.0) |\n"
        "| – | – | 0.33 | – | – | 0.3 |\n"
        "\n"
        "nrefs:1\\|tok:13a\n"
        "\n"
        "x \\< y\n"
    )


def test_latex(tmp_path: Path) -> None:
    text = write(tmp_path)[".tex"]
    assert text == (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{table}[t]\n"
        "\\centering\n"
        "\\caption{50\\% of it: a\\_b}\n"
        "\\label{tab:name}\n"
        "\\begin{tabular}{lrrrrr}\n"
        "\\toprule\n"
        "System & Mem. & BLEU & Gain & 95\\% & After \\\\\n"
        "\\midrule\n"
        "A \\& B\\_1 $\\dagger$ & -- & \\textbf{12.34 $\\pm$ 0.50} & +0.00 & {[}$-$1.50, +0.50] & 12.3 (+0.0) \\\\\n"
        "c\\textbar\\allowbreak{}d & 1.2 & \\textbf{12.34} & +2.00 & {[}+0.25, +3.00] & 12.3 (+2.0) \\\\\n"
        "-- & -- & 0.33 & -- & -- & 0.3 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\n"
        "\\smallskip\n"
        "\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright\n"
        "nrefs:1\\textbar\\allowbreak{}tok:13a\\par\n"
        "x \\textless{} y\\par\n"
        "\\end{minipage}\n"
        "\\end{table}\n"
    )


def test_html(tmp_path: Path) -> None:
    number = ' class="number"'
    assert write(tmp_path)[".html"] == (
        '<figure class="table">\n'
        "<figcaption>50% of it: a_b</figcaption>\n"
        '<div class="scroll" tabindex="0">\n'
        "<table>\n"
        "<thead>\n"
        '<tr><th scope="col">System</th>'
        + "".join(f'<th scope="col"{number}>{heading}</th>' for heading in ("Mem.", "BLEU", "Gain", "95%", "After"))
        + "</tr>\n"
        "</thead>\n"
        "<tbody>\n"
        f"<tr><td>A &amp; B_1 †</td><td{number}>–</td><td{number}><strong>12.34 ± 0.50</strong></td>"
        f"<td{number}>+0.00</td><td{number}>[−1.50, +0.50]</td><td{number}>12.3 (+0.0)</td></tr>\n"
        f"<tr><td>c|d</td><td{number}>1.2</td><td{number}><strong>12.34</strong></td>"
        f"<td{number}>+2.00</td><td{number}>[+0.25, +3.00]</td><td{number}>12.3 (+2.0)</td></tr>\n"
        f"<tr><td>–</td><td{number}>–</td><td{number}>0.33</td>"
        f"<td{number}>–</td><td{number}>–</td><td{number}>0.3</td></tr>\n"
        "</tbody>\n"
        "</table>\n"
        "</div>\n"
        '<p class="note">nrefs:1|tok:13a</p>\n'
        '<p class="note">x &lt; y</p>\n'
        "</figure>\n"
    )


def test_marks_follow_their_number_and_groups_stand_above_their_columns(tmp_path: Path) -> None:
    table = pd.DataFrame({"s": ["a", "b"], "x": [1.0, 2.0], "star": [None, "*"], "y": [3.0, 4.0]})
    columns = [
        Column("S", "s"),
        Column("X", "x", decimals=1, best=True, mark="star", group="BLEU"),
        Column("Y", "y", decimals=1, group="BLEU"),
    ]
    _, markdown, latex, html = (
        path.read_text(encoding="utf-8") for path in write_table(table, tmp_path / "t", "c", [], columns)
    )
    assert markdown.splitlines()[2:] == [
        "| S | BLEU X | BLEU Y |",
        "| :--- | ---: | ---: |",
        "| a | 1.0 | 3.0 |",
        "| b | **2.0**\\* | 4.0 |",
    ]
    assert (
        "\\toprule\n\\multicolumn{1}{c}{} & \\multicolumn{2}{c}{BLEU} \\\\\n\\cmidrule(lr){2-3}\nS & X & Y \\\\\n"
        in latex
    )
    assert "b & \\textbf{2.0}\\rlap{*} & 4.0 \\\\" in latex
    assert '<tr><td colspan="1"></td><th colspan="2" scope="colgroup">BLEU</th></tr>' in html
    assert '<td class="number"><strong>2.0</strong><sup>*</sup></td>' in html


def test_a_repeat_is_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path) == write(tmp_path)
    assert write(tmp_path) == write(tmp_path / "elsewhere")
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == [
        "name.csv",
        "name.html",
        "name.md",
        "name.tex",
    ]


def test_one_value_alone_is_not_the_best_of_anything(tmp_path: Path) -> None:
    table = pd.DataFrame({"bleu": [1.0, None]})
    _, markdown, *_ = write_table(table, tmp_path / "t", "c", [], [Column("BLEU", "bleu", decimals=2, best=True)])
    assert "**1.00**" not in markdown.read_text(encoding="utf-8")


@given(text=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=30))
def test_no_character_breaks_the_table(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    stem = tmp_path_factory.mktemp("table") / "t"
    table = pd.DataFrame({"a": [text], "b": [1.0]})
    columns = [Column("a", "a"), Column("b", "b", decimals=0)]
    _, markdown, latex, _ = write_table(table, stem, "", [], columns)
    row = markdown.read_text(encoding="utf-8").splitlines()[4]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    line = next(line for line in latex.read_text(encoding="utf-8").splitlines() if line.endswith(r" & 1 \\"))
    cell = line.removesuffix(r" & 1 \\")
    assert not re.search(r"(?<!\\)[&%#_]", cell)
    unescaped = re.sub(r"\\[{}]", "", cell)
    assert unescaped.count("{") == unescaped.count("}")


def test_domain_labels() -> None:
    assert [domain_label(name) for name in ("koran", "it", "web_news", "EMEA")] == ["Koran", "IT", "Web news", "EMEA"]


def test_rows_that_stand_apart_are_below_a_rule_and_not_compared(tmp_path: Path) -> None:
    table = pd.DataFrame({"system": ["a", "b", "both"], "bleu": [1.0, 2.0, 3.0]})
    columns = [Column("System", "system"), Column("BLEU", "bleu", decimals=1, best=True)]
    csv, markdown, latex, _ = (
        path.read_text(encoding="utf-8") for path in write_table(table, tmp_path / "t", "c", [], columns, apart=1)
    )
    assert csv.splitlines()[1:] == ["a,1.0", "b,2.0", "both,3.0"]
    assert markdown.splitlines()[4:] == ["| a | 1.0 |", "| b | **2.0** |", "|  |  |", "| both | 3.0 |"]
    assert latex.split("\\midrule\n")[1:] == [
        "a & 1.0 \\\\\nb & \\textbf{2.0} \\\\\n",
        "both & 3.0 \\\\\n\\bottomrule\n\\end{tabular}\n\\end{table}\n",
    ]


def test_rows_that_are_all_there_is_stand_apart_from_nothing(tmp_path: Path) -> None:
    table = pd.DataFrame({"system": ["both"], "bleu": [3.0]})
    columns = [Column("System", "system"), Column("BLEU", "bleu", decimals=1, best=True)]
    _, markdown, latex, _ = write_table(table, tmp_path / "t", "c", [], columns, apart=1)
    assert markdown.read_text(encoding="utf-8").splitlines()[4:] == ["| both | 3.0 |"]
    assert latex.read_text(encoding="utf-8").count("midrule") == 1


def test_a_table_without_rows_has_its_heading_and_its_rule(tmp_path: Path) -> None:
    _, markdown, latex, _ = write_table(pd.DataFrame({"a": []}), tmp_path / "t", "c", [], [Column("A", "a")])
    assert markdown.read_text(encoding="utf-8").splitlines()[2:] == ["| A |", "| :--- |"]
    assert latex.read_text(encoding="utf-8").count("midrule") == 1


def test_the_best_is_looked_for_among_rows_of_the_same_group(tmp_path: Path) -> None:
    frame = pd.DataFrame({"k": [8, 8, 16, 16, 32], "name": list("abcde"), "value": [1.0, 2.0, 9.0, 9.0, 50.0]})
    columns = [Column("", "name"), Column("V", "value", decimals=0, best=True, within=("k",))]
    write_table(frame, tmp_path / "t", "Caption", [], columns)
    rows = [line for line in (tmp_path / "t.md").read_text().splitlines() if line.startswith("| ")][2:]
    # alone in its group nothing is the best
    assert rows == ["| a | 1 |", "| b | **2** |", "| c | **9** |", "| d | **9** |", "| e | 50 |"]


def test_blocks_and_tables_below_one_another(tmp_path: Path) -> None:
    frame = pd.DataFrame({"k": [8, 8, 16], "name": list("abc")})
    first = Table(frame, "First", ["A note."], [Column("N", "name")], blocks=("k",))
    second = Table(pd.DataFrame({"name": ["z"]}), "Second", [], [Column("N", "name")])
    csv, markdown, latex, _ = write_tables(tmp_path / "t", [first, second])
    assert csv.read_text() == "k,name\n8,a\n8,b\n16,c\n"
    assert markdown.read_text().splitlines() == [
        *("**First**", "", "| N |", "| :--- |", "| a |", "| b |", "|  |", "| c |", "", "A note.", ""),
        *("**Second**", "", "| N |", "| :--- |", "| z |"),
    ]
    text = latex.read_text()
    assert text.count(r"\midrule") == 3
    assert text.index(r"\label{tab:t}") < text.index(r"\end{table}") < text.index(r"\label{tab:t-2}")
