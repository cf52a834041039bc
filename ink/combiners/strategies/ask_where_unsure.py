"""Asking only where the model is unsure: a search where its best token is improbable, and none elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from ink.combiners.strategies.strategy import SearchStrategy
from ink.config.sections import search_strategies


@dataclass(frozen=True)
class AskWhereUnsure(SearchStrategy):
    """Asks where max over y of p_NMT(y | h_t) < `below`, a probability; elsewhere p = p_NMT.

    The threshold is set, not fitted. What He et al. (2021, "Efficient Nearest Neighbor Language Models") and Martins et
    al. (2022) threshold is the lambda that a network predicts; this needs no network.
    """

    below: float

    @classmethod
    def from_settings(cls, settings: search_strategies.SearchStrategy) -> Self:
        return cls(settings.below)

    def positions(self, log_probs: Tensor) -> Tensor:
        return log_probs.amax(dim=-1) < math.log(self.below)
