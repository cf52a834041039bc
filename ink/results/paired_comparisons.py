"""Paired comparisons of systems in a metric, from hypotheses and references: each is resampled once and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ink.metrics.bootstrap import Comparison, Statistics
from ink.metrics.metric import Metric, Scored
from ink.results.records.metric_scores import scores_in, statistics_of
from ink.results.records.scores import Key, Selection
from ink.results.tables.aggregation import prefixes, summarise
from ink.systems.known_systems import system_named


@dataclass
class Comparisons:
    """Compares systems among `runs`, variations included, as `metric` does, with the first training seed or all pooled.

    `samples` and `seed` are the bootstrap's.
    """

    runs: Selection
    metric: Metric
    samples: int
    seed: int
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
        return self._compared(system, baseline, domains, self.runs.seeds)

    @property
    def training_seed(self) -> int:
        """The first training seed."""
        return self.runs.seeds[0]

    def average(self, system: str) -> float | None:
        """Return a system's score averaged over all domains, and over the seeds that have them; None where none has."""
        return summarise(self.values, system, self.runs.domains, self.runs.seeds)[0]

    @cached_property
    def scores(self) -> dict[Key, Scored]:
        """The runs' scores in the metric, those that are there."""
        return scores_in(self.metric, self.runs)

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
            self._statistics[key] = statistics_of(self.metric, self.runs.results, self.runs.scores[key])
        return self._statistics[key]

    @property
    def note(self) -> str:
        """How the comparisons were made."""
        how = self.metric.comparison_note(self.samples, self.seed)
        return f"{how} Hypotheses of training seed {self.training_seed}."

    @property
    def pooled_note(self) -> str:
        """How the comparisons with pooled training seeds were made."""
        if len(self.runs.seeds) == 1:
            return self.note
        return (
            f"{self.metric.comparison_note(self.samples, self.seed)} A gain is the mean over the training seeds "
            f"{', '.join(map(str, self.runs.seeds))}, as far as both systems have them, ± its standard deviation "
            "(n - 1) over them; a resample draws the same sentences for all seeds, so that the interval is of the "
            "sentences, and ± of the trainings."
        )


def with_prefixes(comparisons: Sequence[Comparisons]) -> list[tuple[Comparisons, str]]:
    """List the comparisons in several metrics, each with the prefix of its fields in a CSV."""
    return list(zip(comparisons, prefixes(one.metric for one in comparisons), strict=True))
