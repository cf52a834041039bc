"""COMET's scores of the runs that a table shows, as `ink score-comet` left them under results/EXPERIMENT/comet."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ink.errors import InkError
from ink.files import read_json, sha256_of
from ink.reporting.aggregation import Key
from ink.reporting.scores import Fields, Score, hypotheses_file


@dataclass(frozen=True)
class CometScore:
    """RESULTS/comet/SYSTEM/DOMAIN/seedN.json: the mean of the segments times 100, the segments, and the model's name.

    `fingerprint` is the SHA-256 of the model's checkpoint, `version` unbabel-comet's.
    """

    score: float
    segments: Sequence[float]
    model: str
    fingerprint: str
    version: str


def read_comet(results: Path, model: str, selected: Mapping[Key, Score]) -> dict[Key, CometScore]:
    """Read COMET's scores of the runs in `selected`, those that are there.

    InkError where one is of another model than `model`, of other translations than those in `results`, or not made
    with the checkpoint that the others were made with.
    """
    found: dict[Key, CometScore] = {}
    first: Path | None = None
    for key, score in selected.items():
        path = Path(results) / "comet" / score.system / score.domain / f"seed{score.seed}.json"
        if not path.is_file():
            continue
        found[key] = _read(results, path, score, model)
        first = first or path
        if len({one.fingerprint for one in found.values()}) > 1:
            raise InkError(
                f"{path} and {first} were made with different files of the COMET model {model}; delete the folder "
                f"{Path(results) / 'comet'} and run the workflow again"
            )
    return found


def comet_note(scores: Mapping[Key, CometScore]) -> str:
    """Say what COMET's scores were computed with."""
    if not scores:
        return "COMET: no score of these runs; run the workflow."
    one = next(iter(scores.values()))
    versions = ", ".join(sorted({score.version for score in scores.values()}))
    return (
        f"COMET: {one.model} (checkpoint's SHA-256 {one.fingerprint[:16]}), unbabel-comet {versions}; the mean of the "
        "sentences' scores, times 100."
    )


def _read(results: Path, path: Path, score: Score, model: str) -> CometScore:
    fields = Fields(path, read_json(path))
    place = (fields.text("system"), fields.text("domain"), fields.count("seed"))
    if place != (score.system, score.domain, score.seed):
        raise InkError(
            f"{path} says that it is {'/'.join(map(str, place))}; it was moved or copied by hand, put it back"
        )
    if (found := fields.text("model")) != model:
        raise InkError(f"{path} is of the COMET model {found}, the config names {model}; run the workflow again")
    hypotheses = hypotheses_file(results, *place)
    if fields.text("hypotheses") != sha256_of(hypotheses):
        raise InkError(f"{path} is of other translations than {hypotheses}; delete it and run the workflow again")
    segments = fields.numbers("segments", score.sentences)
    system_score = fields.number("score")
    if abs(100 * statistics.fmean(segments) - system_score) > 0.001:
        raise InkError(
            f"{path}: score {system_score} is not the mean of its segments; delete it and run the workflow again"
        )
    return CometScore(system_score, segments, found, fields.text("fingerprint"), fields.text("unbabel_comet"))
