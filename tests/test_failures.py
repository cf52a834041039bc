"""docs/failures.md names tests that exist, and every refusal that is tested has its row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "failures.md"
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)(?:\[(.+)\])?`")


def rows() -> list[list[str]]:
    """The cells of every row of every table, without heads."""
    lines = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "input"]


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse((TESTS / name).read_text(encoding="utf-8"))


def test_a_row_says_input_outcome_and_test() -> None:
    assert len(rows()) >= 25
    for row in rows():
        assert len(row) == 3, row
        assert all(row), row
        assert NAMED.fullmatch(row[2]), row
    assert len({row[0] for row in rows()}) == len(rows())


def test_every_test_that_is_named_exists() -> None:
    for row in rows():
        named = NAMED.fullmatch(row[2])
        assert named is not None
        file, function, case = named.groups()
        tree = parsed(file)
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, row
        if case is not None:
            assert case in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}, row


def test_every_refusal_of_the_command_line_has_its_row() -> None:
    (cases,) = (
        node.value
        for node in parsed("cli/test_refusals.py").body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "CASES"
    )
    assert isinstance(cases, ast.Dict)
    tested = {key.value for key in cases.keys if isinstance(key, ast.Constant)}
    assert tested == {named.group(3) for row in rows() if (named := NAMED.fullmatch(row[2])) and named.group(3)}
