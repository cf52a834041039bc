"""How sure a difference in COMET between two systems is: what unbabel-comet's comet-compare says, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAMPLE_RATIO = 0.4  # comet-compare's: a resample draws so large a share of the sentences
TIE = 0.001  # comet-compare's: a smaller difference is none


@dataclass(frozen=True)
class CometComparison:
    """A system's gain over a baseline on one test set."""

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


def compare_segments(baseline: Sequence[float], system: Sequence[float], samples: int, seed: int) -> CometComparison:
    """Compare two systems by their segments' COMET scores, one a sentence of the same test set.

    Paired t-test and paired bootstrap as in comet-compare, which takes 300 resamples and the seed 1. Two systems whose
    scores differ by the same amount everywhere have no t-test: p is 1 where that is nothing, else 0. ValueError where
    the sentences do not pair.
    """
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(system, dtype=np.float64)
    if before.shape != after.shape or before.ndim != 1 or not before.size:
        raise ValueError(f"scores of shape {before.shape} and {after.shape} do not pair")
    drawn = np.random.RandomState(seed).choice(
        before.size, size=(max(int(before.size * SAMPLE_RATIO), 1), samples), replace=True
    )
    differences = after[drawn].mean(axis=0) - before[drawn].mean(axis=0)
    return CometComparison(
        gain=100 * float((after - before).mean()),
        p_value=_p_value(before, after),
        wins=float((differences >= TIE).mean()),
        losses=float((differences <= -TIE).mean()),
        samples=samples,
        seed=seed,
    )


def _p_value(before: np.ndarray, after: np.ndarray) -> float:
    from scipy import stats

    differences = after - before
    if np.ptp(differences) == 0:
        return 0.0 if differences[0] and differences.size > 1 else 1.0
    return float(stats.ttest_rel(after, before).pvalue)
