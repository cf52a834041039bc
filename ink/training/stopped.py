"""Rounds that need not run: once patience has run out the rest of the chain only says so."""

from __future__ import annotations

from pathlib import Path

from ink.files import read_json, write_atomically, write_json


def has_stopped(previous: Path) -> bool:
    """Whether training ended with the round in `previous`, or before it."""
    return bool(read_json(previous / "record.json", "stop")["stop"])


def write_stopped_round(number: int, output: Path) -> None:
    """Write the record of a round that was not trained."""
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        write_json(folder / "record.json", {"round": number, "status": "stopped", "stop": True})
