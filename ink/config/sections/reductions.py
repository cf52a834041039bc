"""Settings of reductions: how a datastore is made small between building and searching it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from ink.config import values

Method = Literal["random", "plac", "greedy_merging", "pca", "compact_network"]
Name = Annotated[str, Field(title="a name of small letters, digits and _", pattern="^[a-z][a-z0-9_]*$")]

# method -> the settings that it needs, where several stand together one of them, and those that it may have
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "random": (("keep", "as_many_as"),),
    "plac": (("k",),),
    "greedy_merging": (("k",),),
    "pca": (("dimension",),),
    "compact_network": (("dimension",),),
}
POSSIBLE: Mapping[str, tuple[str, ...]] = {
    "random": ("of", "lists", "seed"),
    "plac": ("keep", "lists", "seed"),
    "greedy_merging": ("lists", "seed"),
    "pca": ("of", "lists", "code_bytes"),
    "compact_network": ("of", "lists", "code_bytes", "updates", "seed"),
}
# methods after which keys are no longer the model's own, and have fewer dimensions
PROJECTING = ("pca", "compact_network")


class Reduction(values.Section):
    """A way of making the base model's datastores small. The system SYSTEM+REDUCTION, such as v_knn+random_half, is
    SYSTEM on a datastore that is reduced so, its combiner chosen or trained there: a row of Table 2 below a rule. See
    docs/methods.md.
    """

    method: Method
    """random: entries drawn at random stay; plac: entries that the model itself knows, and whose neighbours it knows,
    go (Zhu et al. 2023); greedy_merging: neighbours of the same value become one that counts as often (He et al. 2021);
    pca: keys and queries are projected on the keys' first principal components (He et al. 2021); compact_network: they
    pass a small network, trained to keep clusters of one token's keys apart (Wang et al. 2022)."""
    keep: Annotated[float, Field(gt=0, lt=1), values.AS_WRITTEN] = values.optional()
    """random: the share of the entries that stays. plac: the share that stays at the least; more does where the model
    knows less. Without it all that plac may drop goes."""
    as_many_as: Name = values.optional()
    """random, in place of keep: another reduction, of which as many entries stay as of this one's, domain by domain:
    its control."""
    k: values.Neighbours = values.optional()
    """Neighbours of an entry. plac: k_p, all of which the model has to know; greedy_merging: those that are looked at.
    """
    dimension: values.Dimensions = values.optional()
    """pca, compact_network: dimensions that keys have afterwards, fewer than before (Wang et al.: 64)."""
    code_bytes: Annotated[values.Count, values.Keyword("unit", "bytes")] = values.optional()
    """pca, compact_network: bytes of a quantised key of the reduced datastore's index; without it index.code_bytes.
    They divide dimension."""
    lists: values.Count = values.optional()
    """Inverted lists of the reduced datastore's index; without it index.lists. Of few entries the lists' centroids are
    most of the index."""
    of: Name = values.optional()
    """random, pca, compact_network: another reduction whose datastore this one reduces further, in place of the whole.
    Its keys have to be the model's own: it is neither pca nor compact_network."""
    updates: Annotated[values.Count, values.Keyword("unit", "updates")] = values.optional()
    """compact_network: updates of its training. Without it 1000."""
    seed: values.Seed = values.optional()
    """random, plac: of the draw; greedy_merging: of the order in which entries are merged; compact_network: of its
    training. Without it 1."""


def origins(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the reductions that have to be made before this one, by the setting that names them."""
    return {name: settings[name] for name in ("of", "as_many_as") if settings.get(name) is not None}


Reductions = dict[Name, Reduction]
