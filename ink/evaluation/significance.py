"""Paired bootstrap resampling: how sure a difference in BLEU between two systems is (Koehn 2004)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ink.evaluation.bleu import bleu_from_statistics

INDICES_AT_ONCE = 4_000_000  # bounds the memory of resampling: 32 MB of indices


@dataclass(frozen=True)
class Comparison:
    """A system's gain over a baseline in BLEU points, averaged over the domains."""

    gain: float  # measured on the test sets themselves
    lower: float  # 95% percentile interval over the resamples
    upper: float
    p_value: float
    samples: int
    seed: int


def paired_bootstrap(
    baseline: Sequence[NDArray[np.int64]], system: Sequence[NDArray[np.int64]], samples: int, seed: int
) -> Comparison:
    """Compare two systems on the same test sets, one array of statistics a domain, `(sentences, 2 + 2 * ORDER)`.

    Each resample draws every domain's sentences anew, the same ones for both systems; its statistic is the difference
    in corpus BLEU averaged over the domains. The p-value is the one of sacrebleu's paired bootstrap: the share of
    resamples whose absolute difference, less the mean of these, exceeds the measured one; it speaks for a difference
    in the direction measured. With one domain, the same number of samples and the same seed it equals sacrebleu's,
    save that two systems without any difference get 1, where sacrebleu's formula gives its smallest value. ValueError
    where the test sets do not pair.
    """
    if not baseline or len(baseline) != len(system):
        raise ValueError(f"{len(baseline)} domains of the baseline and {len(system)} of the system do not pair")
    generator = np.random.default_rng(seed)
    gain = 0.0
    gains = np.zeros(samples)
    for before, after in zip(baseline, system, strict=True):
        if before.shape != after.shape:
            raise ValueError(f"statistics of shape {before.shape} and {after.shape} are not of one test set")
        gain += float(bleu_from_statistics(after.sum(axis=0)) - bleu_from_statistics(before.sum(axis=0)))
        gains += _resampled_gains(before, after, samples, generator)
    gain /= len(baseline)
    gains /= len(baseline)
    lower, upper = np.percentile(gains, [2.5, 97.5])
    return Comparison(gain, float(lower), float(upper), _p_value(gain, gains), samples, seed)


def _resampled_gains(
    before: NDArray[np.int64], after: NDArray[np.int64], samples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    width = before.shape[1]
    both = np.concatenate([before, after], axis=1).astype(np.float64)  # counts stay exact below 2 ** 53
    parts = []
    for multiplicity in _multiplicities(len(before), samples, generator):
        totals = multiplicity @ both
        parts.append(bleu_from_statistics(totals[:, width:]) - bleu_from_statistics(totals[:, :width]))
    return np.concatenate(parts)


def _multiplicities(sentences: int, samples: int, generator: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield how often each sentence is in each resample, `(resamples, sentences)`, a bounded number at a time.

    Drawing in parts gives the numbers that drawing all at once would.
    """
    rows_at_once = max(1, INDICES_AT_ONCE // sentences)
    for start in range(0, samples, rows_at_once):
        rows = min(rows_at_once, samples - start)
        drawn = generator.choice(sentences, size=(rows, sentences), replace=True)
        drawn += np.arange(rows)[:, None] * sentences
        counts = np.bincount(drawn.ravel(), minlength=rows * sentences)
        yield counts.reshape(rows, sentences).astype(np.float64)


def _p_value(gain: float, gains: NDArray[np.float64]) -> float:
    if gain == 0 and not gains.any():
        return 1.0
    sizes = np.abs(gains)
    exceeding = int((sizes - sizes.mean() > abs(gain)).sum())
    return (exceeding + 1) / (len(gains) + 1)
