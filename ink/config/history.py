"""The versions of the configuration: which settings each added, so that an older resolved file can still be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _metrics_before(config: Mapping[str, Any]) -> list[str]:
    """BLEU and chrF, and COMET where the configuration names a model of it."""
    evaluation = config.get("evaluation")
    return ["bleu", "chrf", *(["comet"] if isinstance(evaluation, Mapping) and evaluation.get("comet") else [])]


# version -> dotted setting that it added -> the value that stands for what was done before there was that setting, or a
# function of the older configuration, unchecked as it is, whose docstring says what it finds
HISTORY: dict[int, Mapping[str, Any | Callable[[Any], Any]]] = {
    1: {},  # all settings that there were when versions began; a complete file without a version is of it
    2: {"evaluation.metrics": _metrics_before},
    3: {"reductions": {}},
    4: {
        "search_strategies": {},
        "sk_mt": {"key": "decoder_output", "candidates": 64, "pairs": 16, "k": 2, "temperature": 100},
    },
    5: {"text.segmentation": "bpe"},
}
CURRENT = max(HISTORY)


def added_since(version: int) -> dict[str, Any]:
    """Return the settings that were added after a version, each with its value in HISTORY."""
    return {name: value for number, added in HISTORY.items() if number > version for name, value in added.items()}
