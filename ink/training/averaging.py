"""Averaging checkpoints, weight by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def average(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several models' weights, summed in float64, in the type of the first.

    Tensors that are not floating point (counts, versions) are taken from the last model.
    """
    if not weights:
        raise ValueError("nothing to average")
    averaged = {}
    for name, first in weights[0].items():
        if first.is_floating_point():
            total = torch.stack([model[name].double() for model in weights]).sum(0)
            averaged[name] = (total / len(weights)).to(first.dtype)
        else:
            averaged[name] = weights[-1][name].clone()
    return averaged
