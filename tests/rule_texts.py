"""The workflow's rules as text: each with its own directives, and those of the rule that it inherits from."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "workflow" / "rules"
_RULE = re.compile(r"^( *)(?:rule (\w+):|use rule (\w+) as (\w+) with:)\n((?:\1 +.*\n|\s*\n)*)", re.MULTILINE)
_CALL = "{params.call}"


def rule_texts() -> dict[str, str]:
    """Return the directives of every rule that runs something, under whatever condition it stands, by its name."""
    found: dict[str, dict[str, str]] = {}
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.smk")))
    for indent, name, parent, heir, body in _RULE.findall(text):
        found[name or heir] = {**(found[parent] if parent else {}), **_directives(body, len(indent) + 4)}
    return {
        name: "".join(directives.values()).replace(_CALL, _command(directives))
        for name, directives in found.items()
        if "shell" in directives
    }


def _directives(body: str, indent: int) -> dict[str, str]:
    """Split a rule's text at its directives."""
    parts = re.split(rf"^(?= {{{indent}}}\w+:)", body, flags=re.MULTILINE)
    return {part.strip().partition(":")[0]: part for part in parts if part.strip()}


def _command(directives: dict[str, str]) -> str:
    """Say which command makes a datastore: by what is read and written, as `datastore_call` does."""
    if "shards=" in directives.get("input", ""):
        return "join-datastore"
    return "build-datastore-shard" if "LAYOUT.shard(" in directives.get("output", "") else "build-datastore"
