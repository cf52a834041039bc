"""Neighbours of every entry, stored once: what a search through all entries finds, and whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.datastore import knn_graph
from ink.datastore.knn_graph import StoredNeighbours, open_neighbours, store_neighbours
from ink.datastore.storage import Datastore
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json

EXACT = Index(type="exact")
IVFPQ = Index(type="ivfpq", lists=8, code_bytes=4, probes=1, training_sample=1000, seed=7)
ENTRIES, STORED = 300, 12


@pytest.fixture
def keys() -> NDArray[np.float16]:
    """Small whole numbers, whose distances are exact; entry 1 has entry 0's key, and 10 to 29 have one key."""
    drawn = np.random.default_rng(5).integers(-4, 5, size=(ENTRIES, 8)).astype(np.float16)
    drawn[1], drawn[10:30] = drawn[0], drawn[10]
    return drawn


@pytest.fixture
def datastore(store_of: Any, tmp_path: Path, keys: NDArray[np.float16]) -> Datastore:
    found: Datastore = store_of(tmp_path / "store", keys, np.arange(ENTRIES) % 7)
    return found


@pytest.fixture
def stored(datastore: Datastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredNeighbours:
    monkeypatch.setattr(knn_graph, "SEARCHED_AT_ONCE", 64)  # several parts, the last a small one
    store_neighbours(datastore, EXACT, STORED, tmp_path / "neighbours")
    return open_neighbours(tmp_path / "neighbours", datastore)


def slow(keys: NDArray[np.float16]) -> NDArray[np.float64]:
    wide = keys.astype(np.float64)
    return np.array([[((one - other) ** 2).sum() for other in wide] for one in wide])


def test_they_are_the_nearest_of_all_entries_the_own_one_among_them(
    stored: StoredNeighbours, keys: NDArray[np.float16]
) -> None:
    all_distances = slow(keys)
    entries = np.arange(ENTRIES)
    distances, ids = stored.first(entries, STORED)
    assert np.array_equal(distances, np.sort(all_distances, axis=1)[:, :STORED])
    assert np.array_equal(np.take_along_axis(all_distances, ids, axis=1), distances)
    assert all(len(set(row)) == STORED for row in ids.tolist())
    assert all(entry in row for entry, row in enumerate(ids.tolist()) if not 10 <= entry < 30)


def test_the_first_k_are_those_of_the_whole_row(stored: StoredNeighbours) -> None:
    entries = np.array([7, 299, 0, 7])
    distances, ids = stored.first(entries, 3)
    assert np.array_equal(ids, stored.ids[entries][:, :3])
    assert np.array_equal(distances, stored.distances[entries][:, :3])


def test_the_own_entry_is_excluded_by_identity_and_a_twin_stays(
    stored: StoredNeighbours, keys: NDArray[np.float16]
) -> None:
    entries = np.arange(ENTRIES)
    distances, ids = stored.first(entries, STORED - 1, without_own=True)
    assert not (ids == entries[:, None]).any()
    without = slow(keys)
    np.fill_diagonal(without, np.inf)
    assert np.array_equal(distances, np.sort(without, axis=1)[:, : STORED - 1])
    assert np.array_equal(np.take_along_axis(without, ids, axis=1), distances)
    assert (ids[0, 0], ids[1, 0]) == (1, 0)
    # entry 29 has 19 twins, more than are stored, and may not be among its own neighbours at all
    assert set(ids[29].tolist()) <= set(range(10, 30)) - {29}


def test_what_the_index_does_not_return_is_absent(datastore: Datastore, store_of: Any, tmp_path: Path) -> None:
    narrow = store_of(tmp_path / "narrow", datastore.keys, datastore.values, index=IVFPQ)
    store_neighbours(narrow, IVFPQ, 40, tmp_path / "of-narrow")
    distances, ids = open_neighbours(tmp_path / "of-narrow", narrow).first(np.arange(ENTRIES), 40)
    absent = ids < 0
    assert absent.any()
    assert not absent.all()
    assert np.array_equal(np.isinf(distances), absent)
    assert (np.diff(absent.astype(int), axis=1) >= 0).all(), "absent ones come last"


@pytest.mark.failure(
    "Datastores and combiners",
    "more neighbours than were stored",
    "`neighbours stores 4 neighbours of each entry, but 5 are needed; lower k or store more "
    "[datastore/too-few-entries]`",
)
def test_more_than_were_stored_are_refused(stored: StoredNeighbours) -> None:
    with pytest.raises(InkError, match=rf"stores {STORED} neighbours .* {STORED + 1} are needed; lower k"):
        stored.first(np.array([0]), STORED, without_own=True)


def test_more_than_there_are_entries_are_refused_and_nothing_is_written(datastore: Datastore, tmp_path: Path) -> None:
    with pytest.raises(InkError, match=f"{ENTRIES + 1} neighbours requested from datastore"):
        store_neighbours(datastore, EXACT, ENTRIES + 1, tmp_path / "many")
    assert not list(tmp_path.glob("*many*"))


def test_the_files_are_small_and_plain(stored: StoredNeighbours) -> None:
    assert sorted(path.name for path in stored.path.iterdir()) == ["distances.npy", "ids.npy", "meta.json"]
    arrays = [np.load(stored.path / name) for name in ("distances.npy", "ids.npy")]
    assert [(array.shape, array.dtype) for array in arrays] == [
        ((ENTRIES, STORED), np.float32),
        ((ENTRIES, STORED), np.int32),
    ]
    assert read_json(stored.path / "meta.json") == {
        **{"entries": ENTRIES, "stored": STORED, "model": "model", "corpus": "corpus", "key": "decoder_output"},
        **{"index": EXACT.plain(), "format": 1},
    }


@pytest.mark.failure(
    "Datastores and combiners",
    "stored neighbours of another model, corpus or datastore",
    "`neighbours ... were found in a datastore with model ..., but that of datastore ... is ...; store them again "
    "[datastore/other-origin]`",
)
@pytest.mark.parametrize(("what", "of"), [("model", "model"), ("corpus", "corpus"), ("number of entries", "entries")])
def test_those_of_another_datastore_are_refused(
    stored: StoredNeighbours, store_of: Any, tmp_path: Path, what: str, of: str
) -> None:
    entries = 10 if of == "entries" else ENTRIES
    named = {} if of == "entries" else {of: "another"}
    other = store_of(tmp_path / "other", np.zeros((entries, 8)), np.zeros(entries), **named)
    with pytest.raises(InkError, match=rf"with {what} .*, but that of datastore .*other is .*; store them again"):
        open_neighbours(stored.path, other)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"format": 2}, "format 2, this version of ink reads 1"), ({"kind": 1}, "does not describe neighbours")],
)
def test_another_description_is_refused(
    stored: StoredNeighbours, datastore: Datastore, changed: dict[str, int], message: str
) -> None:
    meta = stored.path / "meta.json"
    write_json(meta, {**read_json(meta), **changed})
    with pytest.raises(InkError, match=message):
        open_neighbours(stored.path, datastore)


def test_an_array_cut_short_is_refused(stored: StoredNeighbours, datastore: Datastore) -> None:
    path = stored.path / "ids.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InkError, match=r"ids\.npy is cut short .*; store them again"):
        open_neighbours(stored.path, datastore)
