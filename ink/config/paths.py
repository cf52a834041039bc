"""Paths in a configuration: `~` is the home folder of whoever reads it, expanded once, here; braces are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ink.config.domains import Config
from ink.home import with_home

# What a configuration names of the disk; * stands for every key of a mapping.
PATHS = (
    "data.files.pattern",
    "data.binarised.folder",
    "base_model.path",
    "base_model.bpe_codes",
    "base_model.source_dictionary",
    "base_model.target_dictionary",
    "evaluation.comet.model",  # where it is a path: no name on the hub begins with ~
    "evaluation.comet.encoder",
    "downloads.*.path",
)
DATABASE = "mlflow.tracking_uri"
_PLACEHOLDER = re.compile(r"\{(domain|split|language)\}")  # in the two that stand for many files


def expand_home(config: Config) -> None:
    """Replace `~` and `~user` at the beginning of every path in `config`, in place; it need not have been checked."""
    for name in PATHS:
        for section, key in _places(config, name.split(".")):
            section[key] = with_home(section[key])
    for section, key in _places(config, DATABASE.split(".")):
        section[key] = expand_database(section[key])


def expand_database(uri: str) -> str:
    """Return the URI of a store, with `~` replaced where it is that of a SQLite database: sqlite:///~/runs.db."""
    prefix = "sqlite:///"
    return prefix + with_home(uri.removeprefix(prefix)) if uri.startswith(prefix) else uri


def unusable(config: Config) -> Iterator[str]:
    """Paths that the workflow cannot name, since Snakemake takes what stands in braces for a wildcard."""
    for name in PATHS:
        # a download's copy is read by its command alone
        for section, key in _places(config, name.split(".")) if "*" not in name else ():
            if re.search("[{}]", _PLACEHOLDER.sub("", section[key])):
                allowed = "a path without { and }, which Snakemake has a use for: rename the folder, or link to it"
                yield f"{name}: found {section[key]!r}; allowed: {allowed}"


def _places(value: Any, keys: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the mappings in which the text named by `keys` stands, and its key there."""
    if not isinstance(value, dict):
        return
    first, *rest = keys
    for key in value if first == "*" else [first]:
        if rest:
            yield from _places(value.get(key), rest)
        elif isinstance(value.get(key), str):
            yield value, key
