"""Neighbours of training positions against a search through every entry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from ink.config.sections.base_system import Index
from ink.datastore import knn_graph_division, knn_graph_search
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import find_once
from ink.datastore.search import Searcher, drop_own
from ink.datastore.storage import Datastore, open_datastore
from ink.runtime.errors import InkError
from ink.training.training_neighbours import IndexLookup, PrecomputedLookup, TrainingNeighbours, own_entries

EXACT = Index(type="exact")
IVFPQ = Index(type="ivfpq", lists=4, code_bytes=2, probes=4, training_sample=2000, seed=7)


@contextmanager
def built(tiny: Any, folder: Path, index: dict[str, Any]) -> Iterator[Datastore]:
    model = tiny.domain.load_model(tiny.settings)
    dataset = model.parallel_text(tiny.domain.data, "train")
    build_datastore(Extraction(model, dataset, tiny.domain.data.fingerprint, "decoder_output", 200), folder, index)
    yield open_datastore(folder)


@pytest.fixture(scope="module")
def exact(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datastore]:
    with built(tiny, tmp_path_factory.mktemp("exact") / "datastore", EXACT) as datastore:
        yield datastore


@pytest.fixture(scope="module")
def ivfpq(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datastore]:
    with built(tiny, tmp_path_factory.mktemp("ivfpq") / "datastore", IVFPQ) as datastore:
        yield datastore


def every_batch(datastore: Datastore, index: dict[str, Any], k: int, variant: str) -> TrainingNeighbours:
    return TrainingNeighbours(datastore, IndexLookup(datastore, index, k, variant))


def queries_near(datastore: Datastore, entries: list[int], seed: int = 0) -> Tensor:
    """The entries' own keys, as dropout might move them."""
    keys = torch.from_numpy(np.asarray(datastore.keys[entries], dtype=np.float32))
    return keys + 0.05 * torch.randn(keys.shape, generator=torch.Generator().manual_seed(seed))


def slow_distances(datastore: Datastore, query: Tensor) -> list[float]:
    keys = np.asarray(datastore.keys, dtype=np.float64)
    return [float(((key - query.double().numpy()) ** 2).sum()) for key in keys]


@given(st.data())
def test_own_entries_are_counted_through_the_training_set(exact: Datastore, data: st.DataObject) -> None:
    sentences = data.draw(st.lists(st.integers(0, exact.meta.sentences - 1), min_size=1, max_size=6))
    lengths = [int(exact.offsets[number + 1] - exact.offsets[number]) for number in sentences]
    real = torch.tensor([[place < length for place in range(max(lengths))] for length in lengths])
    expected, entry_of = [], 0
    first: list[int] = []
    for number in range(exact.meta.sentences):
        first.append(entry_of)
        entry_of += int(exact.offsets[number + 1] - exact.offsets[number])
    for number, length in zip(sentences, lengths, strict=True):
        for place in range(length):
            expected.append(first[number] + place)
    assert own_entries(exact, torch.tensor(sentences), real).tolist() == expected


def test_the_values_of_own_entries_are_the_batch_s_targets(tiny: Any, exact: Datastore) -> None:
    model = tiny.domain.load_model(tiny.settings)
    dataset = model.parallel_text(tiny.domain.data, "train")
    batch = dataset.batch([5, 40, 0, 17])
    real = batch.real
    assert not real.all(), "the batch has no padding"
    own = own_entries(exact, batch.sentences, real)
    assert exact.values[own.numpy()].tolist() == batch.target[real].tolist()


@pytest.mark.parametrize("k", [1, 4, 30])
def test_neighbours_are_the_nearest_of_all_other_entries(exact: Datastore, k: int) -> None:
    own = [0, 3, 11, 100, 250]
    queries = queries_near(exact, own)
    keys, values, present = every_batch(exact, EXACT, k, "paper").find(queries, torch.tensor(own))
    assert keys.shape == (5, k, exact.meta.dimension)
    assert values.shape == present.shape == (5, k)
    assert present.all()
    for row, entry in enumerate(own):
        distances = slow_distances(exact, queries[row])
        others = sorted((distance, number) for number, distance in enumerate(distances) if number != entry)
        found = (keys[row].double() - queries[row].double()).pow(2).sum(-1).tolist()
        assert found == pytest.approx([distance for distance, _ in others[:k]], rel=1e-4)
        at_distance: dict[float, set[int]] = {}
        for distance, number in others:
            at_distance.setdefault(round(distance, 5), set()).add(int(exact.values[number]))
        for (distance, _), value in zip(others, values[row].tolist(), strict=False):
            assert value in at_distance[round(distance, 5)]


def test_the_own_entry_is_left_out_and_the_duplicate_s_stays(exact: Datastore) -> None:
    """Training sentences 0 and 1 are the same pair: their keys are the same, and only one is the position's own."""
    length = int(exact.offsets[1])
    assert np.array_equal(exact.keys[:length], exact.keys[length : 2 * length])
    neighbours, searcher = every_batch(exact, EXACT, exact.meta.entries - 1, "paper"), Searcher(exact, EXACT)
    for own, other in [(entry, entry + length) for entry in range(length)] + [(length, 0)]:
        query = torch.from_numpy(np.asarray(exact.keys[[own]], dtype=np.float32))
        ids = searcher.search_without(query, torch.tensor([own]), exact.meta.entries - 1)[0].tolist()
        assert sorted(ids) == [number for number in range(exact.meta.entries) if number != own]
        assert ids[0] == other
        keys, values, _ = neighbours.find(query, torch.tensor([own]))
        assert torch.equal(keys[0, 0], query[0])
        assert int(values[0, 0]) == int(exact.values[own])


def test_as_released_the_first_is_dropped_whatever_it_is(exact: Datastore) -> None:
    own = [0, 3, 250]
    queries = queries_near(exact, [7, 90, 140])  # near to others: their own entries are not first
    keys, _, present = every_batch(exact, EXACT, 6, "released").find(queries, torch.tensor(own))
    assert keys.shape[1] == present.shape[1] == 5
    for row in range(3):
        found = (keys[row].double() - queries[row].double()).pow(2).sum(-1).tolist()
        assert found == pytest.approx(sorted(slow_distances(exact, queries[row]))[1:6], rel=1e-4)


def test_as_released_what_is_dropped_is_the_nearest_by_exact_distance(store_of: Any, tmp_path: Path) -> None:
    """In tight clusters coarse codes rank others before the own entry, and it is what exact distances put first."""
    draw = np.random.default_rng(0)
    centres = 4 * draw.standard_normal((20, 16))
    stored = (centres[draw.integers(20, size=2000)] + 0.3 * draw.standard_normal((2000, 16))).astype(np.float16)
    datastore = store_of(tmp_path, stored, np.arange(2000), IVFPQ)  # values tell entries apart
    own = torch.arange(0, 2000, 20)
    queries = queries_near(datastore, own.tolist())
    wide, wanted = stored.astype(np.float64), queries.double().numpy()
    candidates = Searcher(datastore, IVFPQ).search(queries, 100).ids
    found = candidates.eq(own.unsqueeze(1)).any(-1)
    first = candidates[:, 0].eq(own)
    assert (found & ~first).any(), "the codes are too fine to tell the two orders apart"
    keys, values, present = every_batch(datastore, IVFPQ, 100, "released").find(queries, own)
    assert present.all()
    for row, ids in enumerate(candidates.tolist()):
        distances = {entry: float(((wide[entry] - wanted[row]) ** 2).sum()) for entry in ids}
        kept = values[row].tolist()
        assert {*ids} - {*kept} == {min(ids, key=distances.__getitem__)}
        assert [distances[entry] for entry in kept] == pytest.approx(sorted(distances.values())[1:], rel=1e-4)
        assert keys[row].tolist() == wide[kept].tolist()
    assert not values[found].eq(own[found].unsqueeze(1)).any(), "a position's own entry is among its neighbours"


@pytest.mark.parametrize(("variant", "columns"), [("paper", 12), ("released", 11)])
def test_order_is_by_distances_recomputed_from_the_keys(ivfpq: Datastore, variant: str, columns: int) -> None:
    own = list(range(0, 200, 7))
    queries = queries_near(ivfpq, own)
    neighbours, searcher = every_batch(ivfpq, IVFPQ, 12, variant), Searcher(ivfpq, IVFPQ)
    keys, values, present = neighbours.find(queries, torch.tensor(own))
    assert present.shape == (len(own), columns)
    assert present.all()
    distances = (keys - queries.unsqueeze(1)).pow(2).sum(-1)
    assert (distances.diff(dim=-1) >= 0).all()
    # the index's own order is another one, so that the new order had something to do
    approximate = searcher.search(queries, 12).ids
    recomputed = (torch.from_numpy(np.asarray(ivfpq.keys, dtype=np.float32))[approximate] - queries.unsqueeze(1)).pow(2)
    assert (recomputed.sum(-1).diff(dim=-1) < 0).any()
    for row in range(len(own)):
        pairs = {(tuple(key.tolist()), int(value)) for key, value in zip(keys[row], values[row], strict=True)}
        stored = {
            (tuple(np.asarray(ivfpq.keys[number], dtype=np.float32).tolist()), int(ivfpq.values[number]))
            for number in approximate[row].tolist() + searcher.search(queries[[row]], 13).ids[0].tolist()
        }
        assert pairs <= stored


def test_what_an_index_does_not_return_is_absent_and_last(ivfpq: Datastore) -> None:
    own = list(range(0, 200, 7))
    narrow = IVFPQ.model_copy(update={"probes": 1})
    most = Searcher(ivfpq, narrow).reachable - 1
    neighbours = every_batch(ivfpq, narrow, most, "paper")
    _, _, present = neighbours.find(queries_near(ivfpq, own), torch.tensor(own))
    counts = present.sum(-1)
    assert (counts < most).any()
    assert (counts > 0).all()
    for row, count in zip(present.tolist(), counts.tolist(), strict=True):
        assert row == [True] * count + [False] * (len(row) - count)


def test_stored_keys_get_no_gradient(exact: Datastore) -> None:
    queries = queries_near(exact, [1, 2]).requires_grad_()
    keys, values, present = every_batch(exact, EXACT, 3, "paper").find(queries, torch.tensor([1, 2]))
    assert not keys.requires_grad
    assert not values.requires_grad
    assert not present.requires_grad


def test_more_neighbours_than_entries_are_refused(exact: Datastore) -> None:
    neighbours = every_batch(exact, EXACT, exact.meta.entries, "paper")
    with pytest.raises(InkError, match=rf"{exact.meta.entries + 1} neighbours requested from datastore .*lower k"):
        neighbours.find(queries_near(exact, [0]), torch.tensor([0]))


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=5), st.data())
def test_dropping_keeps_the_order_of_the_others(rows: list[list[int]], data: st.DataObject) -> None:
    ids = torch.tensor(rows)[:, :4]
    own = torch.tensor(data.draw(st.lists(st.integers(0, 5), min_size=len(rows), max_size=len(rows))))
    for row, entry, kept in zip(ids.tolist(), own.tolist(), drop_own(ids, own).tolist(), strict=True):
        assert kept == ([number for number in row if number != entry] if entry in row else row[:-1])


def found_once(datastore: Datastore, index: dict[str, Any], k: int, path: Path) -> NDArray[np.int32]:
    find_once(datastore, index, k, "cpu", path)
    found: NDArray[np.int32] = np.load(path)
    return found


@pytest.mark.parametrize("index", [EXACT, IVFPQ], ids=["exact", "ivfpq"])
def test_found_once_they_are_the_nearest_others_of_every_entry(
    request: pytest.FixtureRequest, tmp_path: Path, index: dict[str, Any]
) -> None:
    """There is one list, so that ivfpq finds by exact distance what exact search finds."""
    datastore = request.getfixturevalue("exact" if index is EXACT else "ivfpq")
    found = found_once(datastore, index, 5, tmp_path / "found.npy")
    entries = datastore.meta.entries
    assert (found.shape, found.dtype) == ((entries, 5), np.int32)
    assert not (found == np.arange(entries)[:, None]).any(), "an entry is among its own neighbours"
    wide = np.asarray(datastore.keys, dtype=np.float64)
    for entry in range(entries):
        distances = ((wide - wide[entry]) ** 2).sum(1)
        distances[entry] = np.inf
        assert sorted(distances[found[entry]]) == pytest.approx(np.sort(distances)[:5], rel=1e-3, abs=1e-3)
    length = int(datastore.offsets[1])
    assert found[:length, 0].tolist() == list(range(length, 2 * length)), "the duplicate of the sentence stays"


def test_exactly_they_are_the_nearest_of_all_entries_whatever_the_lists(
    ivfpq: Datastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn_graph_division, "ENTRIES_A_LIST", 20)
    monkeypatch.setattr(knn_graph_search, "QUERIES_AT_ONCE", 300)  # several parts of all entries
    wide = np.asarray(ivfpq.keys, dtype=np.float64)
    entries, missed = ivfpq.meta.entries, {}
    for exact in (False, True):
        find_once(ivfpq, IVFPQ, 40, "cpu", tmp_path / "found.npy", exact=exact)
        found = np.load(tmp_path / "found.npy")
        missed[exact] = 0
        for entry in range(entries):
            distances = ((wide - wide[entry]) ** 2).sum(1)
            distances[entry] = np.inf
            nearest = np.sort(distances)[:40]
            missed[exact] += not np.allclose(np.sort(distances[found[entry]]), nearest, rtol=1e-3, atol=1e-3)
    assert missed[True] == 0 < missed[False]


def test_looked_up_they_are_ordered_by_the_current_distances(exact: Datastore, tmp_path: Path) -> None:
    found = found_once(exact, EXACT, 8, tmp_path / "found.npy")
    own = [0, 3, 11, 100, 250]
    queries = queries_near(exact, own)
    once = TrainingNeighbours(exact, PrecomputedLookup(tmp_path / "found.npy", exact, 8, "paper"))
    keys, values, present = once.find(queries, torch.tensor(own))
    assert present.all()
    assert ((keys - queries.unsqueeze(1)).pow(2).sum(-1).diff(dim=-1) >= 0).all()
    stored = np.asarray(exact.keys, dtype=np.float32)
    for row, entry in enumerate(own):
        expected = sorted((*stored[number].tolist(), int(exact.values[number])) for number in found[entry])
        assert (
            sorted((*key.tolist(), int(value)) for key, value in zip(keys[row], values[row], strict=True)) == expected
        )


def test_read_ahead_of_the_queries_they_are_the_same(exact: Datastore, tmp_path: Path) -> None:
    found_once(exact, EXACT, 8, tmp_path / "found.npy")
    own = torch.tensor([0, 3, 11, 100, 250])
    queries = queries_near(exact, own.tolist())
    once = TrainingNeighbours(exact, PrecomputedLookup(tmp_path / "found.npy", exact, 8, "paper"))
    ahead = once.read_ahead(own, queries.device)
    assert ahead is not None
    for one, other in zip(once.find(queries, own, ahead), once.find(queries, own), strict=True):
        assert torch.equal(one, other)
    searching = TrainingNeighbours(exact, IndexLookup(exact, EXACT, 8, "paper"))
    assert searching.read_ahead(own, queries.device) is None, "it has to know h_t"


def test_looked_up_as_released_one_less_remains(exact: Datastore, tmp_path: Path) -> None:
    find_once(exact, EXACT, 6, "cpu", tmp_path / "found.npy")
    paper, released = (
        PrecomputedLookup(tmp_path / "found.npy", exact, 6, variant) for variant in ("paper", "released")
    )
    own = torch.tensor([0, 3, 250])
    assert torch.equal(released.ids(torch.empty(3, 0), own), paper.ids(torch.empty(3, 0), own)[:, :5])


def test_found_once_no_more_than_the_lists_hold(
    ivfpq: Datastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn_graph_division, "ENTRIES_A_LIST", 20)
    found = found_once(ivfpq, IVFPQ, ivfpq.meta.entries - 1, tmp_path / "found.npy")
    absent = found < 0
    assert absent.any()
    assert not absent[:, 0].any()
    assert (np.diff(absent.astype(int), axis=1) >= 0).all(), "absent ones come last"


@pytest.mark.parametrize("index", [EXACT, IVFPQ], ids=["exact", "ivfpq"])
def test_more_than_there_are_others_are_not_found(
    request: pytest.FixtureRequest, tmp_path: Path, index: dict[str, Any]
) -> None:
    datastore = request.getfixturevalue("exact" if index is EXACT else "ivfpq")
    entries = datastore.meta.entries
    with pytest.raises(
        InkError, match=rf"{entries} neighbours requested for each entry of .*, which has {entries} entries, itself"
    ):
        find_once(datastore, index, entries, "cpu", tmp_path / "more.npy")
    assert not list(tmp_path.glob("*more*"))


def test_neighbours_of_another_round_s_size_are_refused(exact: Datastore, tmp_path: Path) -> None:
    np.save(tmp_path / "found.npy", np.zeros((3, 4), dtype=np.int32))
    with pytest.raises(InkError, match="train the round again"):
        PrecomputedLookup(tmp_path / "found.npy", exact, 4, "paper")
