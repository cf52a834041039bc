"""PLAC against a slow version that grows every entry's neighbourhood until the model is wrong in it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ink.config.sections.reductions import Reduction
from ink.datastore.reductions.known_reductions import METHODS


def plac(k: int, **settings: Any) -> Any:
    return METHODS["plac"].from_settings(Reduction(method="plac", k=k, **settings))


def knowledge_margin(keys: np.ndarray, known: list[bool], entry: int) -> int:
    """How many of an entry's nearest others, one after another, are known; -1 where it is not known itself."""
    if not known[entry]:
        return -1
    apart = [(float(((keys[entry] - keys[other]) ** 2).sum()), other) for other in range(len(keys)) if other != entry]
    margin = 0
    for _, other in sorted(apart):
        if not known[other]:
            break
        margin += 1
    return margin


@given(data=st.data(), entries=st.integers(3, 14), k=st.integers(1, 5))
def test_the_entries_that_may_go_are_those_of_the_slow_version(
    original: Any, data: st.DataObject, entries: int, k: int
) -> None:
    k = min(k, entries - 1)
    # no two distances are equal, so that the order of neighbours is one
    keys = np.random.default_rng(data.draw(st.integers(0, 10**6))).standard_normal((entries, 3)).astype(np.float16)
    known = data.draw(st.lists(st.booleans(), min_size=entries, max_size=entries))
    values = np.arange(entries) % 5
    predictions = np.where(known, values, values + 1)
    exact = keys.astype(np.float64)
    expected = [knowledge_margin(exact, known, entry) >= k for entry in range(entries)]
    with tempfile.TemporaryDirectory() as folder:
        whole = original(Path(folder), keys, values, predictions)
        assert plac(k).known_around(whole).tolist() == expected
        stayed = plac(k).reduce(whole).numbers
        assert set(np.flatnonzero(~np.array(expected))) <= set(stayed.tolist())
        assert len(stayed) == max(1, entries - sum(expected))
        keep = data.draw(st.sampled_from([0.25, 0.5, 0.9]))
        some = plac(k, keep=keep).reduce(whole).numbers
        assert set(np.flatnonzero(~np.array(expected))) <= set(some.tolist())
        assert len(some) == max(max(1, round(keep * entries)), entries - sum(expected))


def test_an_entry_s_own_key_twice_is_another_s_and_not_its_own(original: Any, tmp_path: Path) -> None:
    # 0 and 1 are the same key, and the model is wrong about 1 alone
    whole = original(tmp_path, [[0, 0], [0, 0], [8, 9], [9, 9]], [3, 4, 5, 6], [3, 3, 5, 6])
    assert plac(1).known_around(whole).tolist() == [False, False, True, True]
