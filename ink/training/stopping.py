"""When training stops, and which checkpoints make the final adapter; the same for Adapter and INK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

# One dictionary an epoch or round, in order, numbered from 1 in "round" and scored in "dev_bleu".
History = Sequence[Mapping[str, Any]]
# Called with every entry as soon as it is there.
OnEpoch = Callable[[Mapping[str, Any]], None]


def unwatched(entry: Mapping[str, Any]) -> None:
    """Let an entry pass: nobody watches the training."""


def best_round(history: History) -> int:
    """Return the number of the epoch or round with the highest dev BLEU, the first of equals."""
    return int(max(history, key=lambda entry: (entry["dev_bleu"], -entry["round"]))["round"])


def patience_has_run_out(history: History, patience: int) -> bool:
    """Whether dev BLEU has not improved for `patience` epochs or rounds."""
    return bool(history) and history[-1]["round"] - best_round(history) >= patience


def rounds_to_average(history: History, average_last: int) -> list[int]:
    """Return the distinct rounds among the last `average_last` and the best one, in order."""
    last = [int(entry["round"]) for entry in history[-average_last:]]
    return sorted({*last, best_round(history)})
