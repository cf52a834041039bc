"""A combiner with the datastore that it searches: what beam search calls at every step of a system that retrieves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.combiners.strategies.strategy import SearchStrategy
from ink.datastore.search import Neighbours, Searcher
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

    def __post_init__(self) -> None:
        """Tell the strategy what is searched; InkError where it cannot be by it."""
        if self.strategy is not None:
            self.strategy.search_in(self.searcher.datastore, self.combiner)

    @property
    def key(self) -> str:
        """The kind of keys in the datastore, of which queries have to be."""
        return self.searcher.datastore.meta.key

    @property
    def counts(self) -> dict[str, int]:
        """Positions of beam search and with how many of them it searched, where a strategy decides which; else none."""
        return {} if self.strategy is None else {"positions": self.positions, "searched": self.searched}

    def begin(self, batch: SourceBatch) -> None:
        """Tell the strategy which batch is searched next."""
        if self.strategy is not None:
            self.strategy.begin(batch)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Map the model's log_probs (n, vocabulary) at queries (n, dimension) to the mixture's."""
        self.positions += len(queries)
        wide = queries.float()
        if self.strategy is None:
            return self.combiner(self._search(wide), wide, log_probs)
        searching = self.strategy.positions(log_probs).nonzero().squeeze(-1)
        if not len(searching):
            return log_probs
        selected, own_log_probs = wide[searching], log_probs[searching]
        mixed = self.combiner(self.strategy.neighbours(selected, self._search), selected, own_log_probs)
        return log_probs.index_copy(0, searching, mixed)

    def _search(self, queries: Tensor) -> Neighbours:
        self.searched += len(queries)
        return self.combiner.search(self.searcher, queries)
