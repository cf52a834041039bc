"""What every search strategy decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self, TypeAlias

import torch
from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.config.sections import search_strategies
from ink.datastore.search import Neighbours
from ink.datastore.storage import Datastore
from ink.nmt.batches import SourceBatch

# maps queries (n, dimension) to their neighbours in the datastore
Search: TypeAlias = Callable[[Tensor], Neighbours]


class SearchStrategy(ABC):
    """Decides at which positions a step needs neighbours, elsewhere p = p_NMT; and how these are found.

    `reads`: the files of the datastore, without their ending, that it reads beside what every search does.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: search_strategies.SearchStrategy) -> Self:
        """Make one from its entry of the config, which has what the method needs."""

    def search_in(self, datastore: Datastore, combiner: Combiner) -> None:
        """Learn what is searched, and for which combiner; InkError where it cannot be by this strategy."""
        return

    def begin(self, batch: SourceBatch) -> None:
        """Learn which batch is searched next."""
        return

    def positions(self, log_probs: Tensor) -> Tensor:
        """Return at which positions neighbours are needed, a mask (n,), from the model's log_probs (n, vocabulary)."""
        return torch.ones(len(log_probs), dtype=torch.bool, device=log_probs.device)

    def neighbours(self, queries: Tensor, search: Search) -> Neighbours:
        """Return the neighbours (n, k) of `queries` (n, dimension), those of which `search` is asked for among them."""
        return search(queries)
