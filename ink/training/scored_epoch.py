"""An epoch that the dev set judges, and the record of a training that is made of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from torch import nn

from ink.evaluation.dev_bleu import DevBleu
from ink.training.distributed import in_first
from ink.training.report import EpochReport
from ink.training.stopping import History, Selection
from ink.training.trainer import TrainingRun


def scored_epoch(
    run: TrainingRun,
    network: nn.Module,
    dev_bleu: DevBleu,
    description: str,
    on_epoch: EpochReport,
    seconds: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Train one epoch, score the dev set, and return the history's new entry, of which `on_epoch` is told.

    seconds: what was done for this epoch before it, by name. Of processes that train together the first scores dev.
    """
    number = len(run.history) + 1
    means = run.epoch(f"{description} {number}")
    start = time.perf_counter()
    bleu = in_first(lambda: dev_bleu(network))
    print(f"{description} {number}: dev BLEU {bleu:.2f}", flush=True)
    spent = {**(seconds or {}), "training": means.pop("seconds"), "dev": time.perf_counter() - start}
    entry = {"round": number, "updates": run.updates, **means, "dev_bleu": bleu, "seconds": spent}
    run.history.append(entry)
    on_epoch(entry)
    return entry


def record_of(history: History, selected: Selection, dev_bleu: float) -> dict[str, Any]:
    """Return what is written down of a training: its best round, what was averaged, and the average's dev BLEU."""
    return {
        "best_round": selected.best,
        "best_dev_bleu": next(entry["dev_bleu"] for entry in history if entry["round"] == selected.best),
        "averaged_rounds": selected.averaged,
        "dev_bleu": dev_bleu,
        "history": list(history),
    }
