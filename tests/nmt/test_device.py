"""A device that is not there is refused: nothing runs on the CPU unasked."""

from __future__ import annotations

import pytest
import torch

from ink.nmt.batches import SourceBatch
from ink.nmt.device import device_of, torch_device
from ink.runtime.errors import InkError


def test_the_cpu_is_always_there() -> None:
    assert torch_device("cpu") == torch.device("cpu")
    assert device_of(torch.nn.Linear(1, 1)).type == "cpu"
    batch = SourceBatch(torch.zeros(1), torch.zeros(1, 2), torch.ones(1))
    assert batch.to(torch.device("cpu")) is batch
    assert {tensor.device.type for tensor in vars(batch.to(torch.device("meta"))).values()} == {"meta"}


def test_a_gpu_that_is_not_there_is_refused_by_name() -> None:
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(InkError, match=f"{missing}.*set device to cpu"):
        torch_device(missing)
