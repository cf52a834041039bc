"""The precision in which models compute: fp32, or weights and activations in half of it."""

from __future__ import annotations

import torch

from ink.errors import InkError

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def torch_dtype(precision: str) -> torch.dtype:
    """Return torch's type of what the config calls fp32, fp16 or bf16.

    It is that of a model's weights and activations. Logits are widened before the softmax, keys before distances and
    cosines: log-probabilities, losses, kernels and what is mixed from them are fp32 in every precision.
    """
    if precision not in DTYPES:
        raise InkError(f"precision is {precision!r}; allowed: {', '.join(DTYPES)}")
    return DTYPES[precision]


def dtype_of(model: torch.nn.Module) -> torch.dtype:
    """Return the type of a model's weights."""
    return next(model.parameters()).dtype
