"""Opening a datastore checks that it is whole and that it is the one in use."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.search import Searcher
from ink.datastore.storage import DatastoreMeta, create_datastore, open_datastore, seal
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json


@pytest.fixture(scope="module")
def built(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tiny.domain.load_model(tiny.settings)
    path = tmp_path_factory.mktemp("built") / "store"
    dataset = model.parallel_text(tiny.domain.data, "train")
    corpus = tiny.domain.data.fingerprint
    build_datastore(Extraction(model, dataset, corpus, "decoder_output", 500), path, Index(type="exact"))
    return path


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "store"))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    meta = DatastoreMeta(3, 2, 1, "decoder_output", "model", "corpus", log_probs=True)
    written = create_datastore(tmp_path / "s", meta)
    written.keys[:] = [[1, 2], [3, 4], [5, 6]]
    written.values[:] = [7, 8, 2]
    written.offsets[:] = [0, 3]
    written.log_probs[:] = [-1, -2, -3]
    with pytest.raises(InkError, match=r"meta\.json does not exist"):
        open_datastore(tmp_path / "s")
    seal(written)
    store = open_datastore(tmp_path / "s", model="model", corpus="corpus", key="decoder_output")
    assert store.meta == meta
    assert store.keys.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert store.values.tolist() == [7, 8, 2]
    assert store.offsets.tolist() == [0, 3]
    assert store.log_probs.tolist() == [-1, -2, -3]
    for array in (store.keys, store.values, store.offsets, store.log_probs):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable


@pytest.mark.parametrize("what", ["model", "corpus", "key"])
def test_a_datastore_of_something_else_is_refused_and_both_are_named(path: Path, what: str) -> None:
    meta = open_datastore(path).meta
    expected = {"model": meta.model, "corpus": meta.corpus, "key": meta.key}
    open_datastore(path, **expected)
    with pytest.raises(InkError, match=f"{expected[what]}, but fedcba9876543210 is in use"):
        open_datastore(path, **{**expected, what: "fedcba9876543210"})


@pytest.mark.parametrize("name", ["keys", "values", "offsets", "log_probs"])
@pytest.mark.parametrize("share", [0, 0.01, 0.7])
def test_an_array_cut_short_is_named(path: Path, name: str, share: float) -> None:
    file = path / f"{name}.npy"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(InkError, match=rf"{name}\.npy"):
        _ = open_datastore(path).keys


@pytest.mark.parametrize("name", ["keys", "values", "offsets", "log_probs"])
def test_an_array_of_another_shape_or_type_is_named(path: Path, name: str) -> None:
    file = path / f"{name}.npy"
    array = np.load(file)
    for wrong in (array[:-1], array.astype(np.float64)):
        np.save(file, wrong)
        with pytest.raises(InkError, match=rf"{name}\.npy holds"):
            _ = open_datastore(path).keys


def test_a_missing_array_is_named_and_the_keys_are_missed_only_where_they_are_read(path: Path) -> None:
    (path / "keys.npy").unlink()
    store = open_datastore(path)
    with pytest.raises(InkError, match=r"keys\.npy does not exist"):
        _ = store.keys
    (path / "values.npy").unlink()
    with pytest.raises(InkError, match=r"values\.npy does not exist"):
        open_datastore(path)


@pytest.mark.parametrize("share", [0, 0.01, 0.7])
def test_an_index_cut_short_is_named(path: Path, share: float) -> None:
    file = path / "index.faiss"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(InkError, match=r"index\.faiss cannot be read"):
        Searcher(open_datastore(path), Index(type="exact"))


def test_a_missing_index_is_named(path: Path) -> None:
    (path / "index.faiss").unlink()
    with pytest.raises(InkError, match=r"index\.faiss does not exist"):
        Searcher(open_datastore(path), Index(type="exact"))


@pytest.mark.failure(
    "Datastores and combiners",
    "an index of keys of another number or dimension",
    "`index ... holds 5 keys of dimension 16, but the datastore has ...; build the datastore again "
    "[datastore/damaged]`",
)
def test_an_index_of_other_keys_is_refused(path: Path) -> None:
    import faiss

    index = faiss.IndexFlatL2(16)
    index.add(np.zeros((5, 16), dtype=np.float32))
    faiss.write_index(index, str(path / "index.faiss"))
    with pytest.raises(InkError, match="holds 5 keys of dimension 16"):
        Searcher(open_datastore(path), Index(type="exact"))


def test_a_description_cut_short_or_of_something_else_is_refused(path: Path) -> None:
    described = read_json(path / "meta.json")
    write_json(path / "meta.json", {**described, "format": 2})
    with pytest.raises(InkError, match="has datastore format 2, this version of ink reads"):
        open_datastore(path)
    write_json(path / "meta.json", {**described, "colour": "green"})
    with pytest.raises(InkError, match=r"meta\.json does not describe a datastore"):
        open_datastore(path)
    (path / "meta.json").write_text("{", encoding="utf-8")
    with pytest.raises(InkError, match="not whole JSON"):
        open_datastore(path)


@pytest.mark.failure(
    "Disk",
    "a full disk under a mapped array",
    "its blocks are taken before the first write, which would end the process with SIGBUS: `... cannot be "
    "written: no space left (...) [disk/not-writable]`",
)
def test_arrays_take_their_blocks_before_anything_is_written(tmp_path: Path) -> None:
    meta = DatastoreMeta(100_000, 16, 1, "decoder_output", "model", "corpus", log_probs=True)
    store = create_datastore(tmp_path / "s", meta)
    _ = store.keys
    for name in ("keys", "values", "offsets", "log_probs"):
        found = store.file(name).stat()
        assert found.st_blocks * 512 >= found.st_size, name
