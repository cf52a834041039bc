"""What every search strategy decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from torch import Tensor

from ink.config.sections import search_strategies


class SearchStrategy(ABC):
    """Decides at which positions a step asks for neighbours; elsewhere p = p_NMT."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: search_strategies.SearchStrategy) -> Self:
        """Make one from its entry of the config, which has what the method needs."""

    @abstractmethod
    def asks(self, log_probs: Tensor) -> Tensor:
        """Tell at which positions neighbours are asked for, (n,), from the model's log_probs (n, vocabulary)."""
