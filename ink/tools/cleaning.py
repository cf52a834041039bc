"""Removing what an experiment can make again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.config import given_base_model
from ink.runtime.disk import folder_bytes
from ink.runtime.errors import InkError
from ink.runtime.experiment_lock import holder
from ink.runtime.whole_files import remove
from ink.systems.layout import Layout

# What a killed job may leave: half-written files and folders, unfinished training, and locks that nobody holds.
UNFINISHED = (".*.partial*", ".*.replaced*", ".*.unfinished", ".*.lock")


@dataclass(frozen=True)
class Removable:
    """A file or folder, and what it takes on the disk."""

    path: Path
    bytes: int


def removable(config: Mapping[str, Any], *, everything: bool, keep_base_model: bool) -> list[Removable]:
    """Return what `ink clean` removes, nothing of it inside another.

    InkError where one of them is a link: what it points at lies elsewhere and is left to its owner.
    """
    work = Path(Layout(config).work)
    paths = [work] if everything else list(_heavy(work, config, keep_base_model))
    found: list[Removable] = []
    for path in sorted(set(paths)):
        if path.is_symlink():
            raise InkError(
                f"{path} is a link to {path.resolve()}; remove that folder yourself if you no longer need it",
                code="disk/not-writable",
            )
        if path.exists() and not any(above.path in path.parents for above in found):
            size = folder_bytes(path) if path.is_dir() else path.lstat().st_blocks * 512
            found.append(Removable(path, size))
    return found


def clean(config: Mapping[str, Any], targets: Sequence[Removable]) -> None:
    """Remove `targets`; InkError where a workflow of the experiment is running, or the disk does not let go."""
    running = holder(config["experiment"])
    if running is not None:
        raise InkError(
            f"experiment {config['experiment']} is being run by process {running['pid']} since {running['started']}; "
            "wait for it or stop it, then clean",
            code="job/already-running",
        )
    for target in targets:
        try:
            remove(target.path)
        except OSError as error:
            raise InkError(
                f"{error.filename or target.path} cannot be removed ({error.strerror})", code="disk/not-writable"
            ) from None


def _heavy(work: Path, config: Mapping[str, Any], keep_base_model: bool) -> Iterator[Path]:
    yield work / "datastores"
    yield work / "neighbours"
    yield work / "models"  # as large as the base model, one a run
    yield work / "ink"  # rounds, with optimiser and schedule, and their datastores
    if given_base_model(config) is None and not keep_base_model:
        yield work / "base_model"
    yield from work.glob("adapters/*/*/seed*/epochs")
    for pattern in UNFINISHED:
        yield from work.rglob(pattern)
