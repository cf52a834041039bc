"""Word alignment of subwords: IBM model 2 with positions drawn to the diagonal (Dyer et al. 2013, fast_align)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ink.runtime.progress import progress

Tokens: TypeAlias = NDArray[np.int64]
Pair: TypeAlias = tuple[Tokens, Tokens]

ITERATIONS = 5
# fast_align's: probability of no source token, pull of the diagonal, and pseudo-counts of a translation
NOTHING, TENSION, PSEUDO = 0.08, 4.0, 0.01
CELLS = 1_000_000  # of a source and a target position each, that are looked at together


@dataclass(frozen=True)
class Cells:
    """For each target token of some pairs, every source token of its pair and, first, none.

    codes (cells,): the two tokens as one number; priors (cells,): of the source position; starts (target tokens,): the
    first cell of each; places (cells,): the source position, -1 for none.
    """

    codes: Tokens
    priors: NDArray[np.float64]
    starts: Tokens
    places: Tokens

    def rows(self, known: Tokens) -> Tensor:
        """Return the place of each code in `known`, ascending, which has them all: (cells,)."""
        codes, back = np.unique(self.codes, return_inverse=True)
        return torch.from_numpy(np.searchsorted(known, codes)[back])

    def joint(self, probabilities: Tensor) -> NDArray[np.float64]:
        """Return prior times t(target | source) of each cell; probabilities: (cells,)."""
        found: NDArray[np.float64] = self.priors * probabilities.numpy()
        return found

    def spread(self, values: NDArray) -> NDArray:
        """Repeat what each target token has, (target tokens,), for its cells."""
        return np.repeat(values, np.diff(np.append(self.starts, len(self.codes))))


def align(pairs: Sequence[Pair], iterations: int = ITERATIONS) -> list[Tokens]:
    """Find for every target token the position of its source token, or -1 where it has none: (target length,) a pair.

    pairs: token numbers of source and target, without ends of sentence. P(a_j = i) = 0.92 exp(-4 |i/m - j/n|) / Z, and
    0.08 for none, where m and n are the lengths. t(target | source) is learnt by expectation maximisation, with a
    Dirichlet prior of 0.01 by variational Bayes.
    """
    types = 1 + max((int(side.max()) for pair in pairs for side in pair if len(side)), default=0)
    nothing = np.empty(0, np.int64)
    known = np.unique(np.concatenate([nothing, *(np.unique(cells.codes) for cells in _cells(pairs, types))]))
    table, sources = torch.ones(len(known), dtype=torch.float64), torch.from_numpy(known // types)
    for _ in progress(range(iterations), description="aligning", unit="pass"):
        counts = torch.zeros_like(table)
        for cells in _cells(pairs, types):
            rows = cells.rows(known)
            joint = cells.joint(table[rows])
            counts.index_add_(0, rows, torch.from_numpy(joint / cells.spread(np.add.reduceat(joint, cells.starts))))
        counts += PSEUDO
        totals = torch.zeros(types + 1, dtype=torch.float64).index_add_(0, sources, counts)
        table = torch.exp(torch.digamma(counts) - torch.digamma(totals[sources]))
    best = [_best(cells, cells.joint(table[cells.rows(known)])) for cells in _cells(pairs, types)]
    ends = np.cumsum([len(target) for _, target in pairs], dtype=np.int64)
    return np.split(np.concatenate([nothing, *best]), ends)[: len(pairs)]


def _best(cells: Cells, joint: NDArray[np.float64]) -> Tokens:
    """Return the most probable source position of each target token, the first of equal ones."""
    highest = np.flatnonzero(joint == cells.spread(np.maximum.reduceat(joint, cells.starts)))
    of_token = np.searchsorted(cells.starts, highest, side="right") - 1
    return cells.places[highest[np.unique(of_token, return_index=True)[1]]]


def _cells(pairs: Sequence[Pair], types: int) -> Iterator[Cells]:
    """Yield the cells of all pairs, in their order, some pairs at a time."""
    part: list[Pair] = []
    count = 0
    for pair in pairs:
        part.append(pair)
        count += (len(pair[0]) + 1) * len(pair[1])
        if count >= CELLS:
            yield _cells_of(part, types)
            part, count = [], 0
    if count:
        yield _cells_of(part, types)


def _cells_of(pairs: Sequence[Pair], types: int) -> Cells:
    sources, targets = (np.array([len(one[side]) for one in pairs]) for side in (0, 1))
    # by target token: its pair, its share of the sentence, and how many cells it has
    pair = np.repeat(np.arange(len(pairs)), targets)
    position = np.arange(len(pair)) - np.repeat(np.cumsum(targets) - targets, targets) + 1
    sizes = sources[pair] + 1
    starts = np.cumsum(sizes) - sizes
    places = np.arange(sizes.sum()) - np.repeat(starts, sizes) - 1
    there = places >= 0
    lengths = np.maximum(np.repeat(sources[pair], sizes), 1)
    apart = np.abs((places + 1) / lengths - np.repeat(position / targets[pair], sizes))
    pull = np.where(there, np.exp(-TENSION * apart), 0.0)
    normaliser = np.maximum(np.repeat(np.add.reduceat(pull, starts), sizes), np.finfo(np.float64).tiny)
    priors = np.where(there, (1 - NOTHING) * pull / normaliser, NOTHING)
    of_sources = np.concatenate([*(source for source, _ in pairs), np.zeros(1, np.int64)])
    of_targets = np.concatenate([target for _, target in pairs])
    first = np.repeat((np.cumsum(sources) - sources)[pair], sizes)
    of_source = np.where(there, of_sources[np.where(there, first + places, 0)], types)
    return Cells(of_source * types + np.repeat(of_targets, sizes), priors, starts, places)
