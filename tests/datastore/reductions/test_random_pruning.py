"""Random pruning keeps as many entries as it is told, each with the same probability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ink.config.sections.reductions import Reduction
from ink.datastore.reductions.known_reductions import METHODS


def reduced(original: Any, **settings: Any) -> Any:
    return METHODS["random"].from_settings(Reduction(method="random", **settings)).reduce(original)


@pytest.mark.parametrize(("keep", "count"), [(0.5, 20), (0.26, 10), (0.001, 1), (0.99, 40)])
def test_the_share_is_kept_and_one_entry_at_the_least(original: Any, tmp_path: Path, keep: float, count: int) -> None:
    found = reduced(original(tmp_path, np.zeros((40, 2)), np.zeros(40)), keep=keep)
    assert len(found.numbers) == count
    assert (np.diff(found.numbers) > 0).all()
    assert found.numbers.min() >= 0 and found.numbers.max() < 40
    assert (found.counts, found.projection) == (None, None)


def test_a_control_keeps_as_many_as_it_is_told(original: Any, tmp_path: Path) -> None:
    found = reduced(original(tmp_path, np.zeros((40, 2)), np.zeros(40), as_many=7), as_many_as="merged")
    assert len(found.numbers) == 7


def test_every_entry_stays_as_often_and_the_seed_says_which(original: Any, tmp_path: Path) -> None:
    whole = original(tmp_path, np.zeros((10, 2)), np.zeros(10))
    stayed = np.zeros(10)
    for seed in range(600):
        stayed[reduced(whole, keep=0.3, seed=seed).numbers] += 1
    assert stayed.sum() == 1800
    assert np.abs(stayed - 180).max() < 5 * (600 * 0.3 * 0.7) ** 0.5
    assert np.array_equal(reduced(whole, keep=0.3).numbers, reduced(whole, keep=0.3, seed=1).numbers)
