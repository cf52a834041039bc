"""Chunk-based kNN-MT (Martins et al. 2022): a search at some steps, and between them the chunks that it has found."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.combiners.strategies.strategy import Search, SearchStrategy
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections import search_strategies
from ink.datastore.search import Neighbours, exact_distances, gather_keys, sorted_by_distance
from ink.datastore.storage import Datastore
from ink.nmt.batches import SourceBatch
from ink.runtime.errors import InkError


class ChunksOfNeighbours(SearchStrategy):
    """Searches the datastore at steps further and further apart, and looks at the others among the chunks found.

    The chunk of entry i is the entries i, i + 1, .., i + chunk_tokens - 1, as far as its training sentence goes. A
    cache takes in the chunks of all neighbours that the searches of a batch find, each entry once. At the steps without
    a search h_t gets the k entries of the cache with the smallest ||h_t - h_i||^2, computed from the stored keys.

    Steps count from 0, where the first search is. After one at step t the next is at t + min(longest, floor(shortest *
    2^(longest t / (2 |x|)))), |x| being the tokens of the batch's longest source.

    The cache is the batch's, whatever sentence or hypothesis found an entry: reordering the beam leaves it as it is.
    """

    reads = ("keys", "offsets")

    def __init__(self, chunk_tokens: int, shortest: int, longest: int) -> None:
        self.chunk_tokens, self.shortest, self.longest = chunk_tokens, shortest, longest

    @classmethod
    def from_settings(cls, settings: search_strategies.SearchStrategy) -> Self:
        return cls(settings.chunk_tokens, settings.shortest_interval, settings.longest_interval)

    def search_in(self, datastore: Datastore, combiner: Combiner) -> None:
        if datastore.meta.reduced is not None:
            raise InkError(
                f"{datastore.path} is a reduced datastore, whose entries need not follow one another as in the "
                "text, and so has no chunks; take the whole one",
                code="config/impossible-combination",
            )
        if not isinstance(combiner, VanillaCombiner):
            raise InkError(
                f"the combiner {type(combiner).__name__} cannot search by chunks, which are for V-kNN's alone; take "
                "another search strategy",
                code="config/impossible-combination",
            )
        self._k, self._dimension = combiner.k, datastore.meta.dimension
        self._stored_keys, self._stored_values = datastore.keys, np.asarray(datastore.values)
        self._offsets = np.asarray(datastore.offsets)
        self._places = np.arange(min(self.chunk_tokens, np.diff(self._offsets).max()))

    def begin(self, batch: SourceBatch) -> None:
        self._source_tokens = batch.source.shape[1]
        self._step = self._next_search = 0
        # of the cache's entries: numbers (cached,), values (cached,) and keys (cached, dimension); k absent ones go
        # first, since searches may find fewer than k
        self._ids = torch.full((self._k,), -1, device=batch.source.device)
        self._values = torch.zeros_like(self._ids)
        self._keys = torch.zeros(self._k, self._dimension, device=batch.source.device)

    def neighbours(self, queries: Tensor, search: Search) -> Neighbours:
        step, self._step = self._step, self._step + 1
        if step < self._next_search:
            return self._nearest_cached(queries)
        self._next_search = step + self.interval(step, self._source_tokens)
        found = search(queries)
        self._keep_chunks(found.ids)
        return found

    def interval(self, step: int, source_tokens: int) -> int:
        """Return how many steps after a search at `step` the next one is, for a source of so many tokens."""
        doublings = self.longest * step / (2 * source_tokens)
        # a power of too many doublings is no float
        if doublings >= math.log2(self.longest / self.shortest):
            return self.longest
        return int(self.shortest * 2**doublings)

    def _keep_chunks(self, ids: Tensor) -> None:
        """Put the chunks of the entries `ids` (n, k) into the cache."""
        first = np.unique(ids.cpu().numpy())
        first = first[first >= 0]
        ends = self._offsets[np.searchsorted(self._offsets, first, side="right")]
        chunks = first[:, None] + self._places
        new = np.setdiff1d(chunks[chunks < ends[:, None]], self._ids.cpu().numpy())
        numbers = torch.from_numpy(new).to(ids.device)
        values = torch.from_numpy(self._stored_values[new]).long().to(ids.device)
        self._ids, self._values = torch.cat([self._ids, numbers]), torch.cat([self._values, values])
        self._keys = torch.cat([self._keys, gather_keys(self._stored_keys, numbers)])

    def _nearest_cached(self, queries: Tensor) -> Neighbours:
        """Return the k nearest entries of the cache, nearest first."""
        apart = torch.cdist(queries, self._keys).masked_fill(self._ids < 0, torch.inf)
        ranks = apart.topk(self._k, largest=False).indices
        ids, keys = self._ids[ranks], self._keys[ranks]
        return sorted_by_distance(Neighbours(exact_distances(queries, keys, ids >= 0), self._values[ranks], ids))
