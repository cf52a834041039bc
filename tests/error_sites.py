"""Where ink makes its errors: every call of InkError and of its subclasses, read from the source without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROOT = "InkError"


@dataclass(frozen=True)
class Site:
    """A call that makes an error: `code` is None where it is handed on, as in code=error.code."""

    place: str
    has_code: bool
    code: str | None
    message: str


@cache
def sites() -> tuple[Site, ...]:
    """Return every such call in ink/, in the order of modules and lines."""
    trees = {
        str(path.relative_to(REPOSITORY)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((REPOSITORY / "ink").rglob("*.py"))
    }
    codes = dict[str, str | None]({ROOT: None})
    while len(codes) < len(
        codes := codes | {name: code for tree in trees.values() for name, code in _kinds(tree, codes)}
    ):
        pass
    return tuple(site for file, tree in trees.items() for site in _in_module(file, tree, codes))


@cache
def given_codes() -> frozenset[str]:
    """Return every code that stands in ink/, as code= of any call or as a class's own, and in the workflow."""
    found = {site.code for site in sites()}
    for path in (REPOSITORY / "ink").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                found.add(node.value.value)
            elif isinstance(node, ast.ClassDef):
                found.add(_own_code(node))
    for path in (REPOSITORY / "workflow").rglob("*.smk"):
        found.update(re.findall(r'\bcode="([^"]+)"', path.read_text(encoding="utf-8")))
    return frozenset(code for code in found if isinstance(code, str))


def _kinds(tree: ast.Module, known: dict[str, str | None]) -> Iterator[tuple[str, str | None]]:
    """Yield the subclasses of known errors with the codes of their own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in known:
                    yield node.name, _own_code(node) or known[base.id]


def _own_code(node: ast.ClassDef) -> str | None:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id == "code":
            return str(line.value.value) if isinstance(line.value, ast.Constant) else None
    return None


def _in_module(file: str, tree: ast.Module, codes: dict[str, str | None]) -> Iterator[Site]:
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in codes
    ]
    for call in sorted(calls, key=lambda each: each.lineno):
        assert isinstance(call.func, ast.Name)
        own = codes[call.func.id]
        given = next((each.value for each in call.keywords if each.arg == "code"), None)
        code = str(given.value) if isinstance(given, ast.Constant) else own if given is None else None
        message = _worded(call.args[0]) if call.args else ""
        yield Site(f"{file}:{call.lineno}", given is not None or own is not None, code, message)


def _worded(message: ast.expr) -> str:
    """Return a message with what is put into it as a name in capitals, or ... where that has none."""
    if isinstance(message, ast.Constant):
        return str(message.value)
    if not isinstance(message, ast.JoinedStr):
        return "..."
    parts = []
    for part in message.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            named = part.value
            name = named.id if isinstance(named, ast.Name) else named.attr if isinstance(named, ast.Attribute) else ""
            parts.append(name.strip("_").upper() or "...")
    return "".join(parts)
