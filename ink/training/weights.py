"""A whole model's weights, an epoch's each, in files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ink.files import write_atomically


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write a model's weights."""
    with write_atomically(path) as temporary:
        torch.save({name: tensor.detach().cpu() for name, tensor in weights.items()}, temporary)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what `save_weights` has written, to the CPU."""
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
