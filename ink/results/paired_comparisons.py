"""Paired comparisons of systems in a metric, from hypotheses and references: each is resampled once and remembered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ink.metrics.bootstrap import Comparison, Statistics
from ink.metrics.metric import Metric, Scored
from ink.results.records.metric_scores import scores_in, statistics_of
from ink.results.records.scores import Score, read_scores, select
from ink.results.tables.aggregation import Key, prefixes, summarise
from ink.systems.known_systems import system_named


@dataclass
class Comparisons:
    """Compares systems on the test sets of an experiment as `metric` does, with one training seed or several pooled.

    results: results/EXPERIMENT. systems: those that may be compared, variations included. `samples` and `seed` are the
    bootstrap's. `further_seeds` of training are pooled with the first by `pooled` alone.
    """

    results: Path
    domains: Sequence[str]
    systems: Sequence[str]
    training_seed: int
    samples: int
    seed: int
    metric: Metric
    further_seeds: Sequence[int] = ()
    _statistics: dict[Key, Statistics] = field(default_factory=dict)
    _found: dict[tuple[str, ...], Comparison | None] = field(default_factory=dict)

    def of(self, system: str, baseline: str, domains: Sequence[str]) -> Comparison | None:
        """Compare `system` to `baseline`, averaged over `domains`; None where one of the two has no score there.

        InkError where hypotheses are missing or do not give the score on record.
        """
        return self._compared(system, baseline, domains, [self.training_seed])

    def pooled(self, system: str, baseline: str, domains: Sequence[str]) -> Comparison | None:
        """Compare `system` to `baseline`, averaged over `domains`, with the training seeds pooled that both have.

        A system that trains nothing has run once, and is the same for every seed. None where there is no such seed;
        InkError as `of`.
        """
        return self._compared(system, baseline, domains, self.training_seeds)

    @property
    def training_seeds(self) -> list[int]:
        """The first training seed and those to be pooled with it."""
        return [self.training_seed, *self.further_seeds]

    def average(self, system: str) -> float | None:
        """Return a system's score averaged over all domains, and over the seeds that have them; None where none has."""
        return summarise(self.values, system, self.domains, self.training_seeds)[0]

    @cached_property
    def runs(self) -> dict[Key, Score]:
        """What is on record of all training seeds by system, domain and seed; InkError where nothing is."""
        return select(read_scores(self.results), self.systems, self.domains, self.training_seeds)

    @cached_property
    def scores(self) -> dict[Key, Scored]:
        """The runs' scores in the metric, those that are there."""
        return scores_in(self.metric, self.results, self.runs)

    @property
    def values(self) -> dict[Key, float]:
        """The runs' scores in the metric as numbers."""
        return {key: score.score for key, score in self.scores.items()}

    def _compared(
        self, system: str, baseline: str, domains: Sequence[str], training_seeds: Sequence[int]
    ) -> Comparison | None:
        key = (system, baseline, *domains, *map(str, training_seeds))
        if key not in self._found:
            self._found[key] = self._compare(system, baseline, domains, training_seeds)
        return self._found[key]

    def _compare(
        self, system: str, baseline: str, domains: Sequence[str], training_seeds: Sequence[int]
    ) -> Comparison | None:
        complete = [
            seed
            for seed in training_seeds
            if all(self._run_of(one, domain, seed) in self.scores for one in (system, baseline) for domain in domains)
        ]
        if not any(system_named(one).is_trained for one in (system, baseline)):
            complete = complete[:1]  # of each there is one run
        if not complete:
            return None
        pairs = [
            [(self._rows(baseline, domain, seed), self._rows(system, domain, seed)) for seed in complete]
            for domain in domains
        ]
        return self.metric.compare(pairs, self.samples, self.seed)

    def _run_of(self, system: str, domain: str, seed: int) -> Key:
        return system, domain, seed if system_named(system).is_trained else self.training_seed

    def _rows(self, system: str, domain: str, seed: int) -> Statistics:
        """Return a run's statistics by test sentence."""
        key = self._run_of(system, domain, seed)
        if key not in self._statistics:
            self._statistics[key] = statistics_of(self.metric, self.results, self.runs[key])
        return self._statistics[key]

    @property
    def note(self) -> str:
        """How the comparisons were made."""
        return f"{self._how} Hypotheses of training seed {self.training_seed}."

    @property
    def pooled_note(self) -> str:
        """How the comparisons with pooled training seeds were made."""
        if not self.further_seeds:
            return self.note
        listed = ", ".join(map(str, self.training_seeds))
        return (
            f"{self._how} A gain is the mean over the training seeds {listed}, as far as both systems have them, ± its "
            "standard deviation (n - 1) over them; a resample draws the same sentences for all seeds, so that the "
            "interval is of the sentences, and ± of the trainings."
        )

    @property
    def _how(self) -> str:
        return self.metric.comparison_note(self.samples, self.seed)


def in_turn(comparisons: Iterable[Comparisons]) -> list[tuple[Comparisons, str]]:
    """List the comparisons in several metrics, each with the prefix of its fields in a CSV."""
    several = list(comparisons)
    return list(zip(several, prefixes(one.metric for one in several), strict=True))
