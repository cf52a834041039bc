"""A device that is not there is refused: nothing runs on the CPU unasked."""

from __future__ import annotations

import pytest
import torch

from ink.errors import InkError
from ink.nmt.device import device_of, to_device, torch_device


def test_the_cpu_is_always_there() -> None:
    assert torch_device("cpu") == torch.device("cpu")
    assert device_of(torch.nn.Linear(1, 1)).type == "cpu"
    sample = {"id": torch.zeros(1)}
    assert to_device(sample, torch.device("cpu")) is sample


def test_a_gpu_that_is_not_there_is_refused_by_name() -> None:
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(InkError, match=f"{missing}.*set device to cpu"):
        torch_device(missing)
