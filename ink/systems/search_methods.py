"""Search strategies by name: a strategy's name says its method, such as unsure or unsure_half."""

from __future__ import annotations

import re

SEARCH_STRATEGIES = "search_strategies"  # the section of the config
SOURCE_TOKENS = "source_tokens"  # the method that needs the source tokens of the training text
METHODS = ("unsure", "cache", "chunks", SOURCE_TOKENS)
NAME_PATTERN = f"^({'|'.join(METHODS)})(_[a-z0-9_]+)?$"
_NAME = re.compile(NAME_PATTERN)


def search_method(name: str) -> str | None:
    """Return the method of the strategy of this name, None where no strategy can have it."""
    found = _NAME.fullmatch(name)
    return None if found is None else found[1]
