"""The epoch loop: what is told, kept and scored, in which order, and when it ends; without a model."""

from __future__ import annotations

from typing import Any

import pytest

from ink.training.early_stopping import Stopping
from ink.training.fit import Training, fit


class Run:
    """Stands for a TrainingRun: epochs of three updates, whose loss is the number of the epoch."""

    def __init__(self, events: list[Any], trained: int = 0) -> None:
        self.events, self.model = events, "model"
        self.history: list[dict[str, Any]] = [{"round": number, "dev_bleu": 1.0} for number in range(1, trained + 1)]
        self.updates = 3 * trained

    def epoch(self, description: str) -> dict[str, float]:
        self.events.append(description)
        self.updates += 3
        return {"loss": float(self.updates // 3), "seconds": 2.0}


def training(events: list[Any], stopping: Stopping, scores: list[float] | None = None, trained: int = 0) -> Training:
    def score(model: Any) -> float:
        events.append(f"score the {model}")
        assert scores is not None
        return scores.pop(0)

    def prepare(number: int) -> dict[str, float]:
        events.append(f"prepare {number}")
        return {"refresh": 5.0}

    def keep(number: int) -> None:
        events.append(f"keep {number}")

    run: Any = Run(events, trained)
    scorer: Any = None if scores is None else score
    return Training(run, "epoch", stopping, keep, scorer, prepare)


def test_an_epoch_is_prepared_trained_scored_told_and_then_kept() -> None:
    events: list[Any] = []
    whole = training(events, Stopping(2), [7.0, 6.0])
    history = fit(whole, lambda entry: events.append(f"tell {entry['round']}"))
    assert events == [
        event
        for number in (1, 2)
        for event in (
            f"prepare {number}",
            f"epoch {number}",
            "score the model",
            f"tell {number}",
            f"keep {number}",
        )
    ]
    assert list(history[1]) == ["round", "updates", "loss", "dev_bleu", "seconds"]
    assert [history[1][name] for name in ("round", "updates", "loss", "dev_bleu")] == [2, 6, 2.0, 6.0]
    assert list(history[1]["seconds"]) == ["refresh", "training", "dev"]
    assert (history[1]["seconds"]["refresh"], history[1]["seconds"]["training"]) == (5.0, 2.0)


def test_what_nobody_scores_has_no_score() -> None:
    (entry,) = fit(training([], Stopping(1)), lambda _entry: None)
    assert list(entry) == ["round", "updates", "loss", "seconds"]
    assert list(entry["seconds"]) == ["refresh", "training"]


@pytest.mark.parametrize(("first", "reported"), [(1, [1, 2, 3]), (3, [3])])
def test_epochs_of_an_earlier_job_are_told_and_not_trained_again(first: int, reported: list[int]) -> None:
    events: list[Any] = []
    heard: list[int] = []
    fit(training(events, Stopping(3), [1.0], trained=2), lambda entry: heard.append(entry["round"]), first)
    assert heard == reported
    assert [event for event in events if event.startswith("epoch")] == ["epoch 3"]


def test_it_ends_when_patience_has_run_out_or_all_epochs_are_trained() -> None:
    events: list[Any] = []
    impatient = training(events, Stopping(9, patience=2), [3.0, 2.0, 1.0, 9.0])
    assert len(fit(impatient, lambda _entry: None)) == 3
    assert impatient.stopping.has_run_out(impatient.run.history)
    patient = training(events, Stopping(2, patience=2), [3.0, 2.0])
    assert len(fit(patient, lambda _entry: None)) == 2
    assert not patient.stopping.has_run_out(patient.run.history)
    assert fit(patient, lambda _entry: None) == patient.run.history  # it stays over
