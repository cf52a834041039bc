"""Settings of search strategies: how systems that retrieve search less often, or in less, than at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ink.config import values
from ink.systems.search_methods import METHODS, NAME_PATTERN, SOURCE_TOKENS

Name = Annotated[
    str, Field(title=f"{' or '.join(METHODS)}, or one with _ and more letters and digits", pattern=NAME_PATTERN)
]

Steps = Annotated[values.Count, values.Keyword("unit", "steps of beam search")]

# method -> the settings that it needs
NEEDED: Mapping[str, tuple[str, ...]] = {
    "unsure": ("below",),
    "cache": ("distance",),
    "chunks": ("chunk_tokens", "shortest_interval", "longest_interval"),
    SOURCE_TOKENS: ("occurrences",),
}


class SearchStrategy(values.Section):
    """A way of searching less while decoding, whose name begins with its method's. The system SYSTEM+NAME, such as
    v_knn+unsure, is SYSTEM, with the same datastore and the same combiner, that searches so: a row of Table 2 below a
    rule. See docs/methods.md.
    """

    below: Annotated[float, Field(gt=0, le=1), values.AS_WRITTEN] = values.optional()
    """unsure: neighbours are sought only where the model's most probable token has a probability below this."""

    distance: values.Positive = values.optional()
    """cache: a query takes the neighbours of an earlier one of its batch, where the two are at most this far apart, not
    squared (released: 6, of the paper's keys); the datastore is searched elsewhere (Martins et al. 2022)."""

    chunk_tokens: values.Tokens = values.optional()
    """chunks: tokens of a chunk, which is an entry of the datastore and those that follow it in its training sentence
    (Martins et al., EMNLP 2022)."""

    shortest_interval: Steps = values.optional()
    """chunks: the datastore is searched at the first step and so many later, and then at intervals that grow (released:
    2). At the other steps neighbours are sought among the tokens of the chunks that were found."""

    longest_interval: Steps = values.optional()
    """chunks: the most steps from one search to the next (released: 8); the larger, the faster intervals grow. Where it
    equals shortest_interval they are all the same."""

    occurrences: values.Occurrences = values.optional()
    """source_tokens: a source token points at so many of its occurrences in the training text, the nearest ones. What
    is aligned with these is searched, and no other entry (released: 512; Meng et al. 2022)."""


SearchStrategies = dict[Name, SearchStrategy]
