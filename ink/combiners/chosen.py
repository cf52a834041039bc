"""A combiner's settings on disk, and the combiner that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ink.combiners.combiner import Combiner
from ink.combiners.tuning import GRID
from ink.combiners.vanilla import VanillaCombiner
from ink.errors import InkError
from ink.files import read_json


def read_combiner(path: Path) -> dict[str, Any]:
    """Read combiner.json: `combiner` its kind, `chosen` its settings, `tried` what they were chosen from."""
    described: dict[str, Any] = read_json(path, "combiner", "chosen", "tried")
    return described


def load_combiner(path: Path) -> Combiner:
    """Make the combiner that combiner.json describes; InkError names what is missing or no number."""
    kind = read_json(path, "combiner")["combiner"]
    if kind != "vanilla":
        raise InkError(f"{path} describes combiner {kind!r}; known: vanilla")
    chosen = read_combiner(path)["chosen"]
    for name in GRID:
        value = chosen.get(name) if isinstance(chosen, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InkError(f"{path}: chosen.{name} should be a number, found {value!r}; delete it and tune again")
    return VanillaCombiner(chosen["k"], chosen["lambda"], chosen["temperature"])
