"""Sentences of README, docs and docstrings, and how long they are: `python tests/docs/prose.py` lists the longest.

A sentence ends at `.`, `!` or `?`, or with its paragraph, list item or table cell. Code and addresses
count as one word. Code blocks, headings and generated pages are left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# written from the code and the tests, whose sentences are looked at there
GENERATED = {"docs/configuration.md", "docs/failures.md"}

_END = re.compile(r"(?<=[.!?])[\"')*]*\s+")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|et al|Eq|Fig|vs)\.")


@dataclass(frozen=True)
class Sentence:
    """A sentence, the file it is in, and whether it stands in a table."""

    text: str
    file: str
    in_table: bool

    @property
    def words(self) -> int:
        """The number of words."""
        return len(self.text.split())


def sentences(file: str, text: str) -> Iterator[Sentence]:
    """Yield the sentences of a Markdown text or docstring."""
    without_code = re.sub(r"^ *```.*?^ *```|^(?: {4}.*\n)+", "", text, flags=re.MULTILINE | re.DOTALL)
    for paragraph, in_table in _paragraphs(without_code):
        plain = re.sub(r"`[^`]+`", "CODE", paragraph)
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", plain)
        plain = _ABBREVIATION.sub(lambda found: found[0][:-1], plain)
        for sentence in _END.split(plain):
            if sentence.strip():
                yield Sentence(sentence.strip(), file, in_table)


def _paragraphs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield paragraphs, list items and table cells, and whether they are cells."""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        begins_item = re.match(r"(?:[-*]|\d+\.)\s", stripped)
        is_row, is_heading = stripped.startswith("|"), stripped.startswith("#")
        if lines and (not stripped or begins_item or is_row or is_heading):
            yield " ".join(lines), False
            lines = []
        if is_row:
            for cell in stripped.strip("|").split("|"):
                yield cell.strip(" :-"), True
        elif stripped and not is_heading:
            lines.append(stripped.removeprefix("- "))


def of_documents() -> list[Sentence]:
    """Return the sentences of README and docs."""
    paths = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    found = []
    for path in paths:
        name = str(path.relative_to(REPOSITORY))
        if name not in GENERATED:
            found += sentences(name, path.read_text(encoding="utf-8"))
    return found


def of_docstrings() -> list[Sentence]:
    """Return the sentences of the docstrings in ink/."""
    found = []
    for path in sorted((REPOSITORY / "ink").rglob("*.py")):
        name = str(path.relative_to(REPOSITORY))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found += sentences(name, ast.get_docstring(node) or "")
    return found


def average_words(found: list[Sentence]) -> float:
    """Return the words of a sentence on average, tables left out."""
    running = [sentence.words for sentence in found if not sentence.in_table]
    return sum(running) / len(running)


if __name__ == "__main__":
    for name, found in {"README and docs": of_documents(), "docstrings": of_docstrings()}.items():
        print(f"{name}: {len(found)} sentences, {average_words(found):.1f} words on average outside tables")
        for sentence in sorted(found, key=lambda each: -each.words):
            if sentence.words > 35:
                print(f"  {sentence.words} words, {sentence.file}: {sentence.text}")
