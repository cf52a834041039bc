"""Scores of runs in one metric, from the files in which runs and `ink score` left them under RESULTS/scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ink.metrics.bootstrap import Statistics
from ink.metrics.metric import Metric, Scored, SentenceMetric
from ink.results.records.scores import Fields, Score, hypotheses_file, read_hypotheses, read_references
from ink.results.tables.aggregation import Key, signature_note
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, sha256_of

HIGHEST_DIFFERENCE = 0.005  # between a score on record and that of the hypotheses


def scores_in(metric: Metric, results: Path, selected: Mapping[Key, Score]) -> dict[Key, Scored]:
    """Read the scores of the runs in `selected` in one metric, those that are there.

    InkError where one is of other translations than those in `results`, or of another model than `metric` or the rest.
    """
    found: dict[Key, Scored] = {}
    first: Path | None = None
    for key, score in selected.items():
        one = score_in(metric, results, score)
        if one is None:
            continue
        found[key] = one
        first = first or _file(metric, results, score)
        if len({one.fingerprint for one in found.values()}) > 1:
            raise InkError(
                f"{_file(metric, results, score)} and {first} were made with different files of the {metric.heading} "
                f"model {metric.model}; delete both and run the workflow again"
            )
    return found


def score_in(metric: Metric, results: Path, score: Score) -> Scored | None:
    """Read one run's score in a metric; None where it has none. InkError as `scores_in`."""
    if metric.name in score.metrics:
        return score.metrics[metric.name]
    path = _file(metric, results, score)
    if not path.is_file():
        return None
    fields = Fields(path, read_json(path))
    place = (fields.text("system"), fields.text("domain"), fields.count("seed"))
    if place != (score.system, score.domain, score.seed):
        raise InkError(
            f"{path} says that it is {'/'.join(map(str, place))}; it was moved or copied by hand, put it back"
        )
    if metric.model is not None and (model := fields.text("model")) != metric.model:
        raise InkError(
            f"{path} is of the {metric.heading} model {model}, the config names {metric.model}; run the workflow again"
        )
    hypotheses = hypotheses_file(results, *place)
    if fields.text("hypotheses") != sha256_of(hypotheses):
        raise InkError(f"{path} is of other translations than {hypotheses}; delete it and run the workflow again")
    found = Scored(
        fields.number("score"),
        fields.text("signature"),
        fields.numbers("segments", score.sentences) if isinstance(metric, SentenceMetric) else None,
        None if metric.model is None else fields.text("fingerprint"),
    )
    if found.segments is not None:
        mean = _aggregate(metric, metric.statistics([], [], found.segments))
        if abs(mean - found.score) > HIGHEST_DIFFERENCE:
            raise InkError(
                f"{path}: score {found.score} is not the mean of its segments; delete it and run the workflow again"
            )
    return found


def statistics_of(metric: Metric, results: Path, score: Score) -> Statistics:
    """Count a run's statistics by test sentence, `(sentences, width)`, as `metric.statistics`.

    InkError where there is no score, hypotheses are missing, or they do not give the score on record.
    """
    where = f"{score.system} on {score.domain}, seed {score.seed}"
    found = score_in(metric, results, score)
    if found is None:
        raise InkError(f"{where}: {_file(metric, results, score)} is missing; run the workflow again")
    hypotheses = read_hypotheses(results, score.system, score.domain, score.seed)
    try:
        rows = metric.statistics(hypotheses, read_references(results, score.domain), found.segments)
    except InkError as error:
        raise InkError(f"{where}: {error}") from None
    given = _aggregate(metric, rows)
    if abs(given - found.score) > HIGHEST_DIFFERENCE:
        raise InkError(
            f"{where}: its hypotheses give {metric.heading} {given:.2f}, its score file says {found.score:.2f} "
            f"({found.signature}); one of them is of another run or tokeniser, decode and score again"
        )
    return rows


def metric_note(metric: Metric, scores: Iterable[Scored]) -> str:
    """Say what the scores in a metric were computed with."""
    scores = list(scores)
    if metric.model is None:
        return signature_note((one.signature for one in scores), metric)
    if not scores:
        return f"{metric.heading}: no score of these runs; run the workflow."
    signatures = ", ".join(sorted({one.signature for one in scores}))
    times = f", times {metric.scale:g}" if isinstance(metric, SentenceMetric) and metric.scale != 1 else ""
    return (
        f"{metric.heading}: {metric.model} (checkpoint's SHA-256 {str(scores[0].fingerprint)[:16]}), {signatures}; the "
        f"mean of the sentences' scores{times}."
    )


def _aggregate(metric: Metric, rows: NDArray[np.float64]) -> float:
    return float(metric.aggregate(rows.sum(axis=0)))


def _file(metric: Metric, results: Path, score: Score) -> Path:
    return Path(results) / "scores" / score.system / score.domain / f"seed{score.seed}.{metric.name}.json"
