"""Word alignment against its equations written out with dictionaries, and on a text whose alignment is known."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from ink.datastore.source_tokens import word_alignment
from ink.datastore.source_tokens.word_alignment import Pair, align

NONE = -1


def priors(source: Sequence[int], position: int, length: int) -> dict[int, float]:
    """P(a_j = i), positions from 1 on, of every source position and of none."""
    pull = [math.exp(-4 * abs(place / len(source) - position / length)) for place in range(1, len(source) + 1)]
    found = {NONE: 0.08}
    return found | {place: 0.92 * one / math.fsum(pull) for place, one in enumerate(pull)}


def slowly_aligned(pairs: Sequence[Pair], iterations: int) -> list[list[dict[int, float]]]:
    """The joint probability of each target token and each of its source positions, a pair at a time."""
    text = [([*map(int, source)], [*map(int, target)]) for source, target in pairs]
    table: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)

    def joint(source: list[int], target: list[int], position: int) -> dict[int, float]:
        word = target[position]
        prior = priors(source, position + 1, len(target))
        return {i: p * table[NONE if i == NONE else source[i], word] for i, p in prior.items()}

    for _ in range(iterations):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        for source, target in text:
            for position, word in enumerate(target):
                found = joint(source, target, position)
                whole = math.fsum(found.values())
                for i, mass in found.items():
                    counts[NONE if i == NONE else source[i], word] += mass / whole
        totals: dict[int, float] = defaultdict(float)
        for (token, _), count in counts.items():
            totals[token] += count + 0.01
        psi = torch.digamma
        for (token, word), count in counts.items():
            both = torch.tensor([count + 0.01, totals[token]], dtype=torch.float64)
            table[token, word] = math.exp(float(psi(both[0]) - psi(both[1])))
    return [[joint(source, target, position) for position in range(len(target))] for source, target in text]


def drawn_pairs(count: int, types: int, seed: int) -> list[Pair]:
    drawn = np.random.default_rng(seed)
    return [
        (drawn.integers(types, size=drawn.integers(0, 7)), drawn.integers(types, size=drawn.integers(0, 7)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("cells", [1, 40, 1_000_000])
@pytest.mark.parametrize("iterations", [0, 1, 4])
def test_every_target_token_gets_its_most_probable_source_token(
    monkeypatch: pytest.MonkeyPatch, cells: int, iterations: int
) -> None:
    monkeypatch.setattr(word_alignment, "CELLS", cells)
    pairs = drawn_pairs(30, 6, seed=1)
    found = align(pairs, iterations)
    assert [len(places) for places in found] == [len(target) for _, target in pairs]
    for places, expected in zip(found, slowly_aligned(pairs, iterations), strict=True):
        for place, masses in zip(places.tolist(), expected, strict=True):
            assert masses[place] == pytest.approx(max(masses.values()), rel=1e-9)


def test_words_are_found_where_neighbours_change_places() -> None:
    drawn, pairs = np.random.default_rng(2), []
    for _ in range(300):
        source = drawn.permutation(40)[:8]
        target = source + 100
        target[[2, 3]] = target[[3, 2]]
        pairs.append((source, target))
    for (source, target), places in zip(pairs, align(pairs), strict=True):
        assert (source[places] + 100 == target).all()


def test_a_word_of_no_source_word_stays_alone() -> None:
    drawn = np.random.default_rng(3)
    sources = [drawn.permutation(30)[:6] for _ in range(200)]
    # every sentence says 99 at its end, whatever it is of
    pairs = [(source, np.append(source + 50, 99)) for source in sources]
    last = [places[-1] for places in align(pairs)]
    assert last.count(NONE) > 0.9 * len(last)


def test_a_text_without_tokens_has_no_links() -> None:
    nothing = np.empty(0, np.int64)
    assert align([]) == []
    assert [places.tolist() for places in align([(nothing, np.array([4, 5])), (np.array([4]), nothing)])] == [
        [NONE, NONE],
        [],
    ]
