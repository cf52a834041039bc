"""Disk that an experiment needs at its fullest, and what there is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, for_domain
from ink.disk import existing_parent, free_bytes, in_words, mount_point
from ink.doctor.extent import BYTES_A_TOKEN, Extent, Training
from ink.doctor.finding import Finding, error, ok, warning
from ink.download.sources import DOWNLOADS
from ink.layout import Layout

STATE = 3  # times the weights: a training's state on the disk, which has Adam's two moments beside them
COMFORTABLE = 1.25  # what is free should exceed the estimate by this much


def needed_bytes(extent: Extent, most_rounds: float = math.inf) -> dict[str, float]:
    """Estimate what work/ holds at its fullest, by kind: nothing goes before `ink clean` but what a job ends with.

    most_rounds: that many epochs of Adapter and rounds of INK at most, where training stops before the config's.
    """
    everything = sum(sum(of_domain.tokens.values()) for of_domain in extent.text.values())
    return {
        "datastores": _datastores(extent),
        "checkpoints": _checkpoints(extent, most_rounds),
        # both sides raw, as subwords, which is a third longer, and binarised to 2 or 4 bytes a token
        "text": everything * 2 * (BYTES_A_TOKEN * (1 + 4 / 3) + 4),
    }


def _datastores(extent: Extent) -> float:
    """Count datastores, stored neighbours, and what the rounds that run at the time have."""
    config = extent.config
    tokens, seeds = _entries(extent), len(config["seeds"])
    stores = sum(datastore_bytes(extent, count) for count in tokens.values()) * len(extent.keys)
    stores += sum(datastore_bytes(extent, tokens[domain]) for domain in extent.adapted_datastores) * seeds
    if stores:
        stores += max(shard_bytes(extent, domain, count) for domain, count in tokens.items())
    if "train-knn-kd" in extent.commands:
        stores += sum(tokens.values()) * neighbour_bytes(config)
    rounds = [round_bytes(extent, training) for training in extent.trainings("ink")]
    return stores + _at_once(rounds, seeds)


def _checkpoints(extent: Extent, most_rounds: float) -> float:
    """Count adapters, the states of rounds, models, and the states of the trainings that run at the time."""
    config, model = extent.config, 4.0 * extent.model.parameters
    seeds, found = len(config["seeds"]), 0.0
    for system, rounds in extent.trained.items():
        adapters = [4.0 * training.adapter for training in extent.trainings(system)]
        trained = min(rounds, most_rounds)
        # every epoch leaves its adapter, every job of rounds also a state with two moments; then there is the average
        states = math.ceil(trained / config["ink"]["rounds_per_job"]) if system == "ink" else 0
        found += sum(adapters) * seeds * (trained + STATE * states + 1)
        found += _at_once(adapters, seeds) * STATE
    if "train-knn-kd" in extent.commands:
        # every run its model; one in training the epochs to be averaged and its state as well
        jobs = len(extent.domains) * seeds
        found += model * jobs + _at_once([model] * jobs, 1) * (config["training"]["average_last"] + 1 + STATE)
    return found + (model if config["base_model"]["path"] is None else 0.0)


def _entries(extent: Extent) -> dict[str, int]:
    return {domain: extent.text[domain].tokens.get("train", 0) for domain in extent.domains}


def _at_once(sizes: list[float], seeds: int) -> float:
    """Add up the largest of `sizes`, each there once a seed, of as many jobs as there are cores."""
    return sum(sorted(sizes * seeds, reverse=True)[: os.cpu_count() or 1])


def round_bytes(extent: Extent, training: Training) -> float:
    """Estimate what a round of INK has on the disk until it ends: its refreshed datastore and what it found there."""
    config, entries = extent.config, _entries(extent)[training.domain]
    ink = for_domain(config["ink"], training.domain, config["domains"])
    found = entries * ink["k"] * 4.0 if ink["neighbours"] != "per_batch" else 0.0
    # round 1 trains on the base model's datastore
    if not training.refreshes or ink["max_rounds"] < 2:
        return found
    searched = ink["neighbours"] == "per_batch" or config["index"]["type"] == "exact"
    # no log-probabilities, and an index only where training searches one
    return found + entries * (extent.model.dimension * 2 + 4) + (index_bytes(extent, entries) if searched else 0.0)


def datastore_bytes(extent: Extent, entries: int) -> float:
    """Estimate a datastore's size: keys in half precision, values, log-probabilities, and the index."""
    return entries * (extent.model.dimension * 2 + 4 + 4) + index_bytes(extent, entries)


def index_bytes(extent: Extent, entries: int) -> float:
    """Estimate an index's size: vectors in single precision, or codes with their numbers and the centroids."""
    width, index = extent.model.dimension, extent.config["index"]
    if index["type"] == "exact":
        return entries * width * 4.0
    return entries * (index["code_bytes"] + 8.0) + index["lists"] * width * 4.0


def shard_bytes(extent: Extent, domain: str, entries: int) -> float:
    """Return the size of the shard's keys that lie beside those of its datastore while shards are joined."""
    shards = for_domain(extent.config["datastore"], domain, extent.domains)["shards"]
    return entries * extent.model.dimension * 2 / shards if shards > 1 else 0.0


def neighbour_bytes(config: Config) -> int:
    """Return what an entry's stored neighbours take: a distance and an id each."""
    return int(config["knn_kd"]["stored"]) * (4 + 4)


def space(extent: Extent, to_come: float = 0.0) -> Finding:
    """Compare the estimate with what is free and what the experiment has already written.

    to_come: bytes of what is still to be downloaded and unpacked, which count where they go to the same disk.
    """
    needed = needed_bytes(extent)
    # training goes on for so many rounds at least: the best may be the first
    least = sum(needed_bytes(extent, extent.config["training"]["patience"] + 1).values())
    work = Path(Layout(extent.config).work)
    if to_come and mount_point(DOWNLOADS / "x") == mount_point(work / "x"):
        needed["downloads"] = to_come
        least += to_come
    there = folder_bytes(work)
    wanted, free = sum(needed.values()), free_bytes(work / "x") + there
    parts = ", ".join(f"{kind} {in_words(size)}" for kind, size in needed.items())
    used = f" and {in_words(there)} already used by {work}" if there else ""
    early = f", {in_words(least)} if training stops as early as patience lets it" if least < wanted else ""
    text = f"about {in_words(wanted)} needed ({parts}){early}, {in_words(free - there)} free{used}"
    if least > free:
        return error("disk", f"{text}: free some space, or work on a larger disk")
    if wanted * COMFORTABLE > free:
        return warning("disk", f"{text}: {'little is left beyond an estimate' if wanted < free else 'it may fill up'}")
    return ok("disk", text)


def folder_bytes(folder: Path) -> int:
    """Return what a folder takes on the disk, links not followed; 0 where there is none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(Path(place) / name).st_blocks * 512
    return total


def writable(config: Config) -> Iterator[Finding]:
    """Check the permission to write where the workflow writes."""
    layout = Layout(config)
    for name, path in (
        ("work", Path(layout.work)),
        ("results", Path(layout.results)),
        ("workflow", Path(".snakemake")),
    ):
        place = path if path.is_dir() else existing_parent(path)
        if os.access(place, os.W_OK | os.X_OK) and not os.statvfs(place).f_flag & os.ST_RDONLY:
            yield ok(f"{name} folder", f"{path} may be written")
        else:
            yield error(f"{name} folder", f"{path} cannot be written: no permission for {place}, or it is read-only")
