"""V-kNN (Khandelwal et al. 2021): fixed lambda and temperature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ink.combiners.combiner import LOG_ZERO, Combiner, Weights, log_shares, weights_of
from ink.combiners.features import present_neighbours
from ink.combiners.positions import Positions
from ink.runtime.errors import InkError


def vanilla_log_shares(distances: Tensor, temperature: float) -> Tensor:
    """Return the log of each neighbour's share of p_kNN, exp(-d_i / T) normalised: (..., k).

    distances: (..., k) squared L2, infinite where there is no neighbour: LOG_ZERO there.
    """
    present = present_neighbours(distances)
    return log_shares(-distances.masked_fill(~present, 0.0) / temperature, present)


@dataclass(frozen=True)
class VanillaCombiner(Combiner):
    """p = lambda p_kNN + (1 - lambda) p_NMT, with p_kNN(y) proportional to the sum of exp(-d_i / T) over v_i = y."""

    k: int
    interpolation: float
    temperature: float

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        for name in ("k", "lambda", "temperature"):
            value = settings[name]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InkError(f"{name} should be a number, found {value!r}; tune it again", code="combiner/damaged")
        return cls(settings["k"], settings["lambda"], settings["temperature"])

    def weights(self, positions: Positions) -> Weights:
        distances = positions.neighbours.distances
        shares = vanilla_log_shares(distances, self.temperature)
        share = torch.full_like(shares[..., :1], self.interpolation)
        log_lambda = share.log().clamp(min=LOG_ZERO)
        log_rest = torch.log1p(-share).clamp(min=LOG_ZERO)
        return weights_of(log_lambda, log_rest, shares, present_neighbours(distances))


COMBINER = VanillaCombiner
