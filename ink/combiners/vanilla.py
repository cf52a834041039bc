"""V-kNN (Khandelwal et al. 2021): fixed lambda and temperature."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ink.combiners.combiner import mixture
from ink.datastore.search import Neighbours


def vanilla_weights(distances: Tensor, temperature: float) -> Tensor:
    """Return each neighbour's share of p_kNN, exp(-d_i / T) normalised: (..., k).

    distances: (..., k) squared L2, infinite where there is no neighbour. Where a position has none at all its weights
    are zero.
    """
    return torch.nan_to_num(torch.softmax(-distances / temperature, dim=-1), nan=0.0)


@dataclass(frozen=True)
class VanillaCombiner:
    """p = lambda p_kNN + (1 - lambda) p_NMT, with p_kNN(y) proportional to the sum of exp(-d_i / T) over v_i = y."""

    k: int
    interpolation: float
    temperature: float

    def __call__(self, neighbours: Neighbours, log_probs: Tensor) -> Tensor:
        weights = vanilla_weights(neighbours.distances, self.temperature)
        # a position without any neighbour stays with the model
        share = self.interpolation * weights.sum(-1, keepdim=True).round()
        return mixture(log_probs, weights.to(log_probs.dtype), neighbours.values, share)
