"""The names of curves and measures, the same for every system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION

# keys of a history's entry that are no loss and no share
_COUNTS = ("round", "update", "updates")
_NAMED_OTHERWISE = {
    "dev_bleu": "dev/bleu",
    "training_loss": "train/loss",
    "dev_loss": "dev/loss",
    "dev_log_likelihood": "dev/log_likelihood",
    "lambda": "dev/lambda",
}


def curve_points(entry: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield name and value of every curve at an entry of a training history; its epoch, round or update is the step."""
    for key, value in entry.items():
        if key == "seconds":
            seconds = value if isinstance(value, Mapping) else {"training": value}
            yield from ((f"time/{kind}_seconds", float(spent)) for kind, spent in seconds.items())
            if "refresh" in seconds:
                yield "time/refresh_share", float(seconds["refresh"]) / sum(seconds.values())
        elif key in _NAMED_OTHERWISE:
            yield _NAMED_OTHERWISE[key], float(value)
        elif key not in _COUNTS and isinstance(value, int | float):
            yield f"train/{key}", float(value)


def training_measures(record: Mapping[str, Any]) -> dict[str, float]:
    """Return what a training's record.json says of the model that came out."""
    names = {"best_dev_bleu": "dev/bleu_best", "dev_bleu": "dev/bleu_final", "best_dev_loss": "dev/loss_best"}
    return {name: float(record[key]) for key, name in names.items() if key in record}


def score_measures(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return what a scores file says of a run."""
    measures = {f"test/{name}": float(scores[name]["score"]) for name in SCORED_WITH_TRANSLATION}
    if scores["general"] is not None:
        general = {name: float(scores["general"][name]["score"]) for name in SCORED_WITH_TRANSLATION}
        measures |= {f"general/{name}": score for name, score in general.items()}
    measures["memory/added_bytes"] = float(sum(scores["added_memory"].values()))
    measures["decoding/sentences_per_second"] = float(scores["decoding"]["sentences_per_second"])
    return measures
