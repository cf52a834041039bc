"""Paired comparisons of systems, from hypotheses and references: each is resampled once and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ink.metrics.bootstrap import Comparison, Statistics, paired_bootstrap, pooled_bootstrap
from ink.metrics.metric import Metric, Verdict
from ink.reporting.aggregation import Key, summarise
from ink.reporting.metric_scores import score_in, statistics_of
from ink.reporting.scores import Score, read_scores, select
from ink.systems import system_named


@dataclass
class Comparisons:
    """Compares systems on the test sets of an experiment, with one training seed or with several pooled.

    results: results/EXPERIMENT. systems: those that may be compared, variations included. `samples` and `seed` are the
    bootstrap's. `metric`, whose scores every run's file has, is what all but `verdict` compare by. `further_seeds` of
    training are pooled with the first by `pooled` alone.
    """

    results: Path
    domains: Sequence[str]
    systems: Sequence[str]
    training_seed: int
    samples: int
    seed: int
    metric: Metric
    further_seeds: Sequence[int] = ()
    _runs: dict[Key, Score] | None = None
    _statistics: dict[tuple[str, Key], Statistics] = field(default_factory=dict)
    _found: dict[tuple[str, str, tuple[str, ...]], Comparison] = field(default_factory=dict)

    def of(self, system: str, baseline: str, domains: Sequence[str]) -> Comparison | None:
        """Compare `system` to `baseline`, averaged over `domains`; None where one of the two has no score there.

        InkError where hypotheses are missing or do not give the score on record.
        """
        if not all(self.has(either, domain) for either in (system, baseline) for domain in domains):
            return None
        key = (system, baseline, tuple(domains))
        if key not in self._found:
            before, after = (
                [self.statistics(one, domain, self.training_seed) for domain in domains] for one in (baseline, system)
            )
            self._found[key] = paired_bootstrap(before, after, self.samples, self.seed, self.metric.aggregate)
        return self._found[key]

    def pooled(self, system: str, baseline: str, domains: Sequence[str]) -> Comparison | None:
        """Compare `system` to `baseline`, averaged over `domains`, with the training seeds pooled that both have.

        A system that trains nothing has run once, and is the same for every seed. None where there is no such seed;
        InkError as `of`.
        """
        runs = self.runs()
        complete = [
            seed
            for seed in self.training_seeds
            if all((one, domain, self._run_of(one, seed)) in runs for one in (system, baseline) for domain in domains)
        ]
        if not any(system_named(one).is_trained for one in (system, baseline)):
            complete = complete[:1]  # of each there is one run
        if not complete:
            return None
        pairs = [
            [
                (
                    self.statistics(baseline, domain, self._run_of(baseline, seed)),
                    self.statistics(system, domain, self._run_of(system, seed)),
                )
                for seed in complete
            ]
            for domain in domains
        ]
        return pooled_bootstrap(pairs, self.samples, self.seed, self.metric.aggregate)

    def verdict(self, metric: Metric, system: str, baseline: str, domain: str) -> Verdict | None:
        """Compare two systems on a domain as `metric` compares; None where one of the two has no score in it there."""
        if any(
            not self.has(one, domain) or score_in(metric, self.results, self.scores()[one, domain]) is None
            for one in (system, baseline)
        ):
            return None
        before, after = (self.statistics(one, domain, self.training_seed, metric) for one in (baseline, system))
        return metric.compare(before, after, self.samples, self.seed)

    @property
    def training_seeds(self) -> list[int]:
        """The first training seed and those to be pooled with it."""
        return [self.training_seed, *self.further_seeds]

    def average(self, system: str) -> float | None:
        """Return a system's score averaged over all domains, and over the seeds that have them; None where none has."""
        scores = {key: score.metrics[self.metric.name].score for key, score in self.runs().items()}
        return summarise(scores, system, self.domains, self.training_seeds)[0]

    def _run_of(self, system: str, seed: int) -> int:
        return seed if system_named(system).is_trained else self.training_seed

    def has(self, system: str, domain: str) -> bool:
        """Whether a system has been scored on a domain."""
        return (system, domain) in self.scores()

    def scores(self) -> dict[tuple[str, str], Score]:
        """Return the scores of the training seed by system and domain."""
        runs = self.runs()
        return {(system, domain): score for (system, domain, seed), score in runs.items() if seed == self.training_seed}

    def runs(self) -> dict[Key, Score]:
        """Return the scores of all training seeds by system, domain and seed."""
        if self._runs is None:
            self._runs = select(read_scores(self.results), self.systems, self.domains, self.training_seeds)
        return self._runs

    def statistics(self, system: str, domain: str, training_seed: int, metric: Metric | None = None) -> Statistics:
        """Return a run's statistics by test sentence, of `metric` where it is another one."""
        metric, run = metric or self.metric, (system, domain, training_seed)
        key = (metric.name, run)
        if key not in self._statistics:
            self._statistics[key] = statistics_of(metric, self.results, self.runs()[run])
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
