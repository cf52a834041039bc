"""docs/failures.md is what the tests' marks say."""

from __future__ import annotations

from difflib import unified_diff
from types import SimpleNamespace
from typing import Any, cast

import pytest
from failures_page import COLLECTED, PAGE, TESTS, is_whole, render, rows_of

from ink.runtime.known_errors import known_errors


def test_the_page_is_that_of_the_marks(request: pytest.FixtureRequest) -> None:
    items = request.config.stash[COLLECTED]
    if not is_whole(request.config, items):
        pytest.skip("only a part of the tests was collected")
    written, due = PAGE.read_text(encoding="utf-8").splitlines(), render(rows_of(items)).splitlines()
    differences = "\n".join(unified_diff(written, due, "docs/failures.md", "the marks of the tests", lineterm="", n=0))
    if differences:
        pytest.fail(
            f"docs/failures.md is not what the tests' marks say; run: make failures\n{differences}", pytrace=False
        )


def test_a_mark_becomes_a_row_that_names_the_test_or_its_case() -> None:
    own = failure("Disk", "a full disk", "`refused [disk/not-writable]`")
    of_case = failure("Disk", "no | disk", "also\nrefused")
    (first, second) = rows_of([item("b/test_b.py", "test_b[1]", [own], case=[of_case])])
    assert first.tests == ("b/test_b.py::test_b",) and second.tests == ("b/test_b.py::test_b[1]",)
    page = render([first, second])
    code = "[disk/not-writable](#disknot-writable)"
    assert (
        "\n## Disk\n\n| input | what happens | code | test |\n|---|---|---|---|\n"
        f"| a full disk | `refused` | {code} | `b/test_b.py::test_b` |\n"
        "| no \\| disk | also refused |  | `b/test_b.py::test_b[1]` |\n\n## Codes\n"
    ) in page
    assert "- seen with a full disk\n" in page.partition("### disk/not-writable\n")[2].partition("###")[0]


def test_every_code_is_on_the_page_with_what_to_do_and_its_messages() -> None:
    page = render([])
    for each in known_errors().values():
        assert f"\n### {each.code}\n\n{each.what} **Why:** {each.why} **What to do:** {each.what_to_do}\n" in page
    assert "- `adapter PATH does not exist; train it first`\n" in page


@pytest.mark.parametrize("case", ["a" * 101, r"two\nlines"])
def test_a_case_that_was_given_no_name_is_left_out(case: str) -> None:
    (row,) = rows_of([item("test_b.py", f"test_b[{case}]", [], case=[failure("Disk", "no disk", "refused")])])
    assert row.tests == ("test_b.py::test_b",)


def test_rows_stand_in_the_order_of_modules_and_a_row_that_several_tests_try_names_them_all() -> None:
    row, other = failure("Disk", "a full disk", "refused"), failure("Disk", "no disk", "refused")
    found = rows_of(
        [
            item("test_b.py", "test_b[1]", [row]),
            item("test_b.py", "test_b[2]", [row]),
            item("test_b.py", "test_c", [row]),
            item("a/test_a.py", "test_a", [other]),
        ]
    )
    assert [row.input for row in found] == ["no disk", "a full disk"]
    assert found[1].tests == ("test_b.py::test_b", "test_b.py::test_c")


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([("Disks", "a full disk", "refused")], "has no section 'Disks'"),
        ([("Disk", "a full disk", "refused [disk/fulll]")], "no error has the code disk/fulll"),
        ([("Disk", "a full disk")], "is made of section, input and outcome"),
        ([("Disk", "a full disk", " ")], "is made of section, input and outcome"),
        ([("Disk", "a full disk", "refused"), ("Disk", "a full disk", "taken")], "'a full disk' has a row already"),
    ],
)
def test_a_mark_that_makes_no_row_is_named_with_its_test(marks: list[tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        rows_of([item("a/test_a.py", "test_a", [failure(*mark) for mark in marks])])
    assert str(refused.value).startswith("a/test_a.py::test_a: ")


def test_a_part_of_the_tests_is_told_from_all_of_them() -> None:
    every = [item(str(path.relative_to(TESTS)), "test_a", []) for path in TESTS.rglob("test_*.py")]
    whole, named = (
        cast(Any, SimpleNamespace(args=[argument]))
        for argument in ("tests", "tests/runtime/test_whole_files.py::test_a")
    )
    assert is_whole(whole, every)
    assert not is_whole(whole, every[1:])
    assert not is_whole(named, every)


def failure(*words: str) -> pytest.Mark:
    return pytest.mark.failure(*words).mark


def item(module: str, name: str, marks: list[pytest.Mark], case: list[pytest.Mark] | None = None) -> Any:
    """Stand in for a collected test. pytest keeps the marks nearest to the function first."""
    kept = [*marks, *(case or [])]
    return SimpleNamespace(
        path=TESTS / module,
        name=name,
        iter_markers=lambda _name: iter(kept),
        callspec=SimpleNamespace(marks=case or []),
    )
