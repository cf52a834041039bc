"""When training stops, and which checkpoints make the final weights; the rounds that need not run once it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.runtime.whole_files import read_json, write_atomically, write_json

# One dictionary an epoch or round, in order, numbered from 1 in "round" and scored in "dev_bleu".
History = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Stopping:
    """After `epochs` epochs at the latest; with `patience`, once the best on dev, of INK's `variant`, is that old."""

    epochs: int
    patience: int | None = None
    variant: str = "paper"

    def is_over(self, history: History) -> bool:
        """Whether nothing is left to train."""
        return len(history) >= self.epochs or self.has_run_out(history)

    def has_run_out(self, history: History) -> bool:
        """Whether the best of the epochs or rounds, as `best_round` has it, is `patience` ago."""
        if self.patience is None or not history:
            return False
        return bool(history[-1]["round"] - best_round(history, self.variant) >= self.patience)


@dataclass(frozen=True)
class Selection:
    """The best round, and those to average: the distinct ones among the last few and the best one, in order."""

    best: int
    averaged: list[int]
    history: History

    def record(self, dev_bleu: float) -> dict[str, Any]:
        """Return what is written down of a training; `dev_bleu` is the average's."""
        return {
            "best_round": self.best,
            "best_dev_bleu": next(entry["dev_bleu"] for entry in self.history if entry["round"] == self.best),
            "averaged_rounds": self.averaged,
            "dev_bleu": dev_bleu,
            "history": list(self.history),
        }


def best_round(history: History, variant: str = "paper") -> int:
    """Return the number of the epoch or round with the highest dev BLEU.

    `paper`, and every system but INK: the first of equals. `released`, of INK alone: BLEU is rounded to 0.01, and the
    last of equals is the best, from which patience then counts.
    """
    if variant == "released":
        return int(max(history, key=lambda entry: (round(entry["dev_bleu"], 2), entry["round"]))["round"])
    return int(max(history, key=lambda entry: (entry["dev_bleu"], -entry["round"]))["round"])


def select_rounds(history: History, average_last: int, variant: str = "paper") -> Selection:
    """Select the best round, as `best_round` has it, and the last `average_last`, to be averaged with it."""
    best = best_round(history, variant)
    return Selection(best, sorted({*(int(entry["round"]) for entry in history[-average_last:]), best}), history)


def has_stopped(previous: Path) -> bool:
    """Whether training ended with the rounds in `previous`, or before them."""
    return bool(read_json(previous / "record.json", "stop")["stop"])


def write_stopped_rounds(output: Path) -> None:
    """Write the record of rounds that were not trained: once patience has run out later jobs only say so."""
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        write_json(folder / "record.json", {"rounds": [], "status": "stopped", "stop": True, "history": []})
