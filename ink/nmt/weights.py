"""Weights: a hash that tells two models apart, whatever file they came in, and the refusal of what is not finite."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from ink.runtime.errors import InkError


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """Return 16 hexadecimal digits that stand for names, shapes, types and values of `weights`."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()[:16]


def check_finite(weights: Mapping[str, Tensor], owner: str, remedy: str) -> None:
    """Raise InkError where a weight is NaN or infinite; `owner` says whose they are, `remedy` what to do."""
    broken = {
        name: int(tensor.numel() - tensor.isfinite().sum())
        for name, tensor in weights.items()
        if tensor.is_floating_point() and not tensor.isfinite().all()
    }
    if broken:
        first, count = next(iter(broken.items()))
        more = f", and others of {len(broken) - 1} more tensors" if len(broken) > 1 else ""
        raise InkError(
            f"{owner}: {count} of the numbers in {first} are NaN or infinite{more}; {remedy}", code="model/not-finite"
        )
