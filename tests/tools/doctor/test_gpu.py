"""The GPU, of which there is none here: torch's answers are those of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ink.tools.costs.text_amounts import Text
from ink.tools.costs.workload import Model, Workload
from ink.tools.doctor import duration, gpu
from ink.tools.doctor.finding import ERROR, OK, WARNING

MODULE = "NVRM version: NVIDIA UNIX {} Kernel Module{}  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  12\n"


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Makes torch answer as with one GPU of so many bytes."""
    import torch

    def present(total: float = 80e9, major: int = 8) -> None:
        properties = SimpleNamespace(name="A Card", total_memory=total, major=major, minor=0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (total / 2, total))
        monkeypatch.setattr(torch.version, "cuda", "12.8")
        (tmp_path / "version").write_text(MODULE.format("x86_64", ""), encoding="utf-8")
        monkeypatch.setattr(gpu, "DRIVER_FILE", tmp_path / "version")

    return present


def test_without_gpu_one_line_says_that_none_is_used(config: Any, workload: Workload) -> None:
    (found,) = gpu.devices(config)
    assert (found.status, found.check) == (OK, "device")
    assert found.text.startswith("cpu: ") and found.text.endswith("; no GPU is used")
    assert list(gpu.memory(workload)) == []


@pytest.mark.failure(
    "Config",
    "a GPU that torch's build or the driver cannot use",
    "`ink doctor`: `error  device  device is cuda, but torch finds 0 GPUs here (torch 2.13.0+cpu is a CPU "
    "build, no NVIDIA driver is loaded); ...`, or what else it is",
)
@pytest.mark.parametrize("name", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_an_error_with_torch_s_build(
    config: Any, workload: Workload, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch

    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(gpu, "DRIVER_FILE", tmp_path / "none")
    config["device"] = name
    (found,) = gpu.devices(config)
    assert found.status == ERROR
    assert found.text.endswith(f"(torch {torch.__version__} is a CPU build, no NVIDIA driver is loaded)")
    workload.config["device"] = "cuda:99"
    assert list(gpu.memory(workload)) == []


@pytest.mark.parametrize("words", [("x86_64", ""), ("Open", " for x86_64")])
def test_a_gpu_is_described(config: Any, card: Callable[..., None], words: tuple[str, str]) -> None:
    import torch

    card()
    gpu.DRIVER_FILE.write_text(MODULE.format(*words), encoding="utf-8")
    config["device"] = "cuda"
    (found,) = gpu.devices(config)
    assert found.status == OK
    assert found.text == (
        "cuda: A Card, 40.0 GB of 80.0 GB free, compute capability 8.0, half precision fp16 and bf16 "
        f"(torch {torch.__version__} is built for CUDA 12.8, NVIDIA driver 550.54.15)"
    )


@pytest.mark.parametrize(("major", "known"), [(6, []), (7, ["fp16"]), (8, ["fp16", "bf16"]), (9, ["fp16", "bf16"])])
def test_half_precision_by_compute_capability(major: int, known: list[str]) -> None:
    assert gpu.half_precisions(major) == known


@pytest.mark.parametrize(("major", "precision", "wrong"), [(7, "bf16", True), (7, "fp16", False), (6, "fp32", False)])
def test_a_precision_that_the_gpu_has_not_is_told(
    config: Any, card: Callable[..., None], major: int, precision: str, wrong: bool
) -> None:
    card(major=major)
    config |= {"device": "cuda", "precision": precision}
    found = {one.check: one for one in gpu.devices(config)}
    assert ("precision" in found) == wrong
    if wrong:
        assert found["precision"].status == WARNING
        assert found["precision"].text == (
            "bf16 is slow on A Card, which does not compute in it; set precision to fp32 or fp16"
        )


@pytest.fixture
def workload(config: Any) -> Workload:
    """One layer on either side of width 32, its inner one 64 wide, 100 types; adapters of 8."""
    config["systems"], config["adapter"]["inner_dimension"] = ["adapter", "ink", "knn_kd"], 8
    config["training"]["batch_tokens"], config["ink"]["k"] = 10, 4
    config["datastore"]["batch_tokens"], config["knn_kd"]["batch_tokens"] = 30, 20
    sizes = {"it": (50, 1000), "koran": (25, 500), "general": (100, 2000)}
    text = {name: Text({"train": sentences}, {"train": tokens}) for name, (sentences, tokens) in sizes.items()}
    encoder, decoder = 4 * 32 * 32 + 2 * 32 * 64, 8 * 32 * 32 + 2 * 32 * 64
    return Workload(config, Model(32, layers=2, encoder=encoder, decoder=decoder, embeddings=3200), text)


def test_what_jobs_take_of_the_gpu_by_hand(workload: Workload) -> None:
    model, adapter = 12 * 32 * 32 + 4 * 32 * 64 + 3200, 2 * 32 * (2 * 8 + 4)
    # of either layer 12 and 20 vectors of its width and twice its inner one; the scores four times
    token = 4 * ((12 + 20) * 32 + 2 * 2 * 64 + 4 * 100)
    adapted = token + 4 * 2 * (2 * 8 + 4)
    # all of 1,000 queries are a block: keys in half precision, numbers of 8 lists, what is found for 4 neighbours
    block = 1000 * (2 * 32 + 8 * (16 + 8 * 4)) + 16 * 1000
    found = gpu.job_bytes(workload)
    assert found == {
        "build_datastore": 4 * model + 2 * 4 * 30 * 100,
        "train_knn_kd": 16 * model + 20 * token,
        "train_adapter": 4 * model + 16 * adapter + 10 * adapted,
        "train_ink_round": 4 * model + 16 * adapter + 10 * adapted + block,
    }
    workload.config["precision"] = "bf16"
    # a token's vectors are half as large, its scores as large; a weight that trains has a copy and its gradient more
    token, adapted = token / 2 + 2 * 4 * 100, adapted / 2 + 2 * 4 * 100
    assert gpu.job_bytes(workload) == {
        "build_datastore": 2 * model + 2 * 4 * 30 * 100,
        "train_knn_kd": 20 * model + 20 * token,
        "train_adapter": 2 * model + 20 * adapter + 10 * adapted,
        "train_ink_round": 2 * model + 20 * adapter + 10 * adapted + block,
    }
    workload.config["systems"] = ["off_the_shelf"]
    assert gpu.job_bytes(workload) == {}


@pytest.mark.failure(
    "Config",
    "a GPU too small for the largest job",
    "`ink doctor`: `warning  GPU memory  ... in all; the largest job, train_knn_kd, takes about ...: batches "
    "will be divided ...`",
)
def test_the_largest_job_is_compared_with_the_card(workload: Workload, card: Callable[..., None]) -> None:
    workload.config["device"], workload.config["knn_kd"]["batch_tokens"] = "cuda", 1000
    needed = gpu.job_bytes(workload)
    largest = max(needed, key=lambda job: needed[job])
    card(needed[largest] + gpu.RESERVED)
    (found,) = gpu.memory(workload)
    assert found.status == OK and f"the largest job, {largest}, takes about " in found.text
    card(needed[largest] + gpu.RESERVED - 1)
    (found,) = gpu.memory(workload)
    assert (largest, found.status) == ("train_knn_kd", WARNING)
    assert found.text.endswith(
        ": batches will be divided until they fit, which takes longer; or lower knn_kd.batch_tokens and raise "
        "knn_kd.update_frequency"
    )
    workload.config["systems"] = ["ink"]
    (found,) = gpu.memory(workload)
    assert found.status == OK


def test_time_on_a_gpu_is_that_of_one_job_after_another(
    workload: Workload, card: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(duration, "matrix_product_speed", lambda workload: 1e13)
    monkeypatch.setattr(duration, "cores", lambda: 16)
    monkeypatch.setattr(duration, "seconds_by_job", lambda workload, flops: {"train_adapter": 7200.0})
    workload.config["device"] = "cuda"
    text = duration.duration(workload).text
    assert text == "about 2 hours on one GPU, job after job, from nothing (10,000 GFLOP/s)"


def test_faiss_must_have_the_gpu_that_the_index_is_to_be_on(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    config["index"]["device"] = "cpu"
    assert list(gpu.index_device(config)) == []
    config["index"]["device"] = "cuda:1"
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    (found,) = gpu.index_device(config)
    assert found.status == ERROR and "make environment FAISS=gpu, or set index.device to cpu" in found.text
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    for count, status in ((1, ERROR), (2, OK)):
        monkeypatch.setattr(faiss, "get_num_gpus", lambda count=count: count, raising=False)
        (found,) = gpu.index_device(config)
        assert (found.status, f"FAISS finds {count} GPUs" in found.text) == (status, True)


def test_an_index_on_the_same_gpu_takes_its_memory(workload: Workload, card: Callable[..., None]) -> None:
    model, index = 12 * 32 * 32 + 4 * 32 * 64 + 3200, 1000 * (8 + 8) + 8 * 32 * 4
    workload.config.update({"device": "cuda", "systems": ["v_knn"]})
    workload.config["index"] |= {"type": "ivfpq", "lists": 8, "code_bytes": 8, "device": "cuda:1"}
    assert "evaluate" not in gpu.job_bytes(workload)
    workload.config["index"]["device"] = "cuda:0"
    assert gpu.job_bytes(workload)["evaluate"] == 4 * model + index + 1000 * (4 + 4)
    workload.config["datastore"]["batch_tokens"] = 1
    card(gpu.RESERVED)
    (found,) = gpu.memory(workload)
    assert found.status == WARNING and found.text.endswith(": set index.device to cpu")
