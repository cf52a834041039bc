"""Rounds that need not run: once patience has run out the jobs of later rounds only say so."""

from __future__ import annotations

from pathlib import Path

from ink.files import read_json, write_atomically, write_json


def has_stopped(previous: Path) -> bool:
    """Whether training ended with the rounds in `previous`, or before them."""
    return bool(read_json(previous / "record.json", "stop")["stop"])


def write_stopped_rounds(output: Path) -> None:
    """Write the record of rounds that were not trained."""
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        write_json(folder / "record.json", {"rounds": [], "status": "stopped", "stop": True, "history": []})
