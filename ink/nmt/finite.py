"""Weights that are numbers: what is not is refused when it is loaded, not when its translations come out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ink.errors import InkError


def check_finite(weights: Mapping[str, Tensor], what: str, remedy: str) -> None:
    """Raise InkError where a weight is NaN or infinite; `what` says whose they are, `remedy` what to do."""
    broken = {
        name: int(tensor.numel() - tensor.isfinite().sum())
        for name, tensor in weights.items()
        if tensor.is_floating_point() and not tensor.isfinite().all()
    }
    if broken:
        first, count = next(iter(broken.items()))
        others = f", and others of {len(broken) - 1} more tensors" if len(broken) > 1 else ""
        raise InkError(f"{what}: {count} of the numbers in {first} are NaN or infinite{others}; {remedy}")
