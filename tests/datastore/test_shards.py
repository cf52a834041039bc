"""Shards that are joined are the datastore that one pass builds, byte for byte; what is not whole is refused."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ink.config.sections.base_system import Index
from ink.datastore import shards as shard_files
from ink.datastore.build import Extraction, build_datastore, build_shard
from ink.datastore.shards import ShardedKeys, ShardMeta, batches_of, create_shard, join_shards, open_shards, seal_shard
from ink.datastore.storage import DatastoreMeta, open_datastore
from ink.runtime.disk import DiskTrouble
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

EXACT = Index(type="exact", device="cpu")
IVFPQ = Index(
    type="ivfpq",
    device="cpu",
    lists=4,
    code_bytes=8,
    probes=2,
    training_sample=300,
    seed=3,
)
PARTS: dict[str, Any] = {"key": "decoder_output", "batch_tokens": 60}


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture
def dataset(tiny: Any, model: Any) -> Any:
    return model.parallel_text(tiny.domain.data, "train")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def build_shards(model: Any, dataset: Any, folder: Path, count: int, **changed: Any) -> list[Path]:
    paths = [folder / f"{number}of{count}" for number in range(1, count + 1)]
    for number, path in enumerate(paths, start=1):
        build_shard(Extraction(model, dataset, "corpus", **{**PARTS, **changed}), path, number=number, count=count)
    return paths


@pytest.mark.parametrize(
    ("key", "adapted", "count", "index"),
    [
        ("decoder_output", False, 1, IVFPQ),
        ("decoder_output", False, 3, IVFPQ),
        ("decoder_output", True, 7, EXACT),
        ("ffn_input", True, 2, IVFPQ),
    ],
)
def test_joined_shards_are_the_datastore_of_one_pass_byte_for_byte(
    model: Any, dataset: Any, tmp_path: Path, monkeypatch: Any, key: str, adapted: bool, count: int, index: Any
) -> None:
    monkeypatch.setattr("ink.datastore.index.ADD_AT_ONCE", 100)  # entries pass in several parts
    if adapted:
        torch.manual_seed(5)
        model.attach_adapters(4, dropout=0.5)
        for parameter in model.network.adapters.parameters():
            parameter.data = 0.3 * torch.randn_like(parameter)
    whole = build_datastore(Extraction(model, dataset, "corpus", **{**PARTS, "key": key}), tmp_path / "whole", index)
    model.network.train()  # a shard is to leave dropout out too
    shards = build_shards(model, dataset, tmp_path, count, key=key)
    # the order in which they are given does not count
    assert join_shards(shards[::-1], tmp_path / "joined", index) == whole
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["joined", "whole"]


@given(st.integers(1, 40), st.data())
def test_shards_are_ranges_of_all_batches_of_about_one_size(batches: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, batches))
    shards = [batches_of(range(batches), number, count) for number in range(1, count + 1)]
    assert [batch for shard in shards for batch in shard] == list(range(batches))
    sizes = set(map(len, shards))
    assert max(sizes) - min(sizes) <= 1 and min(sizes) > 0


@pytest.mark.failure(
    "Datastores and combiners",
    "more shards than batches",
    "`datastore.shards is 3, but the training set makes 1 batches of at most "
    "datastore.batch_tokens; lower one of the two [datastore/wrong-shards]`",
)
def test_more_shards_than_batches_and_a_shard_that_does_not_exist_are_refused(
    model: Any, dataset: Any, tmp_path: Path
) -> None:
    with pytest.raises(InkError, match=r"datastore\.shards is 3, but .* 1 batches .*; lower one of the two"):
        build_shard(Extraction(model, dataset, "c", "decoder_output", 10**6), tmp_path / "s", number=1, count=3)
    with pytest.raises(InkError, match=r"shard 4 is asked for, but datastore\.shards is 3"):
        build_shard(Extraction(model, dataset, "c", **PARTS), tmp_path / "s", number=4, count=3)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def shards(model: Any, dataset: Any, tmp_path: Path) -> list[Path]:
    return build_shards(model, dataset, tmp_path / "shards", 3)


@pytest.mark.failure(
    "Datastores and combiners",
    "shards that are not all there, or not all of one datastore",
    "each is named; nothing is joined and none is removed [datastore/wrong-shards]",
)
def test_shards_that_are_not_all_of_one_datastore_are_refused(
    model: Any, dataset: Any, tmp_path: Path, shards: list[Path]
) -> None:
    of_others = build_shards(model, dataset, tmp_path / "others", 3, batch_tokens=30)
    of_two = build_shards(model, dataset, tmp_path / "two", 2)
    for wrong, message in (
        (shards[:2], r"of 3 shards needs each of them once, but shards 1, 2 are here"),
        ([*shards, shards[0]], r"but shards 1, 1, 2, 3 are here"),
        ([*shards[:2], of_two[1]], r"are not of the same datastore; build them again"),
        ([*shards[:2], of_others[2]], r"made with different datastore\.batch_tokens"),
    ):
        with pytest.raises(InkError, match=message):
            join_shards(wrong, tmp_path / "joined", EXACT)
    assert len(open_shards(shards)) == 3
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize("name", ["keys", "values", "log_probs", "entries", "offsets"])
def test_a_shard_cut_short_is_named_and_nothing_is_joined(tmp_path: Path, shards: list[Path], name: str) -> None:
    file = shards[1] / f"{name}.npy"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InkError, match=rf"2of3/{name}\.npy"):
        join_shards(shards, tmp_path / "joined", EXACT)
    assert all(path.is_dir() for path in shards)
    assert not (tmp_path / "joined").exists()


def test_a_shard_that_was_interrupted_is_not_there(
    model: Any, dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, batch = [], dataset.batch

    def failing(sentences: Any) -> Any:
        passes.append(len(sentences))
        if len(passes) > 2:
            raise MemoryError("half-way")
        return batch(sentences)

    monkeypatch.setattr(dataset, "batch", failing)
    with pytest.raises(MemoryError):
        build_shard(Extraction(model, dataset, "c", **PARTS), tmp_path / "1of2", number=1, count=2)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_before_keys_are_moved_costs_no_shard(
    tmp_path: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [contents(path) for path in shards]
    with pytest.raises(InkError, match=r"index\.lists is 3000, but the datastore has"):
        join_shards(shards, tmp_path / "joined", IVFPQ.model_copy(update={"lists": 3000}))
    assert [contents(path) for path in shards] == before
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]


@pytest.mark.failure(
    "Datastores and combiners",
    "shards joined on a disk that fills, or by a job that is killed",
    "no datastore; shards whose keys were moved already are gone, the workflow builds these anew and joins again",
)
def test_an_interruption_while_keys_are_moved_costs_the_shards_that_are_gone_and_no_more(
    model: Any, dataset: Any, tmp_path: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_datastore(Extraction(model, dataset, "corpus", **PARTS), tmp_path / "whole", IVFPQ)
    third = contents(shards[2])
    write, calls = os.pwrite, []

    def full(descriptor: int, data: Any, place: int) -> int:
        calls.append(place)
        if not shards[0].exists() and len(calls) > 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:7], place)  # and what is written may be less than was asked for

    with monkeypatch.context() as patched:
        patched.setattr(shard_files.os, "pwrite", full)
        with pytest.raises(DiskTrouble, match="no space left"):
            join_shards(shards, tmp_path / "joined", IVFPQ)
    # what is gone is gone altogether, and what is there is whole
    assert [path.exists() for path in shards] == [False, True, True]
    assert [path.name for path in (tmp_path / "shards").iterdir() if path.name.startswith(".")] == []
    assert contents(shards[2]) == third
    assert not (tmp_path / "joined").exists()
    with pytest.raises(InkError, match=r"1of3/meta\.json does not exist"):
        join_shards(shards, tmp_path / "joined", IVFPQ)
    build_shard(Extraction(model, dataset, "corpus", **PARTS), shards[0], number=1, count=3)
    join_shards(shards, tmp_path / "joined", IVFPQ)
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")


def test_the_disk_holds_the_keys_and_one_shard_at_the_most(
    tmp_path: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of the key file are taken when they are written, and a shard's are given back before the next one's."""
    discard, held = shard_files._discard, []
    whole = open_shards(shards)[0].meta.whole

    def watching(path: Path) -> None:
        held.append(sum((shard / "keys.npy").stat().st_size for shard in shards if shard.exists()))
        discard(path)
        # and nobody holds them: a file that is mapped keeps its blocks when it is removed
        assert not re.search(r"of3[^\n]*/keys\.npy", Path("/proc/self/maps").read_text())

    monkeypatch.setattr(shard_files, "_discard", watching)
    join_shards(shards, tmp_path / "joined", EXACT)
    sizes = [before - after for before, after in zip(held, [*held[1:], 0], strict=True)]
    assert len(held) == 3 and all(size > 0 for size in sizes)
    assert sum(sizes) >= whole.entries * whole.dimension * 2
    assert open_datastore(tmp_path / "joined").keys.shape == (whole.entries, whole.dimension)


@given(st.data())
def test_keys_of_shards_are_read_as_those_of_one_array(tmp_path_factory: Any, data: st.DataObject) -> None:
    entries = data.draw(st.integers(1, 30))
    owners = np.array(data.draw(st.lists(st.integers(0, 2), min_size=entries, max_size=entries)))
    keys = np.arange(2 * entries, dtype=np.float16).reshape(entries, 2)
    folder = tmp_path_factory.mktemp("sharded")
    whole = DatastoreMeta(entries, 2, 1, "decoder_output", "model", "corpus", log_probs=True)
    owning = sorted(set(owners.tolist()))
    for number, owner in enumerate(owning, start=1):
        own = np.flatnonzero(owners == owner)
        shard = create_shard(folder / str(number), ShardMeta(number, len(owning), len(own), whole))
        shard.entries[:], shard.keys[:], shard.offsets[:] = own, keys[own], [0, entries]
        seal_shard(shard)
    read = ShardedKeys(open_shards([folder / str(number + 1) for number in range(len(owning))]))
    assert (len(read), read.shape) == (entries, (entries, 2))
    start, stop = sorted(data.draw(st.tuples(st.integers(0, entries), st.integers(0, entries + 5))))
    np.testing.assert_array_equal(read[start:stop], keys[start:stop])
    some = np.array(sorted(data.draw(st.sets(st.integers(0, entries - 1)))), dtype=np.int64)
    np.testing.assert_array_equal(read[some], keys[some])
    shutil.rmtree(folder)


def test_a_description_of_something_else_is_refused(tmp_path: Path, shards: list[Path]) -> None:
    described = read_json(shards[0] / "meta.json")
    assert described["whole"]["entries"] == sum(read_json(path / "meta.json")["entries"] for path in shards)
    (shards[0] / "meta.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InkError, match="whole is missing"):
        join_shards(shards, tmp_path / "joined", EXACT)
