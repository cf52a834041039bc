"""CPU time that making a system takes: the workflow's measurements of the jobs that lead to it from the base model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ink.config import for_domain, searched_points
from ink.config.sections.reductions import origins
from ink.results.records.job_times import measured_cpu_seconds
from ink.systems.known_systems import REDUCTIONS, system_named
from ink.systems.layout import Run
from ink.systems.systems_of_experiment import retrieval_settings

ANY = "*"  # of a job's name: all that there are
BASE_KEY = "decoder_output"  # what training compares keys on


def training_seconds(results: Path, config: Mapping[str, Any], run: Run) -> float | None:
    """Sum up the CPU seconds of the jobs that make a run's system, 0 where there is no such job.

    A job that several systems share counts for each of them. None where one has not been measured: a sum without it
    would be too small.
    """
    folder, seconds = Path(results) / "benchmarks", []
    for job in training_jobs(config, run):
        place = folder / f"{job}.tsv"
        paths = sorted(place.parent.glob(place.name)) if job.endswith(ANY) else [place]
        measured = [measured_cpu_seconds(path) if path.is_file() else None for path in paths] or [None]
        seconds += measured
    known = [one for one in seconds if one is not None]
    return math.fsum(known) if len(known) == len(seconds) else None


def training_jobs(config: Mapping[str, Any], run: Run) -> list[str]:
    """Name the jobs that make a run's system from the base model and the binarised text, as benchmarks/ has them.

    The base model's own training and the preparing of text are left out, and so is what scores. config: of it systems'
    keys, own_systems, reductions, datastore, ink's search, and domains.
    """
    known, place = system_named(run.system), f"{run.domain}/seed{run.seed}"
    jobs: list[str] = []
    if known.own_checkpoint:
        jobs += _base_datastore(config, BASE_KEY, run.domain)
        jobs += [f"store_neighbours/{run.domain}", f"train_{known.model}/{place}"]
    elif known.model == "ink":
        jobs += _base_datastore(config, BASE_KEY, run.domain)
        for name in searched_points(config, run.domain) or [known.model]:
            jobs += [f"train_ink_round/{name}/{place}/{ANY}", f"finish_ink/{name}/{place}"]
    elif known.has_adapter:
        jobs.append(f"train_adapter/{known.model}/{place}")
    if known.retrieves:
        jobs += _searched_datastore(config, run)
        if known.by_source_tokens:
            jobs.append(f"store_source_tokens/{run.domain}")
        if known.learns_combiner:
            jobs.append(f"train_combiner/{known.combiner_of}/{place}")
        elif known.reduction is None:
            jobs.append(f"tune_v_knn/{run.domain}")
        else:
            jobs.append(f"tune_reduced_v_knn/{known.combiner_of}/{run.domain}")
    return list(dict.fromkeys(jobs))


def _searched_datastore(config: Mapping[str, Any], run: Run) -> list[str]:
    known = system_named(run.system)
    if known.has_adapter:
        return _datastore(config, "adapted_datastore", f"{known.model}/{run.domain}/seed{run.seed}", run.domain)
    key = retrieval_settings(config, run.system)["key"]
    jobs, reduction = _base_datastore(config, key, run.domain), known.reduction
    made_first = [] if reduction is None else [reduction]
    for name in made_first:
        jobs.append(f"reduce_datastore/{name}/{key}/{run.domain}")
        # a reduction may go on from another one's datastore, and a control has as many entries as another one leaves
        made_first += [other for other in origins(config[REDUCTIONS][name]).values() if other not in made_first]
    return jobs


def _base_datastore(config: Mapping[str, Any], key: str, domain: str) -> list[str]:
    return _datastore(config, "datastore", f"{key}/{domain}", domain)


def _datastore(config: Mapping[str, Any], what: str, place: str, domain: str) -> list[str]:
    """Name the job that builds a datastore, or those of its shards and the one that joins them."""
    if for_domain(config["datastore"], domain, config["domains"])["shards"] == 1:
        return [f"build_{what}/{place}"]
    return [f"build_{what}_shard/{place}/{ANY}", f"join_{what}/{place}"]
