"""The epoch loop under every training of a translation model: base model, Adapter, INK and kNN-KD."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ink.metrics.dev_bleu import DevBleu
from ink.nmt.distributed import in_first, is_first
from ink.nmt.training_run import TrainingRun
from ink.training.early_stopping import History, Stopping
from ink.training.launcher import EpochReport


@dataclass(frozen=True)
class Training:
    """What is trained, and what differs from one training to another.

    run: model, objective and optimiser. name: what messages call an epoch, such as `adapter, epoch`. keep: called in
    the first process with the number of the epoch that has ended, writes what is needed of it. dev_bleu: scores it.
    prepare: called in every process with the number of the epoch that is about to begin, returns seconds by name.
    """

    run: TrainingRun
    name: str
    stopping: Stopping
    keep: Callable[[int], None]
    dev_bleu: DevBleu | None = None
    prepare: Callable[[int], Mapping[str, float]] = lambda _number: {}


def fit(training: Training, on_epoch: EpochReport, first: int = 1) -> History:
    """Train epoch after epoch until `training.stopping` says that it is over, and return the history.

    `on_epoch` is told of each epoch from number `first` on, after an interruption of those before it as well.
    """
    run = training.run
    for entry in run.history[first - 1 :]:
        on_epoch(entry)
    while not training.stopping.is_over(run.history):
        number = len(run.history) + 1
        entry = train_epoch(training, number)
        run.history.append(entry)
        on_epoch(entry)
        if is_first():
            training.keep(number)
    return run.history


def train_epoch(training: Training, number: int) -> dict[str, Any]:
    """Prepare and train one epoch, have the first process score dev, and return the epoch's entry of the history."""
    run, description = training.run, f"{training.name} {number}"
    seconds = dict(training.prepare(number))
    means = run.epoch(description)
    seconds["training"] = means.pop("seconds")
    entry: dict[str, Any] = {"round": number, "updates": run.updates, **means}
    if (score := training.dev_bleu) is not None:
        start = time.perf_counter()
        entry["dev_bleu"] = in_first(lambda: score(run.model))
        seconds["dev"] = time.perf_counter() - start
        print(f"{description}: dev BLEU {entry['dev_bleu']:.2f}", flush=True)
    return {**entry, "seconds": seconds}
