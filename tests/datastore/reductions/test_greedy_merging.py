"""Greedy merging against a slow version with a list of what every entry has taken in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ink.config.sections.reductions import Reduction
from ink.datastore.reductions.greedy_merging import merged_counts
from ink.datastore.reductions.known_reductions import METHODS


def slow_merging(keys: np.ndarray, values: list[int], order: list[int], k: int) -> dict[int, list[int]]:
    """What every entry that stays stands for, itself included."""
    holds = {entry: [entry] for entry in order}
    for entry in order:
        if entry not in holds:
            continue
        others = [other for other in order if other != entry]
        near = sorted(others, key=lambda other: float(((keys[entry] - keys[other]) ** 2).sum()))[:k]
        for other in near:
            if values[other] == values[entry] and len(holds.get(other, [])) == 1:
                holds[entry] += holds.pop(other)
    return holds


@given(data=st.data(), entries=st.integers(3, 14), k=st.integers(1, 4), seed=st.integers(0, 9))
def test_what_stays_and_how_often_it_counts_is_the_slow_version_s(
    original: Any, data: st.DataObject, entries: int, k: int, seed: int
) -> None:
    k = min(k, entries - 1)
    keys = np.random.default_rng(data.draw(st.integers(0, 10**6))).standard_normal((entries, 3)).astype(np.float16)
    values = data.draw(st.lists(st.integers(0, 2), min_size=entries, max_size=entries))
    order = np.random.default_rng(seed).permutation(entries).tolist()
    expected = slow_merging(keys.astype(np.float64), values, order, k)
    method = METHODS["greedy_merging"].from_settings(Reduction(method="greedy_merging", k=k, seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        found = method.reduce(original(Path(folder), keys, values))
    assert found.numbers.tolist() == sorted(expected)
    assert found.counts is not None
    assert found.counts.tolist() == [len(expected[entry]) for entry in sorted(expected)]
    assert found.counts.sum() == entries
    assert found.counts.max() <= k + 1


def test_an_entry_that_is_not_there_is_not_taken_in() -> None:
    near = np.array([[-1], [0], [-1]])
    assert merged_counts(near, np.array([7, 7, 7], np.int32), np.array([0, 1, 2])).tolist() == [0, 2, 1]
