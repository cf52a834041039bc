"""The configuration against its JSON schema, in words: dotted key, what was found, what is allowed."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

# generated from ink/config/sections by `make settings`, for editors too
SCHEMA_PATH = Path(__file__).with_name("schema.json")

# What counts, sizes and seeds are held in.
LARGEST = 2**63 - 1

Keys = tuple[Any, ...]
Schema = dict[str, Any]

TYPE_NAMES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def schema_problems(config: Any) -> list[str]:
    """Every way in which `config` breaks the schema, one line each, in the schema's order of checking."""
    problems = list(_unreadable_values(config, ()))
    if problems:
        return problems
    found: dict[str, None] = {}
    for error in sorted(validator().iter_errors(config), key=_position):
        found.update(dict.fromkeys(_describe_error(error)))
    return list(found)


@cache
def schema() -> Schema:
    """The schema of a whole configuration: that of an experiment's file, with every setting that has a default."""
    loaded: Schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return _resolved(loaded)


def _resolved(rules: Any) -> Any:
    if isinstance(rules, list):
        return [_resolved(one) for one in rules]
    if not isinstance(rules, dict):
        return rules
    inner = {name: _resolved(value) for name, value in rules.items()}
    if isinstance(settings := rules.get("properties"), dict):
        needed = rules.get("required", [])
        inner["required"] = [name for name, setting in settings.items() if name in needed or "default" in setting]
    return inner


def nearest(name: Any, known: Iterable[str]) -> str:
    """The sentence that suggests the known name most like `name`, or nothing."""
    matches = difflib.get_close_matches(str(name).lower(), list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def refusal(key: str, found: Any, allowed: str) -> str:
    """Word what is wrong with a setting."""
    return f"{key}: found {found}; allowed: {allowed}"


def unknown_names(key: str, names: Iterable[Any], known: Iterable[str]) -> Iterator[str]:
    """Refuse those of a list's names that are not known."""
    for position, name in enumerate(names):
        if name not in known:
            yield refusal(f"{key}[{position}]", shown(name), f"one of {', '.join(known)}{nearest(name, known)}")


def dotted(keys: Keys) -> str:
    """Keys and list positions as one name: v_knn.k[2]."""
    name = ""
    for key in keys:
        name += f"[{key}]" if isinstance(key, int) and not isinstance(key, bool) else f".{key}" if name else str(key)
    return name or "the configuration"


def shown(value: Any) -> str:
    """A value as a reader would look for it in the file, with its kind where that could be mistaken."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true or false)"
    if isinstance(value, str):
        return f"{_beginning(value)!r} (text)"
    if isinstance(value, dict):
        return "a mapping with " + (_beginning(", ".join(map(str, value))) if value else "nothing in it")
    if isinstance(value, list):
        return f"the list [{_beginning(', '.join(map(str, value)))}]"
    return _beginning(str(value))


def _beginning(text: str) -> str:
    return text if len(text) < 80 else text[:77] + "..."


@cache
def validator() -> Any:
    """The validator of the schema, for which 4.0 is no whole number and a line feed no part of a name."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # JSON's integers include 4.0, which would arrive as a float where code counts with it.
    whole = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return extend(Draft202012Validator, {"pattern": _pattern}, type_checker=whole)(schema())


def _pattern(_validator: Any, pattern: str, instance: Any, _rules: Schema) -> Iterator[ValidationError]:
    """Match as JSON schema does: for Python, $ stands before a last line feed as well, and folders would have one."""
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _position(error: ValidationError) -> list[str]:
    return [str(key) for key in error.absolute_path]


def _unreadable_values(value: Any, keys: Keys) -> Iterator[str]:
    """Keys and text that are none, and numbers that are none: legal YAML that no schema rule can name."""
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(key, str) and _can_be_written(key):
                yield from _unreadable_values(child, (*keys, key))
            else:
                hint = "; YAML reads yes, no, on and off as true or false: put the name in quotes"
                hint = hint if isinstance(key, bool) else ""
                yield f"{dotted(keys)}: found the key {shown(key)}; allowed: keys that are text{hint}"
    elif isinstance(value, list):
        for position, child in enumerate(value):
            yield from _unreadable_values(child, (*keys, position))
    elif isinstance(value, str) and not _can_be_written(value):
        yield f"{dotted(keys)}: found {shown(value)}; allowed: text without NUL and halves of characters"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{dotted(keys)}: found {value}; allowed: a finite number"
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield f"{dotted(keys)}: found {shown(value)}; allowed: a number of at most {LARGEST}"


def _can_be_written(text: str) -> bool:
    r"""Whether text may be part of a path and of a file: no NUL, and no half of a pair such as "\ud83d" names."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _describe_error(error: ValidationError) -> Iterator[str]:
    keys: Keys = tuple(error.absolute_path)
    instance: Any = error.instance
    rules: Any = error.schema
    if error.validator == "additionalProperties":
        for key in instance:
            if key not in rules["properties"]:
                yield _unknown_key((*keys, key), instance[key], rules)
    elif error.validator == "required":
        for key in rules["required"]:
            if key not in instance:
                allowed = in_words(rules["properties"][key])
                yield f"{dotted((*keys, key))}: missing; allowed: {allowed}"
    elif "propertyNames" in error.absolute_schema_path:
        known = rules.get("enum", [])
        yield (
            f"{dotted((*keys, instance))}: found the unknown name {instance!r}; "
            f"allowed: {in_words(rules)}{nearest(instance, known)}"
        )
    elif error.validator == "anyOf" and (branch := _likely_branch(error)):
        for inner in branch:
            yield from _describe_error(inner)
    elif error.validator == "uniqueItems":
        twice = [item for position, item in enumerate(instance) if item in instance[:position]]
        yield f"{dotted(keys)}: found {twice[0]} twice; allowed: {in_words(rules)}"
    else:
        yield f"{dotted(keys)}: found {shown(instance)}; allowed: {in_words(rules)}{_hint(instance, rules)}"


def _likely_branch(error: ValidationError) -> list[ValidationError]:
    """The errors inside a list or mapping, where that is an alternative at all: more telling than the alternatives."""
    if not isinstance(error.instance, dict | list):
        return []
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or []:
        branches.setdefault(int(inner.schema_path[0]), []).append(inner)
    return next((inner for inner in branches.values() if all(one.validator != "type" or one.path for one in inner)), [])


def _unknown_key(keys: Keys, value: Any, rules: Schema) -> str:
    known = list(rules["properties"])
    suggestion = nearest(keys[-1], known)
    elsewhere = [path for path in _every_key(schema(), ()) if path[-1] == keys[-1]]
    if elsewhere:
        suggestion = f"; did you mean {dotted(elsewhere[0])}?"
    return f"{dotted(keys)}: unknown key, found {shown(value)}; allowed: {', '.join(known)}{suggestion}"


def _every_key(rules: Schema, keys: Keys) -> Iterator[Keys]:
    for key, inner in rules.get("properties", {}).items():
        yield (*keys, key)
        yield from _every_key(inner, (*keys, key))


def _hint(value: Any, rules: Schema) -> str:
    """What probably went wrong: a name mistyped, or one of YAML's surprises."""
    if "enum" in rules and isinstance(value, str):
        return nearest(value, map(str, rules["enum"]))
    allowed = validator().evolve(schema=rules).is_valid
    if isinstance(value, str):
        written = next((written for written, intended in _readings(value) if allowed(intended)), None)
        return "" if written is None else f"; YAML reads {value} as text: write {written} without quotes"
    if isinstance(value, bool) and rules.get("type") == "string":
        return "; YAML reads yes, no, on and off as true or false: put the name in quotes"
    if isinstance(value, int | float) and allowed(str(value)):
        return f"; YAML reads {value} as a number: put it in quotes"
    return ""


def _readings(text: str) -> Iterator[tuple[str, Any]]:
    """Yield what a text may have been meant as, if no text, as YAML would have to be given it, and its value."""
    with suppress(yaml.YAMLError, ValueError):
        if not isinstance(intended := yaml.safe_load(text), str):
            yield text, intended
    with suppress(ValueError, OverflowError):
        number = float(text)  # 1e-7 is text to YAML
        mantissa, exponent, power = repr(number).partition("e")
        mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
        yield f"{mantissa}{exponent}{power}", number
        if number.is_integer():
            yield str(int(number)), int(number)


def in_words(rules: Schema) -> str:
    """What a schema takes, in words."""
    if "title" in rules:
        return str(rules["title"]) + _size(rules)
    if "enum" in rules:
        return "one of " + ", ".join(map(str, rules["enum"]))
    if "anyOf" in rules:
        return ", or ".join(in_words(branch) for branch in rules["anyOf"])
    kinds = rules.get("type", "object")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(TYPE_NAMES[kind] for kind in kinds) + _range(rules) + _size(rules)


def _range(rules: Schema) -> str:
    low = f"at least {rules['minimum']}" if "minimum" in rules else ""
    low = f"above {rules['exclusiveMinimum']}" if "exclusiveMinimum" in rules else low
    high = f"at most {rules['maximum']}" if "maximum" in rules else ""
    high = f"below {rules['exclusiveMaximum']}" if "exclusiveMaximum" in rules else high
    bounds = " and ".join(bound for bound in (low, high) if bound)
    if not bounds:
        return ""
    return f" {bounds}" if bounds.startswith("above") else f" of {bounds}"


def _size(rules: Schema) -> str:
    return ", not empty" if 1 in (rules.get("minItems"), rules.get("minLength")) else ""
