"""Search strategies by the name of their method."""

from __future__ import annotations

from collections.abc import Mapping

from ink.combiners.strategies.ask_where_unsure import AskWhereUnsure
from ink.combiners.strategies.cached_neighbours import CachedNeighbours
from ink.combiners.strategies.chunks_of_neighbours import ChunksOfNeighbours
from ink.combiners.strategies.strategy import SearchStrategy
from ink.config.sections import search_strategies
from ink.systems.search_methods import search_method

# but for source tokens, which make a mixture of their own
STRATEGIES: Mapping[str, type[SearchStrategy]] = {
    "unsure": AskWhereUnsure,
    "cache": CachedNeighbours,
    "chunks": ChunksOfNeighbours,
}


def make_strategy(name: str, settings: search_strategies.SearchStrategy) -> SearchStrategy:
    """Make the strategy of this name, which says its method."""
    return kind_of_strategy(name).from_settings(settings)


def kind_of_strategy(name: str) -> type[SearchStrategy]:
    """Return the class of the strategy of this name."""
    return STRATEGIES[str(search_method(name))]
