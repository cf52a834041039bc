"""docs/configuration.md: every setting with its default, the scales' values, what is allowed, and what it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ink.config.history import HISTORY
from ink.config.printing import written
from ink.config.resolving import preset
from ink.config.schema import Keys, Schema, in_words

_HEAD = """# Configuration

Written by `make settings` from `ink/config/sections` and `ink/config/scales`.

An experiment is one YAML file that says what differs from its scale and from the defaults. The defaults are the
paper's, or the released code's where the paper says nothing. A setting without a sensible default is *required*.
Nothing is taken from another experiment's file.

- `ink config show FILE` prints every setting of an experiment and where its value comes from: the file, the scale, or
  the default.
- `scale: SCALE` ({scales}) sets values for smaller models and texts in place of the defaults; a value in the file
  overrides it.
- A setting that may differ by domain takes a value, or a value per domain: `k: {{medical: 32, koran: 64}}`. Such a
  mapping replaces the default whole.
- `results/EXPERIMENT/config.yaml` has every setting of the run, overrides included, and its
  [`config_version`](#versions).
- Editors complete and check settings by the JSON schema [ink/config/schema.json](../ink/config/schema.json). Many find
  it by a first line in the file: `# yaml-language-server: $schema=PATH/ink/config/schema.json`.

*none* marks a setting that may be absent and then stays absent; `*` stands for every key of a mapping or entry of a
list.
"""
_VERSIONS = """
## Versions

A file with a `config_version` has every setting of its version; so has an experiment's file that is complete without
one, which counts as version 1. A setting that came later takes the value in this list, which stands for what `ink` did
before the setting existed.
"""


def reference(schema: Schema) -> str:
    """Write the page from the schema of an experiment's file."""
    scales: list[str] = schema["properties"]["scale"]["enum"]
    lines = [_HEAD.format(scales=", ".join(scales)), "## The experiment", ""]
    lines += _table(schema, (), scales)
    for keys, section in _sections(schema, ()):
        heading = ".".join(keys).replace("*", r"\*")  # or what stands between two is emphasised
        lines += ["", f"## {heading}", "", _escaped(section["description"]) + _absence(section), ""]
        lines += _table(section, keys, scales)
    lines += [
        _VERSIONS,
        "| version | setting | value before |",
        "|---|---|---|",
        "| 1 | every setting without a later version | |",
    ]
    lines += [
        f"| {version} | `{name}` | {value.__doc__ if callable(value) else f'`{written(value)}`'} |"
        for version in HISTORY
        for name, value in HISTORY[version].items()
    ]
    return "\n".join(lines) + "\n"


def _sections(rules: Schema, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield the sections inside one, with their places; sections that have the same settings are one, under *."""
    same = _same_settings(rules)
    for key, setting in rules["properties"].items():
        place: tuple[str, ...] = (*keys, key)
        if key in same:
            if key != same[0]:
                continue
            place, setting = (*keys, "*"), {**setting, "description": "Settings of each of these."}
        while "properties" not in setting and isinstance(
            inner := setting.get("additionalProperties", setting.get("items")), dict
        ):
            place, setting = (*place, "*"), inner
        if "properties" in setting:
            yield place, setting
            yield from _sections(setting, place)


def _absence(section: Schema) -> str:
    return " The default is `null`." if section.get("default", {}) is None else ""


def _same_settings(rules: Schema) -> list[str]:
    settings = rules["properties"]
    inner = [setting.get("properties") for setting in settings.values()]
    return [key for key in settings if inner.count(settings[key].get("properties", {})) > 1]


def _table(rules: Schema, keys: Keys, scales: list[str]) -> Iterator[str]:
    """Yield the rows of the settings that are no sections."""
    same = _same_settings(rules)
    rows = {key: setting for key, setting in rules["properties"].items() if "properties" not in setting or key in same}
    if rows:
        yield "| setting | default | allowed | what |"
        yield "|---|---|---|---|"
    for key, setting in rows.items():
        default = f"`{written(setting['default'])}`" if "default" in setting else "*none*"
        if key in rules.get("required", ()):
            default = "*required*"
        for scale in scales:
            if (found := _at(preset(scale), (*keys, key))) is not None:
                default += f"<br>{scale}: `{written(found)}`"
        allowed = in_words(setting) + (f", in {setting['unit']}" if "unit" in setting else "")
        yield f"| `{key}` | {default} | {_escaped(allowed)} | {_escaped(setting['description'])} |"


def _at(config: Any, keys: Keys) -> Any:
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
