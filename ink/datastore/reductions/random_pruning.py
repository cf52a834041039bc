"""Random pruning: the control of every other reduction, entries drawn without looking at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ink.config.sections import reductions
from ink.datastore.reductions.reduction import Original, Reduced, Reduction, number_kept, seed_of


@dataclass(frozen=True)
class RandomPruning(Reduction):
    """Keeps the share `keep` of the entries, or as many as another reduction has left, every choice equally likely."""

    keep: float | None
    seed: int

    @classmethod
    def from_settings(cls, settings: reductions.Reduction) -> Self:
        return cls(settings.keep, seed_of(settings))

    def reduce(self, original: Original) -> Reduced:
        entries = original.datastore.meta.entries
        count = original.as_many if self.keep is None else number_kept(self.keep, entries)
        if count is None:
            raise ValueError("random pruning was given neither a share nor a number of entries")
        drawn = np.random.default_rng(self.seed).choice(entries, count, replace=False)
        return Reduced(np.sort(drawn))
