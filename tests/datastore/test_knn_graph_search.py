"""Neighbours of all entries through blocks, against a plain loop over the lists that each entry's key probes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.datastore import knn_graph_division, knn_graph_search
from ink.datastore.knn_graph_search import Lists, divide, lists_of, neighbours_of_all, queries_at_once

ENTRIES, K = 400, 6


def set_bound(monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    for module in (knn_graph_search, knn_graph_division):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, value)


@pytest.fixture
def store(store_of: Any, tmp_path: Path) -> Any:
    drawn = np.random.default_rng(5).normal(size=(ENTRIES, 8)).astype(np.float16)
    drawn[1] = drawn[0]
    return store_of(tmp_path / "store", drawn, np.arange(ENTRIES) % 7)


@pytest.fixture
def lists(store: Any, monkeypatch: pytest.MonkeyPatch) -> Lists:
    set_bound(monkeypatch, "ENTRIES_A_LIST", 50)
    return divide(store, torch.device("cpu"), seed=7)


def test_lists_hold_every_entry_once_and_nearest_to_their_centroid(store: Any, lists: Lists) -> None:
    assert len(lists.members) == ENTRIES // 50
    assert sorted(np.concatenate(lists.members).tolist()) == list(range(ENTRIES))
    assert {members.dtype for members in lists.members} == {np.dtype(np.int32)}
    keys = torch.from_numpy(np.asarray(store.keys, dtype=np.float32))
    nearest = torch.cdist(keys, lists.centroids).argmin(1).numpy()
    for number, members in enumerate(lists.members):
        assert (nearest[members] == number).all()
        assert (np.diff(members) > 0).all(), "the search for the own entry needs them sorted"


@pytest.mark.parametrize("probes", [1, 2, 8, 100])
@pytest.mark.parametrize(("at_once", "distances_at_once"), [(64, 100), (1000, 16_000_000)])
def test_they_are_the_nearest_within_the_probed_lists(
    store: Any, lists: Lists, monkeypatch: pytest.MonkeyPatch, probes: int, at_once: int, distances_at_once: int
) -> None:
    set_bound(monkeypatch, "QUERIES_AT_ONCE", at_once)
    set_bound(monkeypatch, "DISTANCES_AT_ONCE", distances_at_once)
    wide = np.asarray(store.keys, dtype=np.float64)
    centroids = lists.centroids.double().numpy()
    seen = 0
    for part, distances, ids in neighbours_of_all(store, lists, K, probes):
        assert distances.shape == ids.shape == (part.stop - part.start, K)
        for row, entry in enumerate(range(part.start, part.stop)):
            seen += 1
            order = ((centroids - wide[entry]) ** 2).sum(1).argsort()[:probes]
            members = np.concatenate([lists.members[number] for number in order])
            others = members[members != entry]
            expected = np.sort(((wide[others] - wide[entry]) ** 2).sum(1))[:K]
            assert distances[row].numpy() == pytest.approx(expected, abs=1e-4)
            found = ids[row].numpy()
            assert set(found) <= set(others)
            assert len(set(found)) == K
            assert ((wide[found] - wide[entry]) ** 2).sum(1) == pytest.approx(expected, abs=1e-4)
    assert seen == ENTRIES


@pytest.mark.parametrize(
    ("entries", "at_once", "passes"),
    [
        (590_402, 65536, 10),
        (2_097_152, 65536, 32),
        (2_097_153, 65537, 32),
        (19_061_382, 595_669, 32),
        (10**9, 2**20, 954),
    ],
)
def test_the_key_file_is_read_so_many_times(entries: int, at_once: int, passes: int) -> None:
    assert queries_at_once(entries) == at_once
    assert -(-entries // at_once) == passes


@pytest.mark.parametrize("name", ["QUERIES_AT_ONCE", "DISTANCES_AT_ONCE", "DISTANCES_IN_A_LIST"])
@pytest.mark.parametrize("bound", [1, 37, 150])
def test_bounds_of_memory_change_nothing(store_of: Any, tmp_path: Path, name: str, bound: int) -> None:
    """With small whole numbers, whose distances are exact, and many that are equal."""
    keys = np.random.default_rng(3).integers(-2, 3, size=(200, 4)).astype(np.float16)
    store = store_of(tmp_path / "whole", keys, np.zeros(200))
    found = []
    for value in (getattr(knn_graph_search, name), bound):
        with pytest.MonkeyPatch.context() as patched:
            set_bound(patched, "ENTRIES_A_LIST", 20)
            lists = divide(store, torch.device("cpu"), seed=7)
            set_bound(patched, name, value)
            parts = list(neighbours_of_all(store, lists, K, 3))
        found.append([torch.cat([part[place] for part in parts]) for place in (1, 2)])
    (distances, ids), (again, ids_again) = found
    assert torch.equal(distances, again)
    assert torch.equal(ids, ids_again)


def test_the_twin_of_an_entry_is_its_nearest(store: Any, lists: Lists) -> None:
    _, distances, ids = next(neighbours_of_all(store, lists, K, 8))
    assert (ids[0, 0], ids[1, 0]) == (1, 0)
    assert distances[0, 0] == pytest.approx(0, abs=1e-5)


def test_lists_that_hold_fewer_leave_places_empty(store: Any, lists: Lists) -> None:
    most = max(len(members) for members in lists.members)
    for part, distances, ids in neighbours_of_all(store, lists, most, 1):
        there = (ids >= 0).sum(1)
        owner = {int(entry): len(members) for members in lists.members for entry in members}
        assert there.tolist() == [owner[entry] - 1 for entry in range(part.start, part.stop)]
        assert torch.equal(distances.isinf(), ids < 0)


@pytest.mark.parametrize("entries", [1, 511, 512, 590_402, 2_000_000, 2_097_151])
def test_below_two_million_entries_512_are_in_a_list(entries: int) -> None:
    assert lists_of(entries) == max(1, entries // 512)


@pytest.mark.parametrize("entries", [2_097_152, 3_602_862, 19_061_382, 10**9])
def test_beyond_finding_lists_costs_what_searching_them_does(entries: int) -> None:
    count = lists_of(entries)
    assert entries * count == pytest.approx(entries * knn_graph_search.PROBES * entries / count, rel=1e-3)


def test_the_sample_of_the_means_is_bounded(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    kmeans = knn_graph_search.faiss.Kmeans

    class Watched(kmeans):  # type: ignore[misc, valid-type]
        def train(self, sample: Any) -> None:
            trained.append(len(sample))
            super().train(sample)

    monkeypatch.setattr(knn_graph_search.faiss, "Kmeans", Watched)
    set_bound(monkeypatch, "ENTRIES_A_LIST", 50)
    whole = divide(store, torch.device("cpu"), seed=7)
    set_bound(monkeypatch, "MOST_SAMPLED", 100)
    capped = divide(store, torch.device("cpu"), seed=7)
    assert trained == [ENTRIES, 100]
    for lists in (whole, capped):
        assert len(lists.members) == ENTRIES // 50
        assert sorted(np.concatenate(lists.members).tolist()) == list(range(ENTRIES))
    assert 64 * lists_of(2_097_151) <= 2**19, "so that it is the whole sample below two million entries"


def test_few_entries_are_one_list(store: Any) -> None:
    lists = divide(store, torch.device("cpu"), seed=7)
    assert [members.tolist() for members in lists.members] == [list(range(ENTRIES))]
    again = divide(store, torch.device("cpu"), seed=7)
    assert torch.equal(lists.centroids, again.centroids)
