"""Training text put together from several sources, of each the share or the number of pairs that a config asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any


def drawn_count(source: Mapping[str, Any], pairs: int) -> int:
    """Return how many pairs are drawn of a source with so many: its `sentences`, or its `weight` times all of them."""
    return int(source["sentences"]) if "sentences" in source else round(source["weight"] * pairs)


def draw(pairs: Sequence[tuple[str, str]], count: int, seed: int) -> list[tuple[str, str]]:
    """Draw `count` of `pairs`, in their order; where that is more than there are, all of them as often as they fit in.

    The rest is drawn by the hash of seed and pair, so that neither the platform nor the order of the file matters, and
    a smaller count draws a part of what a larger one does.
    """
    times, rest = divmod(count, len(pairs)) if pairs else (0, 0)

    def hashed(number: int) -> bytes:
        source, target = pairs[number]
        return hashlib.sha256(f"{seed}\t{source}\t{target}".encode()).digest()

    chosen = sorted(sorted(range(len(pairs)), key=hashed)[:rest]) if rest else []
    return [*pairs] * times + [pairs[number] for number in chosen]
