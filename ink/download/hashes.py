"""What a file's sha256 has to be, and what it was: files in the form that `sha256sum` writes and checks."""

from __future__ import annotations

import re
from pathlib import Path

from ink.errors import InkError
from ink.files import read_lines, write_lines


def read_record(record: Path) -> str | None:
    """Return the sha256 in a file that `sha256sum` wrote of one file, None where there is no such file."""
    if not record.exists():
        return None
    lines = [line for line in read_lines(record) if line.strip()]
    found = re.fullmatch(r"\\?([0-9a-fA-F]{64})(?:\s.*)?", lines[0]) if len(lines) == 1 else None
    if found is None:
        raise InkError(f"{record} holds no sha256; write it anew with `sha256sum`, or delete it")
    return found[1].lower()


def write_record(record: Path, sha256: str, name: str) -> None:
    """Write the sha256 of the file `name` beside it."""
    write_lines(record, [f"{sha256}  {name}"])
