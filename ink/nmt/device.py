"""The device that the config names."""

from __future__ import annotations

import torch

from ink.errors import InkError


def torch_device(name: str) -> torch.device:
    """Return the device called `name` (cpu, cuda, cuda:1) and make it the one that is worked on.

    Raises InkError where torch has no such device: nothing falls back to the CPU unasked.
    """
    device = torch.device(name)
    if device.type == "cuda":
        found = torch.cuda.device_count()
        if (device.index or 0) >= found:
            raise InkError(
                f"device is {name}, but torch finds {found} GPUs here; set device to cpu, or install "
                "torch's CUDA build and faiss-gpu (README, GPU machines)"
            )
        torch.cuda.set_device(device)
    return device


def device_of(model: torch.nn.Module) -> torch.device:
    """Return the device that a model's weights are on."""
    return next(model.parameters()).device
