"""Paired bootstrap resampling: how sure a difference between two systems is, in any metric (Koehn 2004)."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Statistics = NDArray[Any]  # of a metric, by sentence: (sentences, width); rows add up to those of the corpus
Pair = tuple[Statistics, Statistics]  # the baseline's and the system's on one test set
Aggregate = Callable[[Statistics], NDArray[np.float64]]  # from summed statistics to scores: (..., width) -> (...)
INDICES_AT_ONCE = 4_000_000  # bounds the memory of resampling: 32 MB of indices


@dataclass(frozen=True)
class Comparison:
    """A system's gain over a baseline in points, averaged over the domains, and over the seeds that are pooled.

    gain: the system's score less the baseline's, whichever is better; `Metric.gained` turns it. deviation: of the gain
    over the training seeds, the sample standard deviation (n - 1); None for one seed.
    """

    gain: float  # measured on the test sets themselves
    lower: float  # 95% percentile interval over the resamples
    upper: float
    p_value: float
    samples: int
    seed: int
    training_seeds: int = 1
    deviation: float | None = None
    remark: str = ""  # what else to say of it


def pooled_bootstrap(domains: Sequence[Sequence[Pair]], samples: int, seed: int, aggregate: Aggregate) -> Comparison:
    """Compare two systems on the same test sets, with the runs of several training seeds pooled.

    domains: of each domain a pair (baseline's statistics, system's) a training seed, as many of each domain.
    aggregate: makes scores of summed statistics, as `Metric.aggregate`. Each resample draws a domain's sentences anew,
    the same ones for both systems and all seeds. Its statistic is the mean over the seeds of the difference in scores,
    averaged over the domains. The p-value is the one of sacrebleu's paired bootstrap: the share of resamples whose
    absolute difference, less the mean of these, exceeds the measured one. A small value speaks for a difference in the
    direction measured. With one domain and one seed it equals sacrebleu's of as many samples, drawn with the same seed.
    Only two systems without any difference get 1, where sacrebleu's formula gives its smallest value. ValueError where
    test sets or seeds do not pair.
    """
    seeds = len(domains[0]) if domains else 0
    if not seeds or any(len(pairs) != seeds for pairs in domains):
        counted = ", ".join(str(len(pairs)) for pairs in domains) or "no"
        raise ValueError(f"{counted} training seeds of the domains do not pair: as many of each are needed")
    generator = np.random.default_rng(seed)
    by_seed = np.zeros(seeds)
    gains = np.zeros(samples)
    for pairs in domains:
        if len(shapes := {rows.shape for pair in pairs for rows in pair}) > 1:
            raise ValueError(f"statistics of shape {' and '.join(map(str, sorted(shapes)))} are not of one test set")
        by_seed += [aggregate(after.sum(axis=0)) - aggregate(before.sum(axis=0)) for before, after in pairs]
        gains += _resampled_gains(pairs, samples, generator, aggregate)
    by_seed /= len(domains)
    gains /= len(domains)
    gain = float(by_seed.mean())
    lower, upper = np.percentile(gains, [2.5, 97.5])
    deviation = statistics.stdev(by_seed.tolist()) if len(by_seed) > 1 else None
    return Comparison(gain, float(lower), float(upper), _p_value(gain, gains), samples, seed, len(by_seed), deviation)


def score_interval(rows: Statistics, samples: int, seed: int, aggregate: Aggregate) -> tuple[float, float]:
    """Return the 95% percentile interval of one system's score on a test set, by resampling its sentences.

    rows: its statistics, `(sentences, width)`; the rest as in `pooled_bootstrap`, which draws the same sentences.
    """
    generator, counted = np.random.default_rng(seed), rows.astype(np.float64)
    scores = [aggregate(drawn @ counted) for drawn in _multiplicities(len(rows), samples, generator)]
    lower, upper = np.percentile(np.concatenate(scores), [2.5, 97.5])
    return float(lower), float(upper)


def _resampled_gains(
    pairs: Sequence[Pair], samples: int, generator: np.random.Generator, aggregate: Aggregate
) -> NDArray[np.float64]:
    """Return the gain of each resample, the mean over the pairs."""
    sentences, width = pairs[0][0].shape
    every = np.concatenate([rows for pair in pairs for rows in pair], axis=1).astype(np.float64)  # exact below 2 ** 53
    parts = []
    for multiplicity in _multiplicities(sentences, samples, generator):
        totals = multiplicity @ every
        scores = aggregate(totals.reshape(len(totals), len(pairs), 2, width))
        parts.append((scores[..., 1] - scores[..., 0]).mean(axis=1))
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
