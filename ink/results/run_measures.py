"""What is on record of one run on its test set: its scores with intervals, beside those of the unadapted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.config import metrics_of
from ink.metrics.bootstrap import Comparison, Statistics, score_interval
from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION, find_metric, make_metrics
from ink.metrics.metric import Metric
from ink.results.records.metric_scores import score_in, statistics_of
from ink.results.records.scores import Score, read_score
from ink.results.records.sentence_statistics import has_statistics
from ink.runtime.errors import InkError
from ink.systems.known_systems import OFF_THE_SHELF
from ink.systems.layout import Run


@dataclass(frozen=True)
class Interval:
    """A score and its 95% interval, None where there is nothing to resample."""

    score: float
    ends: tuple[float, float] | None


@dataclass(frozen=True)
class Measure:
    """A run's score in one metric, that of the unadapted model, and the gain over it, above 0 for the better.

    signature: how it is computed. base and gain are None where there is nothing to compare with.
    """

    heading: str
    signature: str
    score: Interval
    base: Interval | None
    gain: Comparison | None


@dataclass(frozen=True)
class Forgetting:
    """A score on the general domain's test set, and the unadapted model's, None where that was not scored."""

    heading: str
    score: float
    base: float | None


@dataclass(frozen=True)
class RunMeasures:
    """The measures of a run on its test set of so many sentences; samples and seed are the bootstrap's.

    general: the general domain's name and what the run scores there.
    """

    sentences: int
    measures: Sequence[Measure]
    general: tuple[str, Sequence[Forgetting]] | None
    samples: int
    seed: int


def measures_of(results: Path, config: Mapping[str, Any], run: Run, model: str) -> RunMeasures | None:
    """Read what is on record of a run under results/EXPERIMENT; None where it has not been scored.

    model: the fingerprint of the model that the scores must be of; InkError where they are another's.
    """
    score = read_score(results, run)
    if score is None:
        return None
    if score.model != model:
        raise InkError(
            f"{results}: the scores of {run} are of model {score.model}, but the trained one is {model}; run the "
            "workflow again, which scores it",
            code="results/out-of-date",
        )
    base = None if run.system == OFF_THE_SHELF else read_score(results, Run(OFF_THE_SHELF, run.domain, _first(config)))
    evaluation = config["evaluation"]
    samples, seed = int(evaluation["bootstrap_samples"]), int(evaluation["bootstrap_seed"])
    resampled = has_statistics(results) or all((results / name).is_dir() for name in ("hypotheses", "references"))
    found = []
    for metric in make_metrics(metrics_of(config), config):
        scored = score_in(metric, results, score)
        if scored is not None:
            rows, base_rows = (
                statistics_of(metric, results, one)
                if resampled and one is not None and score_in(metric, results, one) is not None
                else None
                for one in (score, base)
            )
            before = None if base is None else score_in(metric, results, base)
            found.append(
                Measure(
                    metric.heading,
                    scored.signature,
                    _interval(metric, scored.score, rows, samples, seed),
                    None if before is None else _interval(metric, before.score, base_rows, samples, seed),
                    _gain(metric, base_rows, rows, samples, seed),
                )
            )
    return RunMeasures(score.sentences, found, _general(results, config, score), samples, seed)


def _first(config: Mapping[str, Any]) -> int:
    return int(config["seeds"][0])


def _interval(metric: Metric, score: float, rows: Statistics | None, samples: int, seed: int) -> Interval:
    return Interval(score, None if rows is None else score_interval(rows, samples, seed, metric.aggregate))


def _gain(
    metric: Metric, before: Statistics | None, after: Statistics | None, samples: int, seed: int
) -> Comparison | None:
    if before is None or after is None:
        return None
    return metric.gained(metric.compare([[(before, after)]], samples, seed))


def _general(results: Path, config: Mapping[str, Any], score: Score) -> tuple[str, Sequence[Forgetting]] | None:
    if score.general is None:
        return None
    name = score.general.domain
    base = read_score(results, Run(OFF_THE_SHELF, name, _first(config)))
    return name, [
        Forgetting(
            find_metric(metric).heading,
            score.general.metrics[metric].score,
            None if base is None else base.metrics[metric].score,
        )
        for metric in SCORED_WITH_TRANSLATION
    ]
