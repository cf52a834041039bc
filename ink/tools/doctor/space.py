"""Disk that an experiment needs at its fullest, and what there is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, given_base_model
from ink.runtime.disk import bytes_in_words, existing_parent, folder_bytes, free_bytes, mount_point
from ink.systems.layout import Layout
from ink.tools.costs.file_sizes import STATE, round_bytes, shard_bytes, text_bytes
from ink.tools.costs.rules import (
    build_adapted_datastore,
    build_datastore,
    reduce_datastore,
    store_neighbours,
    store_source_tokens,
)
from ink.tools.costs.workload import Workload
from ink.tools.doctor.finding import Finding, error, ok, warning
from ink.tools.download.sources import DOWNLOADS

COMFORTABLE = 1.25  # what is free should exceed the estimate by this much


def needed_bytes(workload: Workload, most_rounds: float = math.inf) -> dict[str, float]:
    """Estimate what work/ holds at its fullest, by kind: nothing goes before `ink clean` but what a job ends with.

    most_rounds: that many epochs of Adapter and rounds of INK at most, where training stops before the config's.
    """
    return {
        "datastores": _datastores(workload),
        "checkpoints": _checkpoints(workload, most_rounds),
        "text": sum(map(text_bytes, workload.text.values())),
    }


def _datastores(workload: Workload) -> float:
    """Count datastores, whole and reduced, stored neighbours and source tokens, and what rounds at the time have."""
    rules = (build_datastore, build_adapted_datastore, reduce_datastore, store_neighbours, store_source_tokens)
    costs = [rule(workload.of(domain)) for rule in rules for domain in workload.domains]
    stores = sum(cost.jobs * cost.disk for cost in costs)
    if stores:
        stores += max(shard_bytes(workload, domain) for domain in workload.domains)
    rounds = [round_bytes(training) for training in workload.trainings("ink")]
    return stores + _at_once(rounds, workload.seeds)


def _checkpoints(workload: Workload, most_rounds: float) -> float:
    """Count adapters, the states of rounds, models, and the states of the trainings that run at the time."""
    config, model = workload.config, 4.0 * workload.model.parameters
    seeds, found = workload.seeds, 0.0
    for system, rounds in workload.trained.items():
        adapters = [4.0 * training.adapter for training in workload.trainings(system)]
        trained = min(rounds, most_rounds)
        # every epoch leaves its adapter, every job of rounds also a state with two moments; then there is the average
        states = math.ceil(trained / config["ink"]["rounds_per_job"]) if system == "ink" else 0
        found += sum(adapters) * seeds * (trained + STATE * states + 1)
        found += _at_once(adapters, seeds) * STATE
    if "train-knn-kd" in workload.commands:
        # every run its model; one in training the epochs to be averaged and its state as well
        jobs = len(workload.domains) * seeds
        found += model * jobs + _at_once([model] * jobs, 1) * (config["training"]["average_last"] + 1 + STATE)
    return found + (model if given_base_model(config) is None else 0.0)


def _at_once(sizes: list[float], seeds: int) -> float:
    """Add up the largest of `sizes`, each there once a seed, of as many jobs as there are cores."""
    return sum(sorted(sizes * seeds, reverse=True)[: os.cpu_count() or 1])


def space(workload: Workload, to_come: float = 0.0) -> Finding:
    """Compare the estimate with what is free and what the experiment has already written.

    to_come: bytes of what is still to be downloaded and unpacked, which count where they go to the same disk.
    """
    needed = needed_bytes(workload)
    # training goes on for so many rounds at least: the best may be the first
    patience = workload.config["training"]["patience"]
    least = sum(needed_bytes(workload, math.inf if patience is None else patience + 1).values())
    work = Path(Layout(workload.config).work)
    if to_come and mount_point(DOWNLOADS / "x") == mount_point(work / "x"):
        needed["downloads"] = to_come
        least += to_come
    used_bytes = folder_bytes(work)
    whole, free = sum(needed.values()), free_bytes(work / "x") + used_bytes
    parts = ", ".join(f"{kind} {bytes_in_words(size)}" for kind, size in needed.items())
    used = f" and {bytes_in_words(used_bytes)} already used by {work}" if used_bytes else ""
    early = f", {bytes_in_words(least)} if training stops as early as patience lets it" if least < whole else ""
    text = f"about {bytes_in_words(whole)} needed ({parts}){early}, {bytes_in_words(free - used_bytes)} free{used}"
    if least > free:
        return error("disk", f"{text}: free some space, or work on a larger disk")
    if whole * COMFORTABLE > free:
        return warning("disk", f"{text}: {'little is left beyond an estimate' if whole < free else 'it may fill up'}")
    return ok("disk", text)


def writable(config: Config) -> Iterator[Finding]:
    """Check the permission to write where the workflow writes."""
    layout = Layout(config)
    for name, folder in {"work": layout.work, "results": layout.results, "workflow": ".snakemake"}.items():
        path = Path(folder)
        place = path if path.is_dir() else existing_parent(path)
        if os.access(place, os.W_OK | os.X_OK) and not os.statvfs(place).f_flag & os.ST_RDONLY:
            yield ok(f"{name} folder", f"{path} may be written")
        else:
            yield error(f"{name} folder", f"{path} cannot be written: no permission for {place}, or it is read-only")
