"""A combiner with the datastore that it searches: what beam search calls at every step of a system that retrieves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.datastore.search import Searcher


@dataclass
class KnnMixture:
    """Searches the datastore with queries and mixes p_kNN into the model's distribution."""

    searcher: Searcher
    combiner: Combiner

    @property
    def key(self) -> str:
        """The kind of keys in the datastore, of which queries have to be."""
        return self.searcher.datastore.meta.key

    def __call__(self, queries: Tensor, log_probs: Tensor) -> Tensor:
        """Map the model's log_probs (n, vocabulary) at queries (n, dimension) to the mixture's."""
        wide = queries.float()
        return self.combiner(self.combiner.search(self.searcher, wide), wide, log_probs)
