"""A-kNN (Zheng et al. 2021): a small network chooses how many neighbours to trust, and how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from ink.combiners.combiner import LOG_ZERO, Combiner, Weights, log_shares
from ink.combiners.features import distinct_counts, present_neighbours, with_farthest_repeated
from ink.combiners.positions import Positions
from ink.runtime.errors import InkError


def input_layer(k: int, hidden: int) -> nn.Linear:
    """Make the layer over [d_1 .. d_k, n_1 .. n_k]: Xavier-normal, gain 0.01 for the distances, 0.1 for the counts."""
    layer = nn.Linear(2 * k, hidden)
    nn.init.xavier_normal_(layer.weight[:, :k], gain=0.01)
    nn.init.xavier_normal_(layer.weight[:, k:], gain=0.1)
    return layer


class AdaptiveCombiner(Combiner):
    """p = w_0 p_NMT + sum over r in {1, 2, 4, .., K} of w_r p_r, p_r being p_kNN of the first r neighbours.

    w is a softmax over 2 + log2 K numbers. A network gives them from the distances and, for each i, the number of
    distinct values among the first i neighbours. Neighbours beyond r are left out of p_r by a mask. The released code
    multiplies their distances by 1000, which leaves them in where distances are 0. It does not count token 0.
    """

    def __init__(self, k: int, temperature: float, hidden: int, dropout: float) -> None:
        if k < 1 or k & (k - 1):
            raise InkError(f"A-kNN's max_k is {k}; allowed: a power of 2", code="config/value-not-allowed")
        self.k = k
        self.temperature = temperature
        self.network: nn.Sequential = nn.Sequential(
            input_layer(k, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, 1 + k.bit_length())
        )

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(settings["max_k"], settings["temperature"], settings["hidden"], settings["dropout"])

    def weights(self, positions: Positions) -> Weights:
        neighbours = positions.neighbours
        present = present_neighbours(neighbours.distances)
        distances = with_farthest_repeated(neighbours.distances, present)
        counts = distinct_counts(neighbours.values, present).to(distances.dtype)
        choice = torch.log_softmax(self.network(torch.cat([distances, counts], dim=-1)), dim=-1)
        within = _within_first_r(self.k, distances.device) & present.unsqueeze(-2)
        # (..., r, k): log p_r's shares
        shares = log_shares((-distances / self.temperature).unsqueeze(-2).expand(within.shape), within)
        added = torch.logsumexp(choice[..., 1:].unsqueeze(-1) + shares, dim=-2)
        any_present = present.any(-1, keepdim=True)
        return Weights(added.masked_fill(~present, LOG_ZERO), choice[..., :1].masked_fill(~any_present, 0.0))


def _within_first_r(k: int, device: torch.device) -> Tensor:
    """Tell which of k neighbours are among the first r, for r = 1, 2, 4, .., k: (1 + log2 k, k)."""
    counts = 2 ** torch.arange(k.bit_length(), device=device)
    return torch.arange(k, device=device) < counts.unsqueeze(-1)


COMBINER = AdaptiveCombiner
