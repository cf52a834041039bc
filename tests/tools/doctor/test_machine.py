"""What the doctor says of cores and GPUs where several processes train together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ink.tools.doctor import gpu, machine
from ink.tools.doctor.finding import ERROR, OK, WARNING


@pytest.mark.parametrize(("wanted", "status"), [(1, OK), (2, OK), (4, ERROR)])
def test_processes_take_a_gpu_each(config: Any, monkeypatch: pytest.MonkeyPatch, wanted: int, status: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    properties = SimpleNamespace(name="a GPU", total_memory=40e9, major=8, minor=0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (39e9, 40e9))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    config["device"] = "cuda"
    config["knn_kd"]["processes"] = wanted
    (found,) = gpu.devices(config)
    assert found.status == status
    if status == ERROR:
        assert "2 GPUs, and 4 processes that train together take one each" in found.text


def test_processes_take_the_threads_of_their_kind_of_job_each(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 8)
    config["threads"] = {"base_model": 3, "datastore": 1, "training": 2, "decoding": 4}
    assert machine.threads(config).status == OK
    assert "up to 4 (threads)" in machine.threads(config).text
    config["knn_kd"]["processes"] = 3
    assert "up to 6 (threads)" in machine.threads(config).text
    config["base_model"]["train"]["processes"] = 3
    assert machine.threads(config).status == WARNING
    assert "up to 9 (threads)" in machine.threads(config).text
