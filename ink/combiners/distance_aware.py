"""Lambda by the nearest neighbour's distance, as SK-MT has it (Dai et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from ink.combiners.combiner import LOG_ZERO, Combiner, Weights, weights_of
from ink.combiners.features import present_neighbours
from ink.combiners.positions import Positions
from ink.combiners.vanilla import vanilla_log_shares


@dataclass(frozen=True)
class DistanceAwareCombiner(Combiner):
    """p = lambda_t p_kNN + (1 - lambda_t) p_NMT with lambda_t = ReLU(1 - d_1 / T), and V-kNN's p_kNN.

    d_1 is the squared distance of the nearest neighbour: one that is farther than T counts for nothing.
    """

    k: int
    temperature: float

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(settings["k"], settings["temperature"])

    def weights(self, positions: Positions) -> Weights:
        distances = positions.neighbours.distances
        share = torch.relu(1 - distances[..., :1] / self.temperature)
        log_lambda, log_rest = share.log().clamp(min=LOG_ZERO), torch.log1p(-share).clamp(min=LOG_ZERO)
        shares = vanilla_log_shares(distances, self.temperature)
        return weights_of(log_lambda, log_rest, shares, present_neighbours(distances))


COMBINER = DistanceAwareCombiner
