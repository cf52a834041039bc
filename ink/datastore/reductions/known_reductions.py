"""Reductions by the name of their method."""

from __future__ import annotations

from collections.abc import Mapping

from ink.datastore.reductions.compact_network import CompactNetwork
from ink.datastore.reductions.greedy_merging import GreedyMerging
from ink.datastore.reductions.pca import Pca
from ink.datastore.reductions.plac import Plac
from ink.datastore.reductions.random_pruning import RandomPruning
from ink.datastore.reductions.reduction import Reduction

METHODS: Mapping[str, type[Reduction]] = {
    "random": RandomPruning,
    "plac": Plac,
    "greedy_merging": GreedyMerging,
    "pca": Pca,
    "compact_network": CompactNetwork,
}
