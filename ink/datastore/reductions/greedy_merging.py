"""Greedy merging (He et al. 2021; for kNN-MT Martins et al. 2022): near entries of one value become one that counts.

Junxian He, Graham Neubig, Taylor Berg-Kirkpatrick: "Efficient Nearest Neighbor Language Models", EMNLP 2021. Pedro
Martins, Zita Marinho, André Martins: "Efficient Machine Translation Domain Adaptation", SpaNLP 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ink.config.sections import reductions
from ink.datastore.reductions.reduction import Original, Reduced, Reduction, seed_of


@dataclass(frozen=True)
class GreedyMerging(Reduction):
    """Goes through the entries in a random order; one that is still there takes in those of its k nearest others.

    It takes in those that have its value, are still there and have taken in none themselves. It keeps its own key, and
    counts once for every entry that it stands for: s_i times in p_kNN(y), proportional to the sum of s_i exp(-d_i / T).

    As in the authors' code, but for one thing: there the logarithm of s_i is divided by T with the distance, here it
    is not, as in kNN-box.
    """

    k: int
    seed: int

    @classmethod
    def from_settings(cls, settings: reductions.Reduction) -> Self:
        if settings.k is None:
            raise ValueError("greedy merging was given no k")
        return cls(settings.k, seed_of(settings))

    def reduce(self, original: Original) -> Reduced:
        entries = original.datastore.meta.entries
        near = np.empty((entries, self.k), np.int64)
        for part, found in original.others_near(self.k):
            near[part] = found
        order = np.random.default_rng(self.seed).permutation(entries)
        counts = merged_counts(near, np.asarray(original.datastore.values), order)
        numbers = np.flatnonzero(counts)
        return Reduced(numbers, counts[numbers])


def merged_counts(near: NDArray[np.int64], values: NDArray[np.int32], order: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return for how many entries each stands, (entries,), 0 where it was taken in.

    near: (entries, k), the others that each may take in, -1 where there is none; values: (entries,); order: (entries,),
    in which they take in.
    """
    same = (values[near] == values[:, None]) & (near >= 0)
    counts = [1] * len(values)
    for entry in order.tolist():
        if counts[entry] == 0:
            continue
        for other in near[entry, same[entry]].tolist():
            if counts[other] == 1:
                counts[other] = 0
                counts[entry] += 1
    return np.array(counts, np.int32)
