"""A cache of what was found before: a query that is near an earlier one takes its neighbours (Martins et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Self

import torch
from torch import Tensor

from ink.combiners.strategies.strategy import Search, SearchStrategy
from ink.config.sections import search_strategies
from ink.datastore.search import Neighbours
from ink.nmt.batches import SourceBatch


class CachedNeighbours(SearchStrategy):
    """Keeps each query with which the datastore was searched, and what it found, until the next batch begins.

    h_t takes the neighbours of the kept h_j that is nearest where ||h_t - h_j|| <= `distance`, and is searched with
    elsewhere. Their distances stay those to h_j, so that V-kNN's p_kNN is that of h_j. A step looks at what earlier
    steps have kept, not at its own.
    """

    def __init__(self, distance: float) -> None:
        self.distance = distance
        self._queries = torch.empty(0)
        self._found: Neighbours | None = None

    @classmethod
    def from_settings(cls, settings: search_strategies.SearchStrategy) -> Self:
        return cls(settings.distance)

    def begin(self, batch: SourceBatch) -> None:
        self._found = None

    def neighbours(self, queries: Tensor, search: Search) -> Neighbours:
        if self._found is None:
            self._queries, self._found = queries, search(queries)
            return self._found
        nearest = torch.cdist(queries, self._queries).min(dim=-1)
        kept = _by_row(lambda parts: parts[0][nearest.indices], [self._found])
        new = (nearest.values > self.distance).nonzero().squeeze(-1)
        if not len(new):
            return kept
        found = search(queries[new])
        self._queries = torch.cat([self._queries, queries[new]])
        self._found = _by_row(torch.cat, [self._found, found])
        return _by_row(lambda parts: parts[0].index_copy(0, new, parts[1]), [kept, found])


def _by_row(function: Callable[[list[Tensor]], Tensor], neighbours: Sequence[Neighbours]) -> Neighbours:
    """Apply `function` to what the neighbours have in the same field; what they lack stays absent."""
    joined: dict[str, Any] = {}
    for field in fields(Neighbours):
        parts = [getattr(one, field.name) for one in neighbours]
        joined[field.name] = None if parts[0] is None else function(parts)
    return Neighbours(**joined)
