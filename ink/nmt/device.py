"""The device and the precision in which models compute: fp32, or weights and activations in half of it."""

from __future__ import annotations

import torch

from ink.runtime.errors import InkError


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
                "torch's CUDA build and faiss-gpu (docs/installation.md)",
                code="device/no-gpu",
            )
        torch.cuda.set_device(device)
    return device


def device_of(model: torch.nn.Module) -> torch.device:
    """Return the device that a model's weights are on."""
    return next(model.parameters()).device


DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def torch_dtype(precision: str) -> torch.dtype:
    """Return torch's type of what the config calls fp32, fp16 or bf16.

    It is that of a model's weights and activations. Logits are widened before the softmax, keys before distances and
    cosines: log-probabilities, losses, kernels and what is mixed from them are fp32 in every precision.
    """
    if precision not in DTYPES:
        raise InkError(f"precision is {precision!r}; allowed: {', '.join(DTYPES)}", code="config/value-not-allowed")
    return DTYPES[precision]


def dtype_of(model: torch.nn.Module) -> torch.dtype:
    """Return the type of a model's weights."""
    return next(model.parameters()).dtype
