"""The whole of a configuration: every setting, as the file states it, from its scale's preset, or by default."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from ink.config.domains import Config
from ink.config.history import CURRENT, HISTORY, added_since
from ink.config.schema import Keys, Schema, dotted, schema
from ink.runtime.yaml_reading import read_yaml

VERSION, SCALE = "config_version", "scale"
DEFAULT = "default"


def resolve(stated: Config) -> Config:
    """Return the whole of which a file or command line states a part, with what it states wrongly as it stands there.

    A mapping by domain replaces another value whole. A file that has a `config_version`, or every setting of version 1,
    is whole already: of settings that are newer it gets the value of its time, and no default.
    """
    if (version := _version(stated)) is not None:
        return upgrade(stated, version)
    whole: Config = {} if VERSION in stated else {VERSION: CURRENT}
    for layer in [*layers(stated).values(), stated]:
        whole = _overlaid(schema(), whole, layer)
    if whole.get(SCALE) in _scales():
        del whole[SCALE]
    return whole


def upgrade(stated: Config, version: int) -> Config:
    """Return a whole of a version as one of the current version."""
    whole = {VERSION: CURRENT, **copy.deepcopy(stated)}
    for name, value in added_since(version).items():
        _add(whole, name.split("."), value(stated) if callable(value) else value)
    return {**whole, VERSION: CURRENT}


def layers(stated: Config) -> dict[str, Config]:
    """Return by name what an experiment's file overrides, the lowest first: the defaults, its scale's preset."""
    found = {DEFAULT: _defaults(schema())}
    if (scale := stated.get(SCALE)) in _scales():
        found[f"scale {scale}"] = _without_training(preset(scale)) if _is_huggingface(stated) else preset(scale)
    return found


def _is_huggingface(stated: Config) -> bool:
    base_model = stated.get("base_model")
    return isinstance(base_model, dict) and any(isinstance(base_model.get(name), str) for name in ("hub", "folder"))


def _without_training(scale: Config) -> Config:
    """Leave out how a base model and its subwords are learned, which a Hugging Face model brings."""
    found = copy.deepcopy(scale)
    found.get("base_model", {}).pop("train", None)
    found.get("text", {}).pop("bpe_merges", None)
    return found


@cache
def preset(scale: str) -> Config:
    """Return what a scale sets."""
    path = files("ink.config").joinpath("scales", f"{scale}.yaml")
    read: Config = read_yaml(path.read_text(encoding="utf-8"), str(path))
    return read


def origins(stated: Config, file: str) -> Iterator[tuple[Keys, Any, str]]:
    """Yield every setting of the whole: its keys, value, and where that is from.

    A mapping that is no section of settings, such as a value by domain, is one value.
    """
    version = _version(stated)
    below = layers(stated) if version is None else {f"version {version}": {}}
    for keys, value in _settings(schema(), resolve(stated)):
        named = {file: stated, **dict(reversed(below.items()))}
        origin = next((name for name, layer in named.items() if _states(layer, keys)), next(iter(below)))
        yield keys, value, "this version of ink" if keys == (VERSION,) else origin


def _version(stated: Config) -> int | None:
    """Return the version of a file that has every setting, None for an experiment's own file."""
    if VERSION in stated:
        return stated[VERSION] if stated[VERSION] in [*HISTORY] else None
    newer = added_since(1)
    whole = SCALE not in stated and all(dotted(keys) in newer for keys in _missing(schema(), stated))
    return 1 if whole else None


def _scales() -> list[str]:
    allowed: list[str] = schema()["properties"][SCALE]["enum"]
    return allowed


def _defaults(rules: Schema) -> Config:
    """Return the defaults of a section's settings, which are those in its sections where the setting is one."""
    found: Config = {}
    for key, setting in rules["properties"].items():
        if key in rules["required"] and "properties" in setting and setting["type"] == "object":
            found[key] = _defaults(setting)
        elif "default" in setting:
            found[key] = copy.deepcopy(setting["default"])
    return found


def _overlaid(rules: Schema, below: Any, above: Any) -> Any:
    """Lay a value over another: settings of a section one by one, in the schema's order, any other value whole."""
    if not isinstance(above, dict) or "properties" not in rules:
        return copy.deepcopy(above)
    settings = rules["properties"]
    merged = dict(below) if isinstance(below, dict) else _defaults(rules)
    for key, value in above.items():
        merged[key] = _overlaid(settings.get(key, {}), merged.get(key), value)
    return {key: merged[key] for key in [*(key for key in settings if key in merged), *merged]}


def _missing(rules: Schema, stated: Config, keys: Keys = ()) -> Iterator[Keys]:
    for key, setting in rules["properties"].items():
        inner = stated.get(key)
        if key not in stated:
            if key in rules["required"]:
                yield (*keys, key)
        elif isinstance(inner, dict) and "properties" in setting:
            yield from _missing(setting, inner, (*keys, key))


def _add(section: Any, names: list[str], value: Any) -> None:
    """Set what is not there yet, in sections that are."""
    name, *rest = names
    if not isinstance(section, dict):
        return
    if rest:
        _add(section.get(name), rest, value)
    else:
        section.setdefault(name, copy.deepcopy(value))


def _settings(rules: Schema, value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict) and "properties" in rules:
        for key, inner in value.items():
            yield from _settings(rules["properties"].get(key, {}), inner, (*keys, key))
    else:
        yield keys, value


def _states(config: Any, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(config, dict) or key not in config:
            return False
        config = config[key]
    return True
