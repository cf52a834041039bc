"""Files that are either whole or absent, and text whose lines are counted the same everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ink.runtime.disk import disk_trouble_named
from ink.runtime.errors import InkError
from ink.runtime.given_text import check_is_text, without_mark
from ink.runtime.locks import exclusive


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` (a file or a folder) that replaces it once the block has succeeded.

    The temporary path keeps the suffix, is removed when the block fails, and nothing half-written takes `path`'s place.
    What a killed process left behind goes with the next call. Raises InkError where the disk is full, read-only or
    closed to this user, and where another process is writing `path`.
    """
    path = Path(path)
    with disk_trouble_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path):
            temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
            _settle(path)
            remove(temporary)
            try:
                yield temporary
                put_in_place(temporary, path)
            finally:
                remove(temporary)


def put_in_place(temporary: Path, path: Path) -> None:
    """Let `temporary` take `path`'s place; a folder cannot be renamed onto another, so the older one steps aside.

    What is written is on the disk before it has the name, so that a machine that dies leaves one of the two whole.
    """
    _flush(temporary)
    if not (temporary.is_dir() and path.is_dir()):
        if temporary.is_dir() or path.is_dir():
            remove(path)
        os.replace(temporary, path)
        return
    os.replace(path, _aside(path))
    try:
        os.replace(temporary, path)
    finally:
        _settle(path)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.replaced{path.suffix}")


def _flush(path: Path) -> None:
    for file in [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _settle(path: Path) -> None:
    """Undo or finish a replacement that was cut short: what stepped aside comes back if nothing took its place."""
    aside = _aside(path)
    if not path.exists() and aside.exists():
        os.replace(aside, path)
    else:
        remove(aside)


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_free(folder: Path) -> None:
    """Raise InkError where a folder that is to be written is a file, or has something in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise InkError(f"{folder} is there already; name a folder that is not, or is empty", code="folder/not-empty")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path | str, *required: str) -> Any:
    """Read a JSON file, with `required` an object that has these keys.

    InkError names the file where it is missing, cut short or without a key.
    """
    try:
        value = json.loads(without_mark(_read(path, "; run the workflow that writes it")).decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InkError(
            f"{path} is not whole JSON ({error}); delete it and run the workflow again", code="file/damaged"
        ) from None
    if required and not isinstance(value, dict):
        raise InkError(f"{path} holds no JSON object; delete it and run the workflow again", code="file/damaged")
    for key in required:
        if key not in value:
            raise InkError(f"{path}: {key} is missing; delete the file and run the workflow again", code="file/damaged")
    return value


def read_lines(path: Path | str, remedy: str = "convert the file to UTF-8") -> list[str]:
    r"""Read UTF-8 text as lines separated by \n alone; a last line without newline is a line.

    A byte-order mark before the text is not part of it. Other Unicode line breaks stay inside their line, so that two
    sides of a parallel text cannot drift apart. InkError names the file where it is no text at all, and file, line and
    `remedy` where the bytes are not UTF-8.
    """
    data = _read(path)
    check_is_text(path, data)
    lines = without_mark(data).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    decoded = []
    for number, line in enumerate(lines, start=1):
        try:
            decoded.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InkError(
                f"{path}, line {number}: not valid UTF-8 ({error.reason} at byte {error.start}); {remedy}",
                code="text/not-utf-8",
            ) from None
    return decoded


def sha256_of(path: Path | str) -> str:
    """Return a file's SHA-256, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path | str, advice: str = "") -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InkError(f"{path} does not exist{advice}", code="file/missing") from None
    except OSError as error:
        raise InkError(f"{path} cannot be read ({error.strerror})", code="file/unreadable") from None


def write_lines(path: Path | str, lines: Iterable[str]) -> None:
    """Write one string a line as UTF-8; a line break inside one is an error, for it would shift every line after it.

    NULs, which tokenisation drops anyway, are left out: by them `read_lines` tells text of another encoding.
    """
    with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(lines, start=1):
            if "\n" in line:
                raise ValueError(f"line {number} for {path} holds a line break")
            file.write(line.replace("\0", "") + "\n")
