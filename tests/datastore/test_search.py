"""Exact search is brute force; IVF-PQ comes near it; a position's own entry is left out by identity."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ink.config.sections.base_system import Index
from ink.datastore.index import build_index, read_index
from ink.datastore.search import Neighbours, Searcher, drop_own, gather_keys, sorted_by_distance
from ink.runtime.errors import InkError

EXACT = Index(type="exact")
IVFPQ = Index(type="ivfpq", lists=8, code_bytes=8, probes=8, training_sample=10000, seed=3)


def squared_distances(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    return np.array([[sum((q - k) ** 2 for q, k in zip(query, key, strict=True)) for key in keys] for query in queries])


@pytest.fixture(scope="module")
def clustered() -> tuple[np.ndarray, np.ndarray]:
    """Keys (2000, 16) around 20 centres, and queries (50, 16) near keys."""
    draw = np.random.default_rng(0)
    centres = 4 * draw.standard_normal((20, 16))
    keys = (centres[draw.integers(20, size=2000)] + draw.standard_normal((2000, 16))).astype(np.float16)
    queries = keys[draw.choice(2000, 50, replace=False)] + 0.1 * draw.standard_normal((50, 16))
    return keys, queries.astype(np.float32)


# few different coordinates, so that ties and duplicates abound
vectors = st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=12)


@given(keys=vectors, queries=vectors, data=st.data())
def test_exact_search_is_brute_force(store_of: Any, keys: list[Any], queries: list[Any], data: Any) -> None:
    k = data.draw(st.integers(1, len(keys)))
    values = data.draw(st.lists(st.integers(0, 5), min_size=len(keys), max_size=len(keys)))
    expected = squared_distances(np.array(queries), np.array(keys))
    with tempfile.TemporaryDirectory() as folder:
        searcher = Searcher(store_of(Path(folder), keys, values), EXACT)
        found = searcher.search(torch.tensor(queries, dtype=torch.float32), k)
    assert found.distances.shape == found.values.shape == found.ids.shape == (len(queries), k)
    np.testing.assert_array_equal(found.distances, np.sort(expected, axis=1)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(expected, found.ids.numpy(), axis=1), found.distances)
    assert all(len(set(row)) == k for row in found.ids.tolist())
    np.testing.assert_array_equal(np.array(values)[found.ids], found.values)


def test_neighbours_have_the_shape_of_the_queries(store_of: Any, tmp_path: Path) -> None:
    searcher = Searcher(store_of(tmp_path, [[0, 0], [1, 0], [0, 3]], [7, 8, 9]), EXACT)
    found = searcher.search(torch.tensor([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 9.0]]]), 2)
    assert found.values.tolist() == [[[7, 8], [8, 7]], [[9, 7], [9, 7]]]
    assert found.distances.tolist() == [[[0, 1], [0, 1]], [[1, 4], [36, 81]]]
    assert (found.distances.dtype, found.values.dtype, found.ids.dtype) == (torch.float32, torch.int64, torch.int64)


@pytest.mark.parametrize("without_own", [False, True])
def test_more_neighbours_than_entries_is_an_error(store_of: Any, tmp_path: Path, without_own: bool) -> None:
    searcher = Searcher(store_of(tmp_path, [[0, 0], [1, 0], [0, 3]], [7, 8, 9]), EXACT)
    with pytest.raises(InkError, match=r"4 neighbours requested .* which has 3 entries"):
        if without_own:
            searcher.search_without(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long), 3)
        else:
            searcher.search(torch.zeros(1, 2), 4)


@pytest.mark.parametrize("probes", [1, 3])
def test_more_neighbours_than_the_largest_lists_hold_is_an_error(
    store_of: Any, tmp_path: Path, clustered: Any, probes: int
) -> None:
    """No query could ever get them: a setting that asks for them is a mistake, not a search that found fewer."""
    settings = IVFPQ.model_copy(update={"probes": probes})
    searcher = Searcher(store_of(tmp_path, clustered[0], np.ones(2000), IVFPQ), settings)
    lists = searcher.index.invlists
    most = sum(sorted(lists.list_size(number) for number in range(8))[-probes:])
    assert searcher.search(torch.zeros(1, 16), most).ids.shape == (1, most)
    message = rf"{most + 1} neighbours requested .* the {probes} largest of its 8 lists, .* hold {most} entries"
    with pytest.raises(InkError, match=message):
        searcher.search(torch.zeros(1, 16), most + 1)
    with pytest.raises(InkError, match=message):
        searcher.search_without(torch.zeros(1, 16), torch.zeros(1, dtype=torch.long), most)


def test_lists_are_asked_of_an_index_that_has_none(store_of: Any, tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"index\.type is ivfpq, but .*index\.faiss has no lists"):
        Searcher(store_of(tmp_path, [[0, 0], [1, 0]], [7, 8]), IVFPQ)


def test_ivfpq_with_all_its_lists_comes_near_brute_force(store_of: Any, tmp_path: Path, clustered: Any) -> None:
    keys, queries = clustered
    searcher = Searcher(store_of(tmp_path, keys, np.arange(2000), IVFPQ), IVFPQ)
    found = searcher.search(torch.from_numpy(queries), 10)
    true = np.argsort(((queries[:, None] - keys[None].astype(np.float32)) ** 2).sum(-1), axis=1)
    assert np.mean([true[n, 0] in found.ids[n] for n in range(50)]) > 0.95
    assert np.mean([len(set(true[n, :10]) & set(found.ids[n].tolist())) / 10 for n in range(50)]) > 0.6
    assert (found.distances.diff(dim=-1) >= 0).all()


def test_probes_are_those_of_the_settings_at_search(store_of: Any, tmp_path: Path, clustered: Any) -> None:
    store = store_of(tmp_path, clustered[0], np.arange(2000), IVFPQ)
    assert Searcher(store, IVFPQ.model_copy(update={"probes": 3})).index.nprobe == 3


def test_where_the_index_returns_fewer_the_distance_is_infinite(store_of: Any, tmp_path: Path, clustered: Any) -> None:
    keys, queries = clustered
    one_probe = IVFPQ.model_copy(update={"probes": 1})
    searcher = Searcher(store_of(tmp_path, keys, np.ones(2000), one_probe), one_probe)
    found = searcher.search(torch.from_numpy(queries), searcher.reachable)
    absent = found.ids == -1
    assert absent.any()
    assert not absent[:, 0].any()
    assert torch.equal(found.distances.isinf(), absent)
    assert not found.values[absent].any()


def test_the_same_seed_makes_the_same_index(tmp_path: Path, clustered: Any) -> None:
    for name in ("first", "second"):
        build_index(clustered[0], IVFPQ.model_copy(update={"training_sample": 500}), tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    build_index(clustered[0], IVFPQ.model_copy(update={"training_sample": 500, "seed": 4}), tmp_path / "other")
    assert (tmp_path / "first").read_bytes() != (tmp_path / "other").read_bytes()


def centroids_of(index: Any) -> tuple[bytes, bytes]:
    return np.asarray(index.quantizer.reconstruct_n(0, index.nlist)).tobytes(), faiss.vector_to_array(
        index.pq.centroids
    ).tobytes()


def test_reusing_an_index_keeps_its_centroids_and_codebooks_and_replaces_its_keys(
    tmp_path: Path, clustered: Any
) -> None:
    keys, _ = clustered
    build_index(keys[:1200], IVFPQ, tmp_path / "first")
    moved = keys[600:] + np.float16(0.25)
    build_index(moved, IVFPQ, tmp_path / "second", trained=tmp_path / "first")
    build_index(moved, IVFPQ, tmp_path / "retrained")
    first, second, retrained = (read_index(tmp_path / name) for name in ("first", "second", "retrained"))
    assert centroids_of(second) == centroids_of(first)
    assert centroids_of(second) != centroids_of(retrained)
    assert (first.ntotal, second.ntotal) == (1200, 1400)
    second.nprobe = 8
    _, ids = second.search(moved[:200].astype(np.float32), 5)
    assert np.mean([number in row for number, row in enumerate(ids)]) > 0.95


def test_an_exact_index_is_refilled_too(tmp_path: Path) -> None:
    build_index(np.array([[0, 0], [1, 1]], dtype=np.float16), EXACT, tmp_path / "first")
    build_index(np.array([[5, 5]], dtype=np.float16), EXACT, tmp_path / "second", trained=tmp_path / "first")
    index = read_index(tmp_path / "second")
    assert index.reconstruct_n(0, index.ntotal).tolist() == [[5, 5]]


def test_keys_pass_into_the_index_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ink.datastore.index.ADD_AT_ONCE", 3)
    keys = np.arange(16, dtype=np.float16).reshape(8, 2)
    build_index(keys, EXACT, tmp_path / "index")
    np.testing.assert_array_equal(read_index(tmp_path / "index").reconstruct_n(0, 8), keys)


@pytest.mark.parametrize(
    ("entries", "changed", "message"),
    [
        (2000, {"code_bytes": 5}, "code_bytes is 5, which does not divide the keys' dimension 16; 4 does"),
        (2000, {"lists": 3000}, "index.lists is 3000, but the datastore has 2000 entries; lower index.lists to 2000"),
        pytest.param(
            *(200, {}, "which need 256 entries or more, but the datastore has 200; set index.type to exact"),
            marks=pytest.mark.failure(
                "Datastores and combiners",
                "fewer than 256 entries and index.type ivfpq",
                "`index.type ivfpq has 8-bit codes, which need 256 entries or more, but the datastore has 200; set "
                "index.type to exact [index/impossible-settings]`",
            ),
        ),
        (255, {"lists": 1}, "the datastore has 255; set index.type to exact"),
    ],
)
def test_settings_that_cannot_hold_for_the_keys_are_named_and_the_advice_helps(
    tmp_path: Path, clustered: Any, entries: int, changed: dict[str, Any], message: str
) -> None:
    keys = clustered[0][:entries]
    with pytest.raises(InkError, match=message):
        build_index(keys, IVFPQ.model_copy(update=changed), tmp_path / "index")
    assert list(tmp_path.iterdir()) == []
    helping = {"code_bytes": {"code_bytes": 4}, "lists": {"lists": entries}} if entries >= 256 else {}
    advised = [{"type": "exact"}] if "set index.type" in message or "lists" in changed else []
    for settings in [*advised, *(helping[name] for name in changed if name in helping)]:
        build_index(keys, IVFPQ.model_copy(update={**changed, **settings}), tmp_path / "index")
        assert read_index(tmp_path / "index").ntotal == entries


def test_an_index_for_keys_of_another_dimension_is_not_reused(tmp_path: Path, clustered: Any) -> None:
    build_index(np.zeros((2, 4), dtype=np.float16), EXACT, tmp_path / "first")
    with pytest.raises(InkError, match="dimension 4, but these have 16"):
        build_index(clustered[0], EXACT, tmp_path / "second", trained=tmp_path / "first")


# rows of distinct ids as an index returns them, -1 where it found fewer, and an own entry that may be among them
@st.composite
def found_rows(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    width, rows = draw(st.integers(2, 8)), draw(st.integers(1, 6))
    ids, own = [], []
    for _ in range(rows):
        found = draw(st.lists(st.integers(0, 20), unique=True, max_size=width))
        ids.append(found + [-1] * (width - len(found)))
        own.append(draw(st.sampled_from(found) | st.integers(0, 20)) if found else draw(st.integers(0, 20)))
    return np.array(ids), np.array(own)


@given(found_rows())
def test_the_own_entry_goes_and_all_others_stay_in_order(found: tuple[np.ndarray, np.ndarray]) -> None:
    ids, own = found
    kept = drop_own(torch.from_numpy(ids), torch.from_numpy(own))
    assert kept.shape == (len(ids), ids.shape[1] - 1)
    for row, number, rest in zip(ids.tolist(), own.tolist(), kept.tolist(), strict=True):
        assert number not in rest
        assert rest == ([entry for entry in row if entry != number] if number in row else row[:-1])


def test_duplicates_of_the_own_entry_stay(store_of: Any, tmp_path: Path) -> None:
    keys = [[0, 0], [0, 0], [0, 0], [1, 0], [5, 5]]
    searcher = Searcher(store_of(tmp_path, keys, [1, 1, 2, 3, 4]), EXACT)
    own = torch.tensor([0, 1, 2, 4])
    found = searcher.search_without(torch.tensor([[0.0, 0.0]] * 3 + [[0.0, 0.0]]), own, 3)
    assert [sorted(row) for row in found.tolist()] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_keys_are_gathered_by_entry_in_any_shape() -> None:
    keys = np.arange(12, dtype=np.float16).reshape(6, 2)
    ids = torch.tensor([[[3, -1], [5, 5]]])
    assert gather_keys(keys, ids).tolist() == [[[[6, 7], [0, 1]], [[10, 11], [10, 11]]]]
    assert gather_keys(keys, ids).dtype == torch.float32


def test_with_keys_distances_are_recomputed_and_sorted_anew(store_of: Any, tmp_path: Path, clustered: Any) -> None:
    keys, queries = clustered
    store = store_of(tmp_path, keys, np.arange(2000), IVFPQ)
    searcher = Searcher(store, IVFPQ)
    approximate = searcher.search(torch.from_numpy(queries), 6)
    found = searcher.search(torch.from_numpy(queries).reshape(5, 10, 16), 6, keys=True)
    assert found.keys is not None
    assert found.keys.shape == (5, 10, 6, 16)
    expected = ((queries[:, None].astype(np.float64) - keys[approximate.ids].astype(np.float64)) ** 2).sum(-1)
    order = np.argsort(expected, axis=1, kind="stable")
    np.testing.assert_allclose(found.distances.reshape(50, 6), np.sort(expected, axis=1), rtol=1e-4)
    np.testing.assert_array_equal(found.ids.reshape(50, 6), np.take_along_axis(approximate.ids.numpy(), order, 1))
    np.testing.assert_array_equal(found.values, found.ids)
    np.testing.assert_array_equal(found.keys.numpy(), keys[found.ids].astype(np.float32))
    # the index's own order is another: sorting anew had something to do
    assert (order != np.arange(6)).any()
    assert approximate.keys is None


def test_absent_neighbours_stay_absent_and_last_with_keys(store_of: Any, tmp_path: Path, clustered: Any) -> None:
    keys, queries = clustered
    few = IVFPQ.model_copy(update={"probes": 1})
    searcher = Searcher(store_of(tmp_path, keys, np.arange(2000), few), few)
    # as many as the largest list holds: the others hold fewer
    found = searcher.search(torch.from_numpy(queries), searcher.reachable, keys=True)
    absent = found.ids < 0
    assert absent.any()
    assert not absent.all(-1).any()
    assert torch.equal(found.distances.isinf(), absent)
    assert (absent.long().diff(dim=-1) >= 0).all()


def test_stored_log_probabilities_come_with_their_entries(store_of: Any, tmp_path: Path) -> None:
    store = store_of(tmp_path, [[0, 0], [1, 0], [0, 3]], [7, 8, 9])
    with pytest.raises(InkError, match="holds no log-probabilities; build the datastore again"):
        Searcher(store, EXACT).search(torch.zeros(1, 2), 2, log_probs=True)
    store.log_probs = np.array([-0.5, -1.5, -2.5], dtype=np.float32)
    found = Searcher(store, EXACT).search(torch.tensor([[0.9, 0.0], [0.0, 2.0]]), 2, log_probs=True, keys=True)
    assert found.values.tolist() == [[8, 7], [9, 7]]
    assert found.log_probs is not None
    assert found.log_probs.tolist() == [[-1.5, -0.5], [-2.5, -0.5]]


def test_every_half_precision_number_is_read_as_it_stands() -> None:
    keys = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 2)
    read = gather_keys(keys, torch.arange(len(keys))).numpy()
    np.testing.assert_array_equal(read, keys.astype(np.float32))


@given(
    st.integers(1, 6).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 3), min_size=k, max_size=k), min_size=1, max_size=5)
    )
)
def test_sorting_takes_keys_and_all_else_of_a_neighbour_along(distances: list[list[int]]) -> None:
    rows, k = np.shape(distances)
    ids = torch.arange(rows * k).reshape(rows, 1, k)
    unsorted = Neighbours(
        torch.tensor(distances, dtype=torch.float32).unsqueeze(1),
        10 * ids,
        ids,
        -ids.float(),
        torch.stack([ids, 2 * ids, 3 * ids], -1).float(),
    )
    found = sorted_by_distance(unsorted)
    # equal distances stay as they stood
    expected = [sorted(range(k), key=lambda place: row[place]) for row in distances]
    assert (found.ids[:, 0] - k * torch.arange(rows).unsqueeze(-1)).tolist() == expected
    assert found.distances[:, 0].tolist() == [sorted(row) for row in distances]
    assert found.log_probs is not None
    assert found.keys is not None
    assert torch.equal(found.values, 10 * found.ids)
    assert torch.equal(found.log_probs, -found.ids.float())
    assert torch.equal(found.keys, torch.stack([found.ids, 2 * found.ids, 3 * found.ids], -1).float())


def test_the_key_file_is_opened_when_keys_are_asked_for(store_of: Any, tmp_path: Path) -> None:
    store = store_of(tmp_path, [[0, 0], [1, 0], [0, 3]], [7, 8, 9])
    searcher = Searcher(store, EXACT)
    store.file("keys").unlink()
    assert searcher.search(torch.zeros(1, 2), 1).values.tolist() == [[7]]
    with pytest.raises(InkError, match=r"keys\.npy does not exist"):
        searcher.search(torch.zeros(1, 2), 1, keys=True)


FAST = IVFPQ.model_copy(update={"code_bits": 4})


def test_codes_of_four_bits_take_the_same_bytes_and_come_near_exact_search(
    store_of: Any, tmp_path: Path, clustered: Any
) -> None:
    keys, queries = clustered
    stores = {name: store_of(tmp_path / name, keys, range(len(keys)), index=index) for name, index in KINDS.items()}
    found = {name: Searcher(store, KINDS[name]).search(torch.from_numpy(queries), 5) for name, store in stores.items()}
    index = faiss.downcast_index(read_index(stores["fast"].index_path))
    assert (index.pq.M, index.pq.nbits, index.code_size) == (16, 4, 8)
    shared = [len(np.intersect1d(a, b)) / 5 for a, b in zip(found["fast"].ids, found["exact"].ids, strict=True)]
    assert np.mean(shared) > 0.5
    # its distances are of codes, and most are near the true ones
    true = squared_distances(queries, keys.astype(np.float32))
    off = found["fast"].distances.numpy() - np.take_along_axis(true, found["fast"].ids.numpy(), axis=1)
    assert np.median(np.abs(off)) < 3 < np.median(true)


def test_four_bits_need_few_entries_and_twice_as_many_codes_that_divide_the_dimension(
    store_of: Any, tmp_path: Path
) -> None:
    keys = np.random.default_rng(0).standard_normal((40, 16)).astype(np.float16)
    store_of(tmp_path / "few", keys, range(40), index=FAST.model_copy(update={"lists": 2, "probes": 2}))
    with pytest.raises(InkError, match=r"code_bytes is 16, 32 codes of 4 bits, which do not divide .* 16; 8 bytes do"):
        store_of(tmp_path / "wide", keys, range(40), index=FAST.model_copy(update={"code_bytes": 16}))


KINDS = {"exact": EXACT, "fast": FAST}
