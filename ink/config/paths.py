"""Paths in a configuration: `~` is the home folder of whoever reads it, expanded once, here; braces are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ink.config.domains import Config
from ink.config.schema import Keys, dotted
from ink.runtime.home import with_home

DOWNLOADED = "downloads.*.path"
# What a configuration names of the disk; * stands for every key of a mapping, or entry of a list.
PATHS = (
    "data.files.pattern",
    "data.files.train_from.*.*.pattern",
    "data.binarised.folder",
    "base_model.path",
    "base_model.folder",
    "base_model.bpe_codes",
    "base_model.source_dictionary",
    "base_model.target_dictionary",
    "evaluation.comet.model",  # where it is a path: no name on the hub begins with ~
    "evaluation.comet.encoder",
    DOWNLOADED,
)
DATABASE = "mlflow.tracking_uri"
_PLACEHOLDER = re.compile(r"\{(domain|split|language)\}")  # in the two that stand for many files


def expand_home(config: Config) -> None:
    """Replace `~` and `~user` at the beginning of every path in `config`, in place; it need not have been checked."""
    for name in PATHS:
        for section, keys in _places(config, name.split(".")):
            section[keys[-1]] = with_home(section[keys[-1]])
    for section, keys in _places(config, DATABASE.split(".")):
        section[keys[-1]] = expand_database(section[keys[-1]])


def expand_database(uri: str) -> str:
    """Return the URI of a store, with `~` replaced where it is that of a SQLite database: sqlite:///~/runs.db."""
    prefix = "sqlite:///"
    return prefix + with_home(uri.removeprefix(prefix)) if uri.startswith(prefix) else uri


def unusable(config: Config) -> Iterator[str]:
    """Paths that the workflow cannot name, since Snakemake takes what stands in braces for a wildcard."""
    for name in PATHS:
        # a download's copy is read by its command alone
        for section, keys in _places(config, name.split(".")) if name != DOWNLOADED else ():
            found = section[keys[-1]]
            if re.search("[{}]", _PLACEHOLDER.sub("", found)):
                allowed = "a path without { and }, which Snakemake has a use for: rename the folder, or link to it"
                yield f"{dotted(keys)}: found {found!r}; allowed: {allowed}"


def _places(value: Any, names: list[str], keys: Keys = ()) -> Iterator[tuple[dict[str, Any], Keys]]:
    """Yield each mapping in which a text stands under these names, and the keys that lead to the text."""
    name, *rest = names
    if name == "*" and isinstance(value, list):
        for position, entry in enumerate(value):
            yield from _places(entry, rest, (*keys, position))
    elif isinstance(value, dict):
        for key in value if name == "*" else [name]:
            if rest:
                yield from _places(value.get(key), rest, (*keys, key))
            elif isinstance(value.get(key), str):
                yield value, (*keys, key)
