"""Telling whoever watches a training of each epoch that has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Called with an entry of the history: its number in "round", what the criterion logged, "dev_bleu", "seconds".
EpochReport = Callable[[Mapping[str, Any]], None]


def ignore_epoch(_entry: Mapping[str, Any]) -> None:
    """Watch nothing."""
