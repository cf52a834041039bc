"""The folder of a training that has not ended: it outlives an interrupted job, and the next one goes on in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ink.nmt.distributed import is_first, wait_for_first
from ink.nmt.training_run import CHECKPOINT
from ink.runtime.disk import disk_trouble_named
from ink.runtime.errors import InkError
from ink.runtime.locks import exclusive
from ink.runtime.whole_files import put_in_place, read_json, remove, write_json

IDENTITY = "identity.json"


def unfinished_path(output: Path) -> Path:
    """Return the folder in which the training that will be `output` works."""
    return output.with_name(f".{output.name}.unfinished")


@contextmanager
def unfinished(output: Path, identity: Mapping[str, Any]) -> Iterator[Path]:
    """Yield a folder to train in, which becomes the folder `output` once the block has succeeded.

    `identity` says all that the result depends on: settings, seed, and fingerprints of model, text and datastore. What
    an earlier job of the same identity left in the folder is still there; anything else is removed first. When the
    block fails the folder stays. Of processes that train together the first one cares for the folder, and the others
    get it once it is ready. InkError where another job is training what will be `output`.
    """
    folder = unfinished_path(output)
    if not is_first():
        wait_for_first()
        yield folder
        return
    with disk_trouble_named(output), exclusive(_with_parent(output)):
        if not _belongs(folder, identity):
            if folder.exists():
                print(
                    f"{folder} is of another training (other settings, model or text): training starts again",
                    flush=True,
                )
            remove(folder)
            folder.mkdir(parents=True)
            write_json(folder / IDENTITY, identity)
        wait_for_first()
        yield folder
        # without its identity a folder is never gone on from
        for name in (IDENTITY, CHECKPOINT):
            remove(folder / name)
        put_in_place(folder, output)


def _with_parent(output: Path) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    return output


def _belongs(folder: Path, identity: Mapping[str, Any]) -> bool:
    try:
        return bool(read_json(folder / IDENTITY) == identity)
    except InkError:  # never begun, or the machine died while it was
        return False
