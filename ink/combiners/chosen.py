"""A combiner's settings on disk, and the combiner that they make."""

from __future__ import annotations

from pathlib import Path

from ink.combiners.combiner import Combiner
from ink.combiners.vanilla import VanillaCombiner
from ink.errors import InkError
from ink.files import read_json


def load_combiner(path: Path) -> Combiner:
    """Make the combiner that combiner.json describes."""
    described = read_json(path)
    if described.get("combiner") != "vanilla":
        raise InkError(f"{path} describes combiner {described.get('combiner')!r}; known: vanilla")
    chosen = described["chosen"]
    return VanillaCombiner(chosen["k"], chosen["lambda"], chosen["temperature"])
