"""The folder of a training that has not ended: it outlives an interrupted job, and the next one goes on in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ink.errors import InkError
from ink.files import read_json, remove, write_json

IDENTITY = "identity.json"
CHECKPOINT = "checkpoint.pt"


def unfinished_path(output: Path) -> Path:
    """Return the folder in which the training that will be `output` works."""
    return output.with_name(f".{output.name}.unfinished")


@contextmanager
def unfinished(output: Path, identity: Mapping[str, Any]) -> Iterator[Path]:
    """Yield a folder to train in, which becomes the folder `output` once the block has succeeded.

    `identity` says all that the result depends on: settings, seed, and fingerprints of model, text and datastore. What
    an earlier job of the same identity left in the folder is still there; anything else is removed first. When the
    block fails the folder stays.
    """
    folder = unfinished_path(output)
    if not _belongs(folder, identity):
        if folder.exists():
            print(f"{folder} is of another training (other settings, model or text): starting anew", flush=True)
        remove(folder)
        folder.mkdir(parents=True)
        write_json(folder / IDENTITY, identity)
    yield folder
    # without its identity a folder is never gone on from
    for name in (IDENTITY, CHECKPOINT):
        remove(folder / name)
    remove(output)
    os.replace(folder, output)


def _belongs(folder: Path, identity: Mapping[str, Any]) -> bool:
    try:
        return bool(read_json(folder / IDENTITY) == identity)
    except InkError:  # never begun, or the machine died while it was
        return False
