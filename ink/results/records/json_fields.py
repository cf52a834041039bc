"""The fields of a JSON object, read with a check."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

Value = TypeVar("Value")


class Fields:
    """The fields of a JSON object; errors name the file and the key.

    What reads one field, such as Fields.text, is handed to `optional`, `listed` and `mapped` to read such fields.
    """

    def __init__(self, path: Path, value: Any, inside: str = "") -> None:
        self.path = path
        self.inside = inside
        if not isinstance(value, dict):
            raise self._wrong("", "an object", value)
        self.value: dict[str, Any] = value

    @classmethod
    def of_file(cls, path: Path, *required: str) -> Fields:
        """Read a file that holds an object, in which `required` must be there; InkError as `read_json`."""
        return cls(path, read_json(path, *required))

    def text(self, key: str) -> str:
        """Read a string."""
        value: str = self._checked(key, "a string", lambda value: isinstance(value, str))
        return value

    def count(self, key: str) -> int:
        """Read an integer >= 0."""
        value: int = self._checked(key, "an integer >= 0", lambda value: _is(value, int) and value >= 0)
        return value

    def number(self, key: str) -> float:
        """Read a finite number."""
        return float(
            self._checked(key, "a finite number", lambda value: _is(value, int | float) and math.isfinite(value))
        )

    def fields(self, key: str) -> Fields:
        """Read an object."""
        return Fields(self.path, self._get(key), f"{self.inside}{key}.")

    def optional(self, read: Callable[[Fields, str], Value], key: str) -> Value | None:
        """Read what may be null; the key itself must be there."""
        return None if self._get(key) is None else read(self, key)

    def optional_number(self, key: str) -> float | None:
        """Read a finite number or null; the key itself must be there."""
        return self.optional(Fields.number, key)

    def mapped(self, read: Callable[[Fields, str], Value], key: str) -> dict[str, Value]:
        """Read an object whose fields are all of one kind."""
        inner = self.fields(key)
        return {name: read(inner, name) for name in inner.value}

    def listed(self, read: Callable[[Fields, str], Value], key: str, length: int) -> list[Value]:
        """Read a list of `length` values of one kind."""
        items = self.items(key)
        if len(items) != length:
            raise self._wrong(key, f"a list of {length}", items)
        # read as an object whose keys are the places
        inner = Fields(self.path, {str(place): item for place, item in enumerate(items)}, f"{self.inside}{key}.")
        return [read(inner, place) for place in inner.value]

    def objects(self, key: str) -> list[Fields]:
        """Read a list of objects."""
        items = enumerate(self.items(key))
        return [Fields(self.path, item, f"{self.inside}{key}[{place}].") for place, item in items]

    def items(self, key: str) -> list[Any]:
        """Read a list of anything."""
        value: list[Any] = self._checked(key, "a list", lambda value: isinstance(value, list))
        return value

    def _checked(self, key: str, wanted: str, fits: Callable[[Any], bool]) -> Any:
        value = self._get(key)
        if not fits(value):
            raise self._wrong(key, wanted, value)
        return value

    def _get(self, key: str) -> Any:
        if key not in self.value:
            raise InkError(
                f"{self.path}: {self.inside}{key} is missing; delete the file and run the workflow again",
                code="file/damaged",
            )
        return self.value[key]

    def _wrong(self, key: str, wanted: str, found: Any) -> InkError:
        where = f"{self.inside}{key}".rstrip(".") or "the file"
        return InkError(f"{self.path}: {where} should be {wanted}, found {str(found)[:60]!r}", code="file/damaged")


def _is(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a kind of number, of which true and false are none."""
    return isinstance(value, kind) and not isinstance(value, bool)
