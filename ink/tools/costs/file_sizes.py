"""Estimated sizes of what jobs write: text, datastores with their indexes, stored neighbours, rounds of INK."""

from __future__ import annotations

from ink.config import Config, for_domain
from ink.tools.costs.text_amounts import Text
from ink.tools.costs.workload import DomainWorkload, Workload

# of a token and the blank behind it: in raw text, as subwords, whose marks make it a third longer, and binarised
RAW_BYTES, SUBWORD_BYTES, BINARISED_BYTES = 4.0, 5.3, 4.0
STATE = 3  # times the weights: a training's state on the disk, which has Adam's two moments beside them


def text_bytes(text: Text) -> float:
    """Estimate what both sides of a domain's text take, raw, as subwords and binarised."""
    return sum(text.tokens.values()) * 2 * (RAW_BYTES + SUBWORD_BYTES + BINARISED_BYTES)


def round_bytes(training: DomainWorkload) -> float:
    """Estimate what a round of INK has on the disk until it ends: its refreshed datastore and what it found there."""
    workload, entries = training.workload, training.entries
    ink = workload.config["ink"]
    found = entries * training.k * 4.0 if ink["neighbours"] != "per_batch" else 0.0
    # round 1 trains on the base model's datastore
    if not training.refreshes or ink["max_rounds"] < 2:
        return found
    searched = ink["neighbours"] == "per_batch" or workload.config["index"]["type"] == "exact"
    # no log-probabilities, and an index only where training searches one
    return found + training.keys + 4 * entries + (index_bytes(workload, entries) if searched else 0.0)


def datastore_bytes(workload: Workload, entries: int) -> float:
    """Estimate a datastore's size: keys in half precision, values, log-probabilities, and the index."""
    return entries * (workload.model.dimension * 2 + 4 + 4) + index_bytes(workload, entries)


def index_bytes(workload: Workload, entries: int) -> float:
    """Estimate an index's size: vectors in single precision, or codes with their numbers and the centroids."""
    width, index = workload.model.dimension, workload.config["index"]
    if index["type"] == "exact":
        return entries * width * 4.0
    return entries * (index["code_bytes"] + 8.0) + index["lists"] * width * 4.0


def source_token_bytes(workload: Workload, tokens: int) -> float:
    """Estimate what stored source tokens take: representations in half precision, a start and an entry each."""
    return tokens * (workload.model.dimension * 2 + 8 + 8)


def shard_bytes(workload: Workload, domain: str) -> float:
    """Return the size of the shard's keys that lie beside those of its datastore while shards are joined."""
    shards = for_domain(workload.config["datastore"], domain, workload.domains)["shards"]
    return workload.entries(domain) * workload.model.dimension * 2 / shards if shards > 1 else 0.0


def neighbour_bytes(config: Config) -> int:
    """Return what an entry's stored neighbours take: a distance and an id each."""
    return int(config["knn_kd"]["stored"]) * (4 + 4)
