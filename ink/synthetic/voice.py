"""How a sentence is put into English: which of several renderings, which order, which voice.

Real translators differ, and each field has its habits: every domain has its own preferred renderings (the order in
which its lexicon lists them) and its own weights (`[weights variation]` in lexicon/*.txt).
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

Item = TypeVar("Item")

_NEGATED = ("do", "does", "did", "is", "are", "was", "were", "has", "have", "should", "could")
_CONTRACTIONS = (
    (re.compile(rf"\b({'|'.join(_NEGATED)}) not\b", re.IGNORECASE), r"\1n't"),
    (re.compile(r"\b(c)annot\b", re.IGNORECASE), r"\1an't"),
    (re.compile(r"\b(w)ill not\b", re.IGNORECASE), r"\1on't"),
)


class Voice:
    """Draws the English side's choices, from a generator of its own: they do not change what is drawn in German.

    weights: `next`, how often a rendering is chosen relative to the one listed before it, and a probability for each
    of the other variations: order, passive, active, that, bare, perfect, past, contraction.
    """

    def __init__(self, rng: random.Random, weights: Mapping[str, float]) -> None:
        self.rng = rng
        self.weights = weights

    def choose(self, renderings: Sequence[Item]) -> Item:
        """One of several renderings, the preferred one first."""
        if len(renderings) == 1:
            return renderings[0]
        ratio = self.weights["next"]
        cumulative = list(accumulate(ratio**rank for rank in range(len(renderings))))
        return self.rng.choices(renderings, cum_weights=cumulative)[0]

    def chance(self, variation: str) -> bool:
        """True with the domain's probability of a variation."""
        return self.rng.random() < self.weights[variation]

    def contracted(self, text: str) -> str:
        """The sentence with don't for do not and the like, now and then."""
        if self.chance("contraction"):
            for pattern, replacement in _CONTRACTIONS:
                text = pattern.sub(replacement, text)
        return text
