"""PLAC (Zhu et al. 2023): what the model knows already, and knows all around, is not needed.

Wenhao Zhu, Shujian Huang, Yunzhe Lv, Xin Zheng, Jiajun Chen: "What Knowledge Is Needed? Towards Explainable Memory for
kNN-MT Domain Adaptation", Findings of ACL 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ink.config.sections import reductions
from ink.datastore.reductions.reduction import Original, Reduced, Reduction, number_kept, seed_of


@dataclass(frozen=True)
class Plac(Reduction):
    """Pruning with local correctness: drops entries whose knowledge margin is k at least, drawn among them.

    An entry (h, v) is known if v is the model's most probable token at h. The knowledge margin of a known entry is the
    largest m for which its m nearest others are all known. No more entries are dropped than leaves the share `keep`;
    without it all that may be dropped are.

    The prediction is read off the stored key, in half precision, and not off a pass of its own over the text. The
    authors' code takes the nearest of k + 1 neighbours for the entry itself; here that is known by its number. So an
    entry whose key is there twice, or that an approximate index does not find, is judged like any other.
    """

    k: int
    keep: float | None
    seed: int
    needs_model = True

    @classmethod
    def from_settings(cls, settings: reductions.Reduction) -> Self:
        if settings.k is None:
            raise ValueError("PLAC was given no k")
        return cls(settings.k, settings.keep, seed_of(settings))

    def reduce(self, original: Original) -> Reduced:
        entries = original.datastore.meta.entries
        candidates = np.flatnonzero(self.known_around(original))
        most = entries - (1 if self.keep is None else number_kept(self.keep, entries))
        count = min(len(candidates), most)
        dropped = np.random.default_rng(self.seed).choice(candidates, count, replace=False)
        return Reduced(np.setdiff1d(np.arange(entries), dropped, assume_unique=True))

    def known_around(self, original: Original) -> NDArray[np.bool_]:
        """Tell of which entries the knowledge margin is k at least, (entries,)."""
        known = original.predictions() == original.datastore.values
        around = known.copy()
        for part, near in original.others_near(self.k):
            around[part] &= (known[near] & (near >= 0)).all(axis=1)
        return around
