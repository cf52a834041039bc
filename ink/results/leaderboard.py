"""The leaderboard: every system with its quality, memory, speed and training time, and which of them no other beats."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.metrics.metric import Metric, Scored
from ink.results.pareto import pareto_front
from ink.results.records.decoding_speeds import Speeds
from ink.results.records.metric_scores import scores_in
from ink.results.records.scores import Key, Selection
from ink.results.records.training_times import training_seconds
from ink.results.tables.aggregation import summarise
from ink.runtime.errors import InkError
from ink.systems.layout import Run

MARKED = "ink"  # the system that the leaderboard is about


@dataclass(frozen=True)
class Entry:
    """A system as the leaderboard has it; None stands for what has not been measured.

    - scores, deviations: averages over the domains by metric, means and sample standard deviations over the seeds
    - memory: bytes added at inference, summed over the domains
    - speed: sentences a second
    - training: CPU seconds, summed over the domains, the mean over the seeds
    - memory_front, speed_front: whether no other is at least as good in both the first metric and this, and better in
      one; of memory three digits count
    """

    system: str
    label: str
    scores: Mapping[str, float | None]
    deviations: Mapping[str, float | None]
    memory: int | None
    speed: float | None
    training: float | None
    memory_front: bool = False
    speed_front: bool = False


@dataclass(frozen=True)
class Leaderboard:
    """The systems, the best in the first metric first, those without an average last; and what they are made of."""

    runs: Selection
    metrics: Sequence[Metric]
    scores: Mapping[str, Mapping[Key, Scored]]  # by metric
    entries: Sequence[Entry]
    speeds: Speeds | None

    @property
    def metric(self) -> Metric:
        """The metric that ranks: the experiment's first."""
        return self.metrics[0]


def leaderboard(
    runs: Selection, metrics: Sequence[Metric], config: Mapping[str, Any], speeds: Speeds | None
) -> Leaderboard:
    """Put together what is known of the systems.

    config: of it what `training_jobs` reads. InkError where no system has a score on all the domains.
    """
    scores = {metric.name: scores_in(metric, runs) for metric in metrics}
    found = [_entry(runs, scores, config, system, label, speeds) for system, label in runs.labels.items()]
    first = metrics[0]
    quality = {one.system: first.gain(score) for one in found if (score := one.scores[first.name]) is not None}
    if not quality:
        raise InkError(
            f"{runs.results}: no system has a score on each of {', '.join(runs.domains)}: there is no leaderboard",
            code="results/none",
        )
    # two adapters differ by some bytes of their files' headers
    least = {one.system: -float(f"{one.memory:.3g}") for one in found if one.memory is not None}
    fastest = {one.system: one.speed for one in found if one.speed is not None}
    fronts = [_front(quality, other) for other in (least, fastest)]
    placed = [_placed(one, *(one.system in front for front in fronts)) for one in found]
    # Python's sorting leaves those of one score in the order of the tables
    placed.sort(key=lambda one: -quality.get(one.system, float("-inf")))
    return Leaderboard(runs, metrics, scores, placed, speeds)


def _front(quality: Mapping[str, float], other: Mapping[str, float]) -> set[str]:
    systems = [system for system in quality if system in other]
    return {systems[place] for place in pareto_front([(quality[system], other[system]) for system in systems])}


def _entry(
    runs: Selection,
    scores: Mapping[str, Mapping[Key, Scored]],
    config: Mapping[str, Any],
    system: str,
    label: str,
    speeds: Speeds | None,
) -> Entry:
    values = {metric: {key: one.score for key, one in of.items()} for metric, of in scores.items()}
    summed = {metric: summarise(of, system, runs.domains, runs.seeds) for metric, of in values.items()}
    return Entry(
        system,
        label,
        {metric: mean for metric, (mean, _) in summed.items()},
        {metric: deviation for metric, (_, deviation) in summed.items()},
        _memory(runs, system),
        None if speeds is None else speeds.of.get(system),
        _training(runs.results, config, runs, system),
    )


def _placed(entry: Entry, memory_front: bool, speed_front: bool) -> Entry:
    return Entry(**{**vars(entry), "memory_front": memory_front, "speed_front": speed_front})


def _memory(runs: Selection, system: str) -> int | None:
    """Sum the bytes over the domains, of the first seed with a score there: another changes values, not sizes."""
    total = 0
    for domain in runs.domains:
        keys = [key for seed in runs.seeds if (key := (system, domain, seed)) in runs.scores]
        if not keys:
            return None
        total += sum(runs.scores[keys[0]].added_memory.values())
    return total


def _training(results: Path, config: Mapping[str, Any], runs: Selection, system: str) -> float | None:
    """Sum the CPU seconds over the domains, the mean over the seeds that the system has run with."""
    seeds = [seed for seed in runs.seeds if any((system, domain, seed) in runs.scores for domain in runs.domains)]
    of_seeds = []
    for seed in seeds:
        of_domains = [training_seconds(results, config, Run(system, domain, seed)) for domain in runs.domains]
        measured = [one for one in of_domains if one is not None]
        if len(measured) < len(of_domains):
            return None
        of_seeds.append(sum(measured))
    return statistics.fmean(of_seeds) if of_seeds else None
