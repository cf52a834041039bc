"""Kernel-smoothed kNN-MT (Jiang et al. 2021): bandwidth and lambda come from h_t and the neighbours' keys.

Qingnan Jiang, Mingxuan Wang, Jun Cao, Shanbo Cheng, Shujian Huang, Lei Li: "Learning Kernel-Smoothed Machine
Translation with Retrieved Examples", EMNLP 2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ink.combiners.combiner import Combiner, Weights, log_shares, weights_of
from ink.combiners.features import present_neighbours
from ink.combiners.positions import LabelledPositions, Positions, TrainingContext
from ink.runtime.errors import InkError

# The bandwidth that training starts near, by kernel, as in the authors' code.
FIRST_BANDWIDTH = {"gaussian": 100.0, "laplacian": 10.0}
# Of log sigma: farther out shares hardly change any more, and d / sigma could overflow.
LARGEST_LOG_BANDWIDTH = 20.0


class KernelNetwork(nn.Module):
    """The layers behind log sigma, W1 [h_t; mean key] + b1, and behind lambda, W2 relu(W3 [h_t; h~] + b3) + b2."""

    def __init__(self, dimension: int, first_bandwidth: float) -> None:
        super().__init__()
        self.bandwidth = nn.Linear(2 * dimension, 1)
        nn.init.constant_(self.bandwidth.bias, math.log(first_bandwidth))
        self.mixing = nn.Sequential(nn.Linear(2 * dimension, dimension), nn.ReLU(), nn.Linear(dimension, 1))


class KernelSmoothedCombiner(Combiner):
    """p = lambda p_kNN + (1 - lambda) p_NMT, with p_kNN(y) proportional to the sum of K(h_t, h_i; sigma) over v_i = y.

    - K = exp(-d_i / sigma) (gaussian) or exp(-sqrt(d_i) / sigma) (laplacian), d_i squared L2
    - sigma = exp(W1 [h_t; mean of the h_i] + b1)
    - lambda = sigmoid(W2 relu(W3 [h_t; h~] + b3) + b2), h~ the mean of the h_i weighted by their shares of p_kNN

    The paper trains on the text that the datastore is made of. It drops the nearest of k + 1 neighbours there, so that
    the combiner does not overfit. Here it is trained on dev, as every combiner is, and `retrieval_dropout` is the
    probability of that drop, drawn for each position; the paper's is 1. What the equations leave open follows the
    authors' code: W3 gives as many numbers as a key has, and sigma starts near 100 (gaussian) or 10 (laplacian). Where
    the index finds fewer than k, both means are over those found.
    """

    needs_keys = True
    needs_dimension = True
    spare_neighbours = 1

    def __init__(self, k: int, dimension: int, kernel: str, retrieval_dropout: float) -> None:
        if kernel not in FIRST_BANDWIDTH:
            raise InkError(
                f"kernel is {kernel!r}; allowed: {', '.join(FIRST_BANDWIDTH)}", code="config/value-not-allowed"
            )
        if not 0 <= retrieval_dropout <= 1:
            raise InkError(
                f"retrieval_dropout is {retrieval_dropout}; allowed: a probability, from 0 to 1",
                code="config/value-not-allowed",
            )
        self.k = k
        self.kernel = kernel
        self.retrieval_dropout = retrieval_dropout
        self.network: KernelNetwork = KernelNetwork(dimension, FIRST_BANDWIDTH[kernel])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(settings["k"], settings["dimension"], settings["kernel"], settings["retrieval_dropout"])

    def training_batch(self, batch: LabelledPositions, update: int, context: TrainingContext) -> LabelledPositions:
        drawn = torch.rand(len(batch), generator=context.generator, device=context.generator.device)
        nearest = (drawn < self.retrieval_dropout).long().to(batch.targets.device)
        return batch.select(nearest.unsqueeze(-1) + torch.arange(self.k, device=nearest.device))

    def weights(self, positions: Positions) -> Weights:
        keys, queries, distances = positions.neighbours.keys, positions.queries, positions.neighbours.distances
        if keys is None:
            raise ValueError("kernel-smoothed kNN-MT was given neighbours without their keys")
        present = present_neighbours(distances)
        log_bandwidth = self.network.bandwidth(torch.cat([queries, _mean(keys, present)], dim=-1))
        log_bandwidth = log_bandwidth.clamp(-LARGEST_LOG_BANDWIDTH, LARGEST_LOG_BANDWIDTH)
        apart = distances.masked_fill(~present, 0.0)
        if self.kernel == "laplacian":
            apart = apart.sqrt()
        shares = log_shares(-apart * (-log_bandwidth).exp(), present)
        smoothed = _weighted_sum(keys, shares.exp())
        mixing = self.network.mixing(torch.cat([queries, smoothed], dim=-1))
        return weights_of(functional.logsigmoid(mixing), functional.logsigmoid(-mixing), shares, present)


def _mean(keys: Tensor, present: Tensor) -> Tensor:
    """Return the mean of the keys (..., k, dimension) that are present (..., k); 0 where none is."""
    return _weighted_sum(keys, present.to(keys.dtype)) / present.sum(-1, keepdim=True).clamp(min=1)


def _weighted_sum(keys: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of keys (..., k, dimension) times weights (..., k): (..., dimension)."""
    return (weights.unsqueeze(-2) @ keys).squeeze(-2)


COMBINER = KernelSmoothedCombiner
