"""Files that are either whole or absent, and text whose lines are counted the same everywhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ink.errors import InkError


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` (a file or a folder) that replaces it once the block has succeeded.

    The temporary path keeps the suffix, is removed when the block fails, and nothing half-written takes `path`'s place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            remove(path)
        os.replace(temporary, path)
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read a JSON file; InkError names the file where it is missing or cut short."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InkError(f"{path} does not exist; run the workflow that writes it") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InkError(f"{path} is not whole JSON ({error}); delete it and run the workflow again") from None


def read_lines(path: Path | str) -> list[str]:
    r"""Read UTF-8 text as lines separated by \n alone; a last line without newline is a line.

    Other Unicode line breaks stay inside their line, so that two sides of a parallel text cannot drift apart.
    InkError names file and line where the bytes are not UTF-8.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InkError(f"{path} does not exist") from None
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    decoded = []
    for number, line in enumerate(lines, start=1):
        try:
            decoded.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InkError(
                f"{path}, line {number}: not valid UTF-8 ({error.reason} at byte {error.start}); "
                "convert the file to UTF-8 or remove the line on both sides"
            ) from None
    return decoded


def write_lines(path: Path | str, lines: Iterable[str]) -> None:
    """Write one string a line as UTF-8; a line break inside one is an error, for it would shift every line after it."""
    with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(lines, start=1):
            if "\n" in line:
                raise ValueError(f"line {number} for {path} holds a line break")
            file.write(line + "\n")
