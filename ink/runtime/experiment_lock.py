"""One workflow an experiment at a time: a lock that ends with its holder, however that ends."""

from __future__ import annotations

import errno
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError
from ink.runtime.locks import lock_within
from ink.runtime.processes import own_command, own_name

# what a file system says that has no locks, as some of a cluster's have not
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
# file descriptors of the locks that this process holds, until it ends
_HELD: dict[Path, int] = {}


def experiment_lock_path(experiment: str) -> Path:
    """Return the file that the experiment's workflow keeps locked."""
    return Path("results") / experiment / ".running"


def hold(experiment: str) -> None:
    """Hold the experiment's lock until this process ends; InkError names who has it, or says that nobody can.

    The kernel takes the lock away when the process is gone, so that one that was killed leaves none behind.
    """
    path = experiment_lock_path(experiment)
    if path in _HELD:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        held = lock_within(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in _NO_LOCKS:
            raise
        raise InkError(
            f"{path}: this file system has no locks ({error.strerror}), without which two workflows could write the "
            "same files; have it mounted with them (Lustre: -o flock), or work in a folder of another one",
            code="file/no-locks",
        ) from None
    if not held:
        described = _describe(descriptor)
        os.close(descriptor)
        raise InkError(
            f"experiment {experiment} is being run in this folder already: process {described['pid']}, started "
            f"{described['started']}, {described['command']}; wait for it or stop it",
            code="job/already-running",
        )
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    os.ftruncate(descriptor, 0)
    described = {"pid": os.getpid(), "process": own_name(), "command": own_command(), "started": started}
    os.write(descriptor, json.dumps(described).encode())
    os.fsync(descriptor)  # jobs on other machines read it
    _HELD[path] = descriptor


def holder(experiment: str) -> dict[str, Any] | None:
    """Return pid, command and start of the workflow that is running the experiment here, None where there is none."""
    try:
        descriptor = os.open(experiment_lock_path(experiment), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if lock_within(descriptor) else _describe(descriptor)
    finally:
        os.close(descriptor)


def taken_over(path: Path, process: str) -> bool:
    """Tell whether the lock's file names another workflow than `process`: one that was started after it had gone."""
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["process"]
    except (OSError, ValueError, KeyError, TypeError):  # removed, or being written
        return False
    return bool(named != process)


def _describe(descriptor: int) -> dict[str, Any]:
    try:
        return dict(json.loads(os.pread(descriptor, 1 << 16, 0)))
    except ValueError:  # it has the lock and has not written yet
        return {"pid": "unknown", "started": "just now", "command": "unknown"}
