"""The versions of the configuration: which settings each added, so that an older resolved file can still be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# version -> dotted setting that it added -> the value that stands for what was done before there was that setting
HISTORY: dict[int, Mapping[str, Any]] = {
    1: {},  # all settings that there were when versions began; a complete file without a version is of it
}
CURRENT = max(HISTORY)


def added_since(version: int) -> dict[str, Any]:
    """Return the settings that came after a version, each with the value of that version's time."""
    return {name: value for number, added in HISTORY.items() if number > version for name, value in added.items()}
