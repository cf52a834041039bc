"""Scores of runs in one metric, from the files in which runs and `ink score` left them under RESULTS/scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ink.metrics.bootstrap import Statistics
from ink.metrics.metric import Metric, Scored, SentenceMetric
from ink.results.records.json_fields import Fields
from ink.results.records.scores import Key, Score, Selection, hypotheses_file, read_hypotheses, read_references
from ink.results.records.sentence_statistics import read_statistics, statistics_file
from ink.runtime.errors import InkError
from ink.runtime.whole_files import sha256_of

HIGHEST_DIFFERENCE = 0.005  # between a score on record and that of the hypotheses


def scores_in(metric: Metric, runs: Selection) -> dict[Key, Scored]:
    """Read the scores of the runs in one metric, those that are there.

    InkError where one is of other translations than those on record, or of another model than `metric` or the rest.
    """
    found = {
        key: one for key, score in runs.scores.items() if (one := score_in(metric, runs.results, score)) is not None
    }
    first = next(iter(found), None)
    for key, one in found.items():
        if first is not None and one.fingerprint != found[first].fingerprint:
            paths = (_file(metric, runs.results, runs.scores[of]) for of in (key, first))
            raise InkError(
                f"{' and '.join(map(str, paths))} were made with different files of the {metric.heading} model "
                f"{metric.model}; delete both and run the workflow again",
                code="results/out-of-date",
            )
    return found


def score_in(metric: Metric, results: Path, score: Score) -> Scored | None:
    """Read one run's score in a metric; None where it has none. InkError as `scores_in`."""
    if metric.name in score.metrics:
        return score.metrics[metric.name]
    path = _file(metric, results, score)
    if not path.is_file():
        return None
    fields = Fields.of_file(path)
    place = (fields.text("system"), fields.text("domain"), fields.count("seed"))
    if place != (score.system, score.domain, score.seed):
        raise InkError(
            f"{path} says that it is {'/'.join(map(str, place))}; it was moved or copied by hand, put it back",
            code="results/moved",
        )
    if metric.model is not None and (model := fields.text("model")) != metric.model:
        raise InkError(
            f"{path} is of the {metric.heading} model {model}, the config names {metric.model}; run the workflow again",
            code="results/out-of-date",
        )
    hypotheses, sha256 = _hypotheses_of(results, place)
    if fields.text("hypotheses") != sha256:
        raise InkError(
            f"{path} is of other translations than {hypotheses}; delete it and run the workflow again",
            code="results/out-of-date",
        )
    found = Scored(
        fields.number("score"),
        fields.text("signature"),
        fields.listed(Fields.number, "segments", score.sentences) if isinstance(metric, SentenceMetric) else None,
        None if metric.model is None else fields.text("fingerprint"),
    )
    if found.segments is not None:
        mean = _aggregate(metric, metric.statistics([], [], found.segments))
        if abs(mean - found.score) > HIGHEST_DIFFERENCE:
            raise InkError(
                f"{path}: score {found.score} is not the mean of its segments' scores; delete it and run the workflow "
                "again",
                code="file/damaged",
            )
    return found


def statistics_of(metric: Metric, results: Path, score: Score) -> Statistics:
    """Count a run's statistics by test sentence, `(sentences, width)`, as `metric.statistics`.

    A copy without text has them on file. InkError where there is no score, hypotheses are missing, or they do not give
    the score on record.
    """
    where = f"{score.system} on {score.domain}, seed {score.seed}"
    found = score_in(metric, results, score)
    if found is None:
        raise InkError(
            f"{where}: {_file(metric, results, score)} is missing; run the workflow again", code="results/incomplete"
        )
    try:
        rows = _on_file(metric, results, score, found)
        if rows is None:
            rows = _counted(metric, results, score, found)
    except InkError as error:
        raise InkError(f"{where}: {error}", code=error.code) from None
    given = _aggregate(metric, rows)
    if abs(given - found.score) > HIGHEST_DIFFERENCE:
        raise InkError(
            f"{where}: its hypotheses give {metric.heading} {given:.2f}, but its score file says "
            f"{found.score:.2f} ({found.signature}): they are of different runs or tokenisers; decode and score again",
            code="results/out-of-date",
        )
    return rows


def _counted(metric: Metric, results: Path, score: Score, found: Scored) -> Statistics:
    """Count a run's statistics in its translations."""
    hypotheses = read_hypotheses(results, score.system, score.domain, score.seed)
    return metric.statistics(hypotheses, read_references(results, score.domain), found.segments)


def _on_file(metric: Metric, results: Path, score: Score, found: Scored) -> Statistics | None:
    """Read a run's statistics from a copy without text; None where there is no such copy."""
    kept = read_statistics(results, score.system, score.domain, score.seed)
    if kept is None:
        return None
    if found.segments is not None:  # they are in the score's own file
        return metric.statistics([], [], found.segments)
    path = statistics_file(results, score.system, score.domain, score.seed)
    if metric.name not in kept.by_metric:
        raise InkError(
            f"{path} has no counts of {metric.heading}; publish the results again, scored with it",
            code="results/incomplete",
        )
    rows = kept.by_metric[metric.name]
    if rows.ndim != 2 or len(rows) != score.sentences:
        raise InkError(
            f"{path}: {metric.heading} has counts of shape {rows.shape} for {score.sentences} sentences; copy or "
            "publish it again",
            code="file/damaged",
        )
    return rows


def _hypotheses_of(results: Path, run: Key) -> tuple[Path, str]:
    """Return the file that has a run's translations or stands for them, and the SHA-256 of the translations."""
    kept = read_statistics(results, *run)
    if kept is not None:
        return statistics_file(results, *run), kept.hypotheses
    path = hypotheses_file(results, *run)
    return path, sha256_of(path)


def _aggregate(metric: Metric, rows: NDArray[np.float64]) -> float:
    return float(metric.aggregate(rows.sum(axis=0)))


def _file(metric: Metric, results: Path, score: Score) -> Path:
    return Path(results) / "scores" / score.system / score.domain / f"seed{score.seed}.{metric.name}.json"
