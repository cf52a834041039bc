"""What trained combiners look at: complete distances, and counts of distinct values."""

from __future__ import annotations

import torch
from torch import Tensor


def present_neighbours(distances: Tensor) -> Tensor:
    """Tell where there is a neighbour, (..., k): where the index returned fewer than k, distances are infinite."""
    return distances.isfinite()


def with_farthest_repeated(features: Tensor, present: Tensor) -> Tensor:
    """Return `features` (..., k) with those of the farthest neighbour in place of absent ones.

    A network sees k numbers whatever was found, none of them infinite. Absent neighbours stand last. Where there is no
    neighbour at all the features are 0.
    """
    last = present.sum(-1, keepdim=True) - 1
    places = torch.arange(features.shape[-1], device=features.device).expand_as(features)
    repeated = features.gather(-1, torch.minimum(places, last.clamp(min=0)))
    return repeated.masked_fill(last < 0, 0.0)


def first_occurrences(values: Tensor, present: Tensor) -> Tensor:
    """Tell which neighbours are the nearest with their value, (..., k)."""
    same = (values.unsqueeze(-1) == values.unsqueeze(-2)) & present.unsqueeze(-2)
    return present & ~same.tril(diagonal=-1).any(-1)


def distinct_counts(values: Tensor, present: Tensor) -> Tensor:
    """Return n_i, the number of distinct values among the first i neighbours, (..., k) int64; token 0 is a value."""
    return first_occurrences(values, present).long().cumsum(-1)
