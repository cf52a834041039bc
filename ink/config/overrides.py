"""Settings given on the command line, which arrive as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ink.config.domains import Config
from ink.config.schema import Keys, validator
from ink.runtime.errors import InkError
from ink.runtime.yaml_reading import read_yaml

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

NULL = ("null", "~")


def read_overrides(config: Config, overrides: Mapping[str, Any]) -> None:
    """Read again, in place, those settings of `config` that `overrides` brought in as text and that should be none.

    Snakemake's `--config 'ink={alpha: 0.2}'` takes numbers, true, false and null inside a mapping or list as text. Text
    that the schema refuses is read as YAML; a setting from a file is never touched, nor is text that is allowed, except
    null.
    """
    refused = {keys for error in validator().iter_errors(config) for keys in _refused(error)}
    for key, override in overrides.items():
        if key in config:
            config[key] = _read(config[key], override, (key,), refused)


def _read(value: Any, override: Any, keys: Keys, refused: set[Keys]) -> Any:
    if isinstance(override, Mapping) and isinstance(value, dict):
        read = {key: _read(value[key], override[key], (*keys, key), refused) for key in override if key in value}
        return {**value, **read}
    if isinstance(override, list) and isinstance(value, list):
        return [_read(item, item, (*keys, position), refused) for position, item in enumerate(value)]
    if not isinstance(value, str) or not (value in NULL or keys in refused):
        return value
    try:
        return read_yaml(value, "--config")
    except InkError:
        return value


def _refused(error: ValidationError) -> Iterator[Keys]:
    """Every place at which the schema refuses something, alternatives included."""
    yield tuple(error.absolute_path)
    for inner in error.context or []:
        yield from _refused(inner)
