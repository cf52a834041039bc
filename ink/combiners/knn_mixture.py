"""A combiner with the datastore that it searches: what beam search calls at every step of a system that retrieves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.combiners.strategies.strategy import SearchStrategy
from ink.datastore.search import Searcher
from ink.nmt.batches import SourceBatch


@dataclass
class KnnMixture:
    """Searches the datastore with queries and mixes p_kNN into the model's distribution.

    `strategy`: at which steps it does so; at all of them without one. `positions` counts those that beam search has
    asked about, and `searched` those of them with which the datastore was searched.
    """

    searcher: Searcher
    combiner: Combiner
    strategy: SearchStrategy | None = None
    positions: int = 0
    searched: int = 0

    @property
    def key(self) -> str:
        """The kind of keys in the datastore, of which queries have to be."""
        return self.searcher.datastore.meta.key

    def begin(self, batch: SourceBatch) -> None:
        """Nothing depends on which batch it is."""

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Map the model's log_probs (n, vocabulary) at queries (n, dimension) to the mixture's."""
        self.positions += len(queries)
        if self.strategy is None:
            return self._mixed(queries, log_probs)
        asking = self.strategy.asks(log_probs).nonzero().squeeze(-1)
        if not len(asking):
            return log_probs
        return log_probs.index_copy(0, asking, self._mixed(queries[asking], log_probs[asking]))

    def _mixed(self, queries: Tensor, log_probs: Tensor) -> Tensor:
        wide = queries.float()
        self.searched += len(wide)
        return self.combiner(self.combiner.search(self.searcher, wide), wide, log_probs)
