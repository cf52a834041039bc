"""Settings of search strategies: how systems that retrieve search less often, or in less, than at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ink.config import values
from ink.systems.search_methods import METHODS, NAME_PATTERN

Name = Annotated[
    str, Field(title=f"{' or '.join(METHODS)}, or one with _ and more letters and digits", pattern=NAME_PATTERN)
]

# method -> the settings that it needs
NEEDED: Mapping[str, tuple[str, ...]] = {"unsure": ("below",), "cache": ("distance",)}


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


SearchStrategies = dict[Name, SearchStrategy]
