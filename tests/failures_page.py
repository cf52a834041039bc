"""docs/failures.md, written from the tests that try its rows: `@pytest.mark.failure(section, input, outcome)`.

An outcome holds the code that ends an error's line as people see it, such as [adapter/missing]. What codes mean is
written from known_errors.yaml, and the messages of each from the source.

`make failures` collects the tests and writes the page; tests/test_failures_page.py compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from error_sites import sites

from ink.runtime.known_errors import KnownError, known_errors

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "failures.md"
PREAMBLE = """\
# What can go wrong, and what happens then

Whatever a person can put right is one line on standard error, or in the job's log, with exit code 1: what was wrong,
where, what to do, and at its end a code in brackets. Nothing half-written takes the place of something whole, and what
was there before stays. The last column names the tests that try it, under `tests/`; in brackets stands the case.
`make failures` writes this page from the marks of these tests.

`ink doctor CONFIG` looks for most of this before anything starts. [Codes](#codes) says what each code means, and
so does `ink explain-error CODE`.
"""
CODES = """\
## Codes

A code stays when its message is worded anew, so that it can be searched for. Words in capitals, and ..., stand for what
a message quotes.
"""
SECTIONS = (
    "Config",
    "Paths and places",
    "Text and vocabulary",
    "Downloads",
    "Models and adapters",
    "COMET",
    "Datastores and combiners",
    "Results and reports",
    "Disk",
    "Two at once and killed",
    "Training",
    "Tracking",
    "Translating",
    "Looking into a translation",
)

_CODE = re.compile(r" \[([a-z]+/[a-z0-9-]+)\]")

# what stands in brackets is a name; longer, or with escapes, it is a whole input that was given none
LONGEST_CASE = 100


@dataclass(frozen=True)
class Row:
    """What a person can hand in, what happens then, and the tests that try it."""

    section: str
    input: str
    outcome: str
    tests: tuple[str, ...]

    @property
    def codes(self) -> list[str]:
        """The codes in the outcome, each once."""
        return [*dict.fromkeys(_CODE.findall(self.outcome))]


def rows_of(items: Iterable[pytest.Item]) -> list[Row]:
    """Read the marks of tests: in the order of their modules, as they stand in them, each row once.

    A ValueError names the test whose mark has no such section or code, lacks words, or gives a known input another
    outcome.
    """
    tests: dict[tuple[str, str, str], list[str]] = {}
    outcomes: dict[tuple[str, str], str] = {}
    for item in sorted(items, key=lambda item: item.path):
        for name, mark in _marks(item):
            if len(mark.args) != 3 or not all(isinstance(words, str) and words.strip() for words in mark.args):
                raise ValueError(f"{name}: a failure mark is made of section, input and outcome, found {mark.args}")
            section, given, outcome = mark.args
            if section not in SECTIONS:
                raise ValueError(f"{name}: docs/failures.md has no section {section!r}; it has: {', '.join(SECTIONS)}")
            if outcomes.setdefault((section, given), outcome) != outcome:
                raise ValueError(f"{name}: {given!r} has a row already, with another outcome")
            named = tests.setdefault((section, given, outcome), [])
            if name not in named:
                named.append(name)
    rows = [Row(*words, tuple(named)) for words, named in tests.items()]
    for row in rows:
        for code in row.codes:
            if code not in known_errors():
                raise ValueError(f"{row.tests[0]}: no error has the code {code}")
    return rows


def render(rows: Sequence[Row]) -> str:
    """Return the page: a table a section, and what every code means."""
    parts = [PREAMBLE]
    for section in SECTIONS:
        lines = [
            _line(row.input, _CODE.sub("", row.outcome), ", ".join(map(_link, row.codes)), _named(row.tests))
            for row in rows
            if row.section == section
        ]
        if lines:
            head = [f"## {section}", "", "| input | what happens | code | test |", "|---|---|---|---|"]
            parts.append("\n".join([*head, *lines, ""]))
    return "\n".join([*parts, CODES, *(_explained(each, rows) for each in known_errors().values())])


def _explained(error: KnownError, rows: Sequence[Row]) -> str:
    """Return what is known of a code: its explanation, its messages, and the inputs that lead to it."""
    messages = dict.fromkeys(site.message for site in sites() if site.code == error.code)
    inputs = [row.input for row in sorted(rows, key=_section) if error.code in row.codes]
    lines = [f"### {error.code}", "", f"{error.what} **Why:** {error.why} **What to do:** {error.what_to_do}", ""]
    lines += [f"- {_quoted(message)}" for message in messages if message.strip(".")]
    return "\n".join([*lines, *(f"- seen with {words}" for words in inputs), ""])


def _section(row: Row) -> int:
    return SECTIONS.index(row.section)


def _quoted(message: str) -> str:
    return f"`` {message} ``" if "`" in message else f"`{message}`"


def _link(code: str) -> str:
    return f"[{code}](#{code.replace('/', '')})"


def _named(tests: Sequence[str]) -> str:
    return ", ".join(f"`{test}`" for test in tests)


def is_whole(config: pytest.Config, items: Iterable[pytest.Item]) -> bool:
    """Whether every test was collected, so that every row is known."""
    collected = {item.path for item in items}
    return not any("::" in argument for argument in config.args) and collected.issuperset(TESTS.rglob("test_*.py"))


# what was collected, before -m or -k takes tests away
COLLECTED = pytest.StashKey[list[pytest.Item]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-failures", action="store_true", help="write docs/failures.md from the tests, run none")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[COLLECTED] = list(items)
    if config.getoption("write_failures"):
        if not is_whole(config, items):
            raise pytest.UsageError(
                "docs/failures.md is written from all tests: name none, and mend what fails to import"
            )
        try:
            rows = rows_of(items)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        PAGE.write_text(render(rows), encoding="utf-8")
        pytest.exit(f"docs/failures.md: {len(rows)} rows", returncode=0)


def _marks(item: pytest.Item) -> list[tuple[str, pytest.Mark]]:
    """Return a test's marks as they stand in its module, with `cli/test_x.py::test_y`; a case's with `[case]`."""
    test, bracket, case = item.name.partition("[")
    test = f"{item.path.relative_to(TESTS)}::{test}"
    if len(case) > LONGEST_CASE or "\\" in case:
        bracket = case = ""
    of_case = item.callspec.marks if hasattr(item, "callspec") else []
    marks = list(item.iter_markers("failure"))
    # the decorator that stands first is applied last
    own = [(test, mark) for mark in reversed(marks) if mark not in of_case]
    return own + [(test + bracket + case, mark) for mark in marks if mark in of_case]


def _line(*cells: str) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(words: str) -> str:
    return words.replace("\n", " ").replace("|", r"\|")
