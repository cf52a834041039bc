"""How sure a difference in COMET between two systems is: what unbabel-comet's comet-compare says, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATIO = 0.4  # comet-compare's: a resample draws so large a share of the sentences
TIE = 0.001  # comet-compare's: a smaller difference is none

Segments = NDArray[np.float64]


@dataclass(frozen=True)
class CometComparison:
    """A system's gain over a baseline, averaged over the test sets."""

    gain: float  # mean difference of the segments' scores, times 100
    p_value: float  # of the paired t-test, two-sided: comet-compare's verdict
    wins: float  # share of the resamples in which the system is better
    losses: float
    samples: int
    seed: int

    @property
    def remark(self) -> str:
        """What the bootstrap says."""
        return f"{self.wins:.0%} of the resamples better, {self.losses:.0%} worse"


def compare_test_sets(
    test_sets: Sequence[tuple[Sequence[float], Sequence[float]]], samples: int, seed: int
) -> CometComparison:
    """Compare two systems by their segments' COMET scores on test sets of the same weight.

    test_sets: of each the segments' scores of the baseline and of the system. Paired t-test and paired bootstrap as in
    comet-compare, which takes 300 resamples and the seed 1. Of several test sets the t-test is of the mean of their
    mean differences, with the degrees of freedom of Welch and Satterthwaite. Two systems whose scores differ by the
    same amount everywhere have no t-test: p is 1 where that is nothing, else 0. ValueError where the sentences do not
    pair.
    """
    pairs = [(np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)) for before, after in test_sets]
    random, differences = np.random.RandomState(seed), np.zeros(samples)
    for before, after in pairs:
        if before.shape != after.shape or before.ndim != 1 or not before.size:
            raise ValueError(f"scores of shape {before.shape} and {after.shape} do not pair")
        size = (max(int(before.size * SAMPLE_RATIO), 1), samples)
        drawn = random.choice(before.size, size=size, replace=True)
        differences += after[drawn].mean(axis=0) - before[drawn].mean(axis=0)
    differences /= len(pairs)
    return CometComparison(
        gain=100 * float(np.mean([(after - before).mean() for before, after in pairs])),
        p_value=_p_value(pairs),
        wins=float((differences >= TIE).mean()),
        losses=float((differences <= -TIE).mean()),
        samples=samples,
        seed=seed,
    )


def _p_value(pairs: Sequence[tuple[Segments, Segments]]) -> float:
    from scipy import stats

    differences = [after - before for before, after in pairs]
    if any(difference.size == 1 for difference in differences):
        return 1.0
    if all(np.ptp(difference) == 0 for difference in differences):
        return 0.0 if math.fsum(difference[0] for difference in differences) else 1.0
    if len(pairs) == 1:
        ((before, after),) = pairs
        return float(stats.ttest_rel(after, before).pvalue)
    variances = np.array([difference.var(ddof=1) / difference.size for difference in differences])
    freedom = variances.sum() ** 2 / (variances**2 / [difference.size - 1 for difference in differences]).sum()
    t = sum(difference.mean() for difference in differences) / math.sqrt(variances.sum())
    return float(2 * stats.t.sf(abs(t), freedom))
