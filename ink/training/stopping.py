"""When training stops, and which checkpoints make the final weights; Adapter, INK and kNN-KD alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# One dictionary an epoch or round, in order, numbered from 1 in "round" and scored in "dev_bleu".
History = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Selection:
    """The best round, and those to average: the distinct ones among the last few and the best one, in order."""

    best: int
    averaged: list[int]


def best_round(history: History, variant: str = "paper") -> int:
    """Return the number of the epoch or round with the highest dev BLEU.

    `paper`, and every system but INK: the first of equals. `released`, of INK alone: BLEU is rounded to 0.01, and the
    last of equals is the best, from which patience then counts.
    """
    if variant == "released":
        return int(max(history, key=lambda entry: (round(entry["dev_bleu"], 2), entry["round"]))["round"])
    return int(max(history, key=lambda entry: (entry["dev_bleu"], -entry["round"]))["round"])


def patience_has_run_out(history: History, patience: int, variant: str = "paper") -> bool:
    """Whether the best of the epochs or rounds, as `best_round` has it, is `patience` ago."""
    return bool(history) and history[-1]["round"] - best_round(history, variant) >= patience


def select_rounds(history: History, average_last: int, variant: str = "paper") -> Selection:
    """Select the best round, as `best_round` has it, and the last `average_last`, to be averaged with it."""
    best = best_round(history, variant)
    return Selection(best, sorted({*(int(entry["round"]) for entry in history[-average_last:]), best}))
