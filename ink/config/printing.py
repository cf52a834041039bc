"""The whole of a configuration as text, with where every value is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ink.config.domains import Config
from ink.config.resolving import origins


def written(value: Any) -> str:
    """Write a value as YAML on one line."""
    line = yaml.safe_dump([value], default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False)
    return line.strip()[1:-1]


def whole_text(stated: Config, file: str) -> str:
    """Write the whole of which `file` states a part: YAML, with the origin of each value behind it."""
    lines = list(_lines(stated, file))
    width = min(60, max(len(line) for line, _ in lines))
    return "".join(f"{line:{width}}  # {origin}\n" if origin else f"{line}\n" for line, origin in lines)


def _lines(stated: Config, file: str) -> Iterator[tuple[str, str]]:
    before: tuple[Any, ...] = ()
    for keys, value, origin in origins(stated, file):
        *sections, last = keys
        for depth, section in enumerate(sections):
            if before[: depth + 1] != keys[: depth + 1]:
                yield f"{'  ' * depth}{section}:", ""
        yield f"{'  ' * len(sections)}{written(last)}: {written(value)}", origin
        before = keys
