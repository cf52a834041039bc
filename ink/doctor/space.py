"""Disk that an experiment needs at its fullest, and what there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, for_domain
from ink.disk import existing_parent, free_bytes, in_words
from ink.doctor.extent import BYTES_A_TOKEN, Extent
from ink.doctor.finding import Finding, error, ok, warning
from ink.layout import Layout

COMFORTABLE = 1.25  # what is free should exceed the estimate by this much


def needed_bytes(extent: Extent) -> dict[str, float]:
    """Estimate what work/ holds at its fullest, by kind."""
    config, text, model = extent.config, extent.text, extent.model
    tokens = {domain: extent.text[domain].tokens.get("train", 0) for domain in extent.domains}
    stores = sum(datastore_bytes(extent, count) for count in tokens.values()) * len(extent.keys)
    of_ink = sum(datastore_bytes(extent, tokens[domain]) for domain in extent.ink_datastores)
    stores += of_ink * len(config["seeds"])
    if stores:
        stores += max(shard_bytes(extent, domain, count) for domain, count in tokens.items())
    if extent.runs_ink and config["ink"]["max_rounds"] > 1:
        # a refreshed datastore goes with its round: one for every chain of rounds that runs at the time
        chains = min(len(tokens) * len(config["seeds"]), os.cpu_count() or 1)
        of_chains = sorted((datastore_bytes(extent, count) for count in tokens.values()), reverse=True)
        stores += sum((of_chains * len(config["seeds"]))[:chains])
    adapter = 4.0 * extent.adapter_parameters()
    # every round keeps its adapter and a state with two moments more; every epoch its adapter
    kept = {"adapter": 1, "ink": 4}
    adapters = sum(adapter * kept[name] * rounds for name, rounds in extent.trained.items())
    checkpoints = adapters * len(tokens) * len(config["seeds"])
    if extent.runs_knn_kd:
        # every run its model; one in training the epochs to be averaged and its state, with two moments, as well
        stores += sum(tokens.values()) * neighbour_bytes(config)
        jobs = len(tokens) * len(config["seeds"])
        training = min(jobs, os.cpu_count() or 1) * (config["training"]["average_last"] + 1 + 3)
        checkpoints += 4.0 * model.parameters * (jobs + training)
    if config["base_model"]["path"] is None:
        checkpoints += 4.0 * model.parameters
    everything = sum(sum(of_domain.tokens.values()) for of_domain in text.values())
    # both sides raw, as subwords, and binarised to 2 or 4 bytes a token
    return {"datastores": stores, "checkpoints": checkpoints, "text": everything * 2 * (2 * BYTES_A_TOKEN + 4)}


def datastore_bytes(extent: Extent, entries: int) -> float:
    """Estimate a datastore's size: keys in half precision, values, log-probabilities, and the index."""
    width, index = extent.model.dimension, extent.config["index"]
    if index["type"] == "exact":
        of_index = entries * width * 4.0
    else:
        of_index = entries * (index["code_bytes"] + 8.0) + index["lists"] * width * 4
    return entries * (width * 2 + 4 + 4) + of_index


def shard_bytes(extent: Extent, domain: str, entries: int) -> float:
    """Return the size of the shard's keys that lie beside those of its datastore while shards are joined."""
    shards = for_domain(extent.config["datastore"], domain, extent.domains)["shards"]
    return entries * extent.model.dimension * 2 / shards if shards > 1 else 0.0


def neighbour_bytes(config: Config) -> int:
    """Return what an entry's stored neighbours take: a distance and an id each."""
    return int(config["knn_kd"]["stored"]) * (4 + 4)


def space(extent: Extent) -> Finding:
    """Compare the estimate with what is free and what the experiment has already written."""
    needed = needed_bytes(extent)
    work = Path(Layout(extent.config).work)
    there = folder_bytes(work)
    wanted, free = sum(needed.values()), free_bytes(work / "x") + there
    parts = ", ".join(f"{kind} {in_words(size)}" for kind, size in needed.items())
    used = f" and {in_words(there)} already used by {work}" if there else ""
    text = f"about {in_words(wanted)} needed ({parts}), {in_words(free - there)} free{used}"
    if wanted > free:
        return error("disk", f"{text}: free some space, or work on a larger disk")
    if wanted * COMFORTABLE > free:
        return warning("disk", f"{text}: little is left beyond an estimate")
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
