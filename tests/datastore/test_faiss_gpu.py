"""Searching on a GPU: what is refused without one, and what of the way there and back runs without one too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch

from ink.config import constraints
from ink.config.sections.base_system import Index
from ink.datastore import faiss_gpu
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.index import build_index, read_index
from ink.datastore.search import Searcher
from ink.runtime.errors import InkError

IVFPQ = Index(
    type="ivfpq",
    device="cpu",
    lists=8,
    code_bytes=8,
    probes=3,
    training_sample=700,
    seed=3,
)
ON_GPU = IVFPQ.model_copy(update={"device": "cuda"})
DEVICE = torch.device("cuda", 0)


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1000, 16)).astype(np.float16)


def test_the_cpu_needs_no_gpu() -> None:
    assert faiss_gpu.gpu_of(Index(device="cpu")) is None
    assert faiss_gpu.gpu_of(Index(type="exact")) is None


def test_faiss_without_gpus_is_refused_and_what_to_install_is_said(
    store_of: Any, tmp_path: Path, keys: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    message = (
        r"index\.device is cuda, but the FAISS installed here is faiss-cpu; install faiss-gpu .*docs/installation.md"
    )
    with pytest.raises(InkError, match=message):
        build_index(keys, ON_GPU, tmp_path / "index")
    assert list(tmp_path.iterdir()) == []
    store = store_of(tmp_path / "store", keys, np.arange(1000), IVFPQ)
    with pytest.raises(InkError, match=message):
        Searcher(store, ON_GPU)


@pytest.mark.parametrize(("torch_finds", "faiss_finds"), [(0, 0), (1, 0), (0, 2), (1, 1)])
def test_a_gpu_that_torch_and_faiss_do_not_both_find_is_refused(
    monkeypatch: pytest.MonkeyPatch, torch_finds: int, faiss_finds: int
) -> None:
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: faiss_finds)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: torch_finds)
    both = min(torch_finds, faiss_finds)
    with pytest.raises(InkError, match=rf"index\.device is cuda:{both}, but torch and FAISS find {both} GPUs here"):
        faiss_gpu.gpu_of(Index(device=f"cuda:{both}"))
    if both:
        assert faiss_gpu.gpu_of(Index(device="cuda")) == DEVICE


def test_a_build_is_refused_before_the_pass_over_the_training_set(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    model = tiny.domain.load_model(tiny.settings)
    dataset = model.parallel_text(tiny.domain.data, "train")
    monkeypatch.setattr(dataset, "batch", lambda sentences: pytest.fail("a batch was made"))
    with pytest.raises(InkError, match=r"index\.device is cuda"):
        build_datastore(Extraction(model, dataset, "c", "decoder_output", 200), tmp_path / "s", ON_GPU)
    assert list(tmp_path.iterdir()) == []


def test_the_index_is_filled_on_the_gpu_and_written_from_the_cpu(
    tmp_path: Path, keys: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With copies in memory in place of those on a GPU; k-means on one is not the CPU's to the bit."""
    build_index(keys, IVFPQ, tmp_path / "cpu")
    build_index(keys, IVFPQ, tmp_path / "refilled", trained=tmp_path / "cpu")
    moves: list[tuple[str, int]] = []

    def moved(to: str) -> Any:
        def move(index: Any, *_: Any) -> Any:
            moves.append((to, index.ntotal))
            return faiss.clone_index(index)

        return move

    monkeypatch.setattr(faiss_gpu, "gpu_of", lambda settings: DEVICE)
    monkeypatch.setattr(faiss_gpu, "on_gpu", moved("gpu"))
    monkeypatch.setattr(faiss_gpu, "on_cpu", moved("cpu"))
    build_index(keys, ON_GPU, tmp_path / "gpu")
    # what k-means of lists and of codes assigns with, the trained index, and the filled one
    assert moves == [("gpu", 0), ("gpu", 0), ("gpu", 0), ("cpu", 1000)]
    assert (tmp_path / "gpu").read_bytes() == (tmp_path / "cpu").read_bytes()
    build_index(keys, ON_GPU, tmp_path / "again", trained=tmp_path / "cpu")
    assert moves[4:] == [("gpu", 0), ("cpu", 1000)]
    assert (tmp_path / "again").read_bytes() == (tmp_path / "refilled").read_bytes()


def test_an_index_takes_tensors_as_it_takes_arrays(store_of: Any, tmp_path: Path, keys: np.ndarray) -> None:
    store = store_of(tmp_path / "store", keys, np.arange(1000), IVFPQ)
    queries = np.random.default_rng(1).standard_normal((40, 16)).astype(np.float32)
    index = read_index(store.index_path)
    index.nprobe = IVFPQ.probes
    distances, ids = index.search(queries, 5)
    assert isinstance(ids, np.ndarray)
    found = Searcher(store, IVFPQ).search(torch.from_numpy(queries), 5)
    np.testing.assert_array_equal(found.ids.numpy(), ids)
    np.testing.assert_array_equal(found.distances.numpy(), distances)
    np.testing.assert_array_equal(found.values.numpy(), ids)


def test_a_searched_index_stays_in_its_file(store_of: Any, tmp_path: Path) -> None:
    """Its pages are the file's, which processes share: 4 MB of keys take no memory of this process."""
    keys = np.random.default_rng(0).standard_normal((20_000, 64)).astype(np.float16)
    store = store_of(tmp_path / "store", keys, np.arange(20_000))
    assert store.index_path.stat().st_size > 5e6
    in_memory, mapped = read_index(store.index_path), read_index(store.index_path, mapped=True)
    at = {name: faiss_address(index) for name, index in (("read", in_memory), ("mapped", mapped))}
    assert not mapped_from(store.index_path, at["read"])
    assert mapped_from(store.index_path, at["mapped"])
    queries = np.asarray(keys[:50], dtype=np.float32)
    for one, other in zip(in_memory.search(queries, 4), mapped.search(queries, 4), strict=True):
        np.testing.assert_array_equal(one, other)


def faiss_address(index: Any) -> int:
    """Where an exact index has its keys."""
    return int(index.get_xb())


def mapped_from(path: Path, address: int) -> bool:
    """Whether an address of this process lies in a map of the file."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if start <= address < end:
            return line.endswith(str(path))
    return False


@pytest.mark.failure(
    "Datastores and combiners",
    "more neighbours than FAISS finds on a GPU",
    "`2049 neighbours requested from ..., but FAISS finds at most 2048 on a GPU; lower k or set index.device to cpu "
    "[datastore/too-few-entries]`",
)
def test_more_neighbours_than_a_gpu_finds_are_refused(store_of: Any, tmp_path: Path) -> None:
    keys = np.zeros((3000, 2), dtype=np.float16)
    searcher = Searcher(store_of(tmp_path / "store", keys, np.arange(3000)), Index(type="exact"))
    assert faiss_gpu.MOST == constraints.MOST_ON_GPU
    searcher.search(torch.zeros(1, 2), 2049)
    searcher.device = DEVICE
    with pytest.raises(InkError, match=r"2049 neighbours requested .* finds at most 2048 on a GPU; lower k"):
        searcher.search(torch.zeros(1, 2), 2049)
