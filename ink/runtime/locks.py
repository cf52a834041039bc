"""Locks that keep two processes from writing one output; the kernel lets go of them when a process dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ink.runtime.errors import InkError
from ink.runtime.processes import own_command

PATIENCE_SECONDS = 30.0  # the holder may be dying: a killed process takes a while to give its memory back
_SECONDS_BETWEEN_TRIES = 0.05


@contextmanager
def exclusive(path: Path, patience: float | None = None) -> Iterator[None]:
    """Hold the lock of `path`, the file .NAME.lock beside it, which is gone afterwards.

    Waits up to `patience` seconds (PATIENCE_SECONDS by default) for another holder, then raises InkError naming it.
    """
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _acquire(lock, path, PATIENCE_SECONDS if patience is None else patience)
    try:
        described = {"pid": os.getpid(), "host": socket.gethostname(), "command": own_command()}
        os.write(descriptor, json.dumps(described).encode())
        yield
    finally:
        # while the lock is held: whoever opened the file before finds that it is no longer there and tries again
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def lock_within(descriptor: int, seconds: float = 0.0) -> bool:
    """Lock an open file; false where somebody else has held it for so many seconds. Closing it unlocks it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_SECONDS_BETWEEN_TRIES)


def _acquire(lock: Path, path: Path, patience: float) -> int:
    deadline = time.monotonic() + patience
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # the folder is there, as in /proc, and takes no file
            raise InkError(
                f"{path} cannot be written: its folder takes no new files; name another one", code="disk/not-writable"
            ) from None
        try:
            if not lock_within(descriptor, deadline - time.monotonic()):
                raise InkError(
                    f"{path} is being written by {_holder(descriptor)}; wait until it has ended or end it, then run "
                    "this again",
                    code="job/already-running",
                )
            if _is_at(descriptor, lock):
                os.truncate(descriptor, 0)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, lock: Path) -> bool:
    """Whether the opened file is still the one under that name: its last holder removes it."""
    try:
        found = lock.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 1 << 16, 0))
        return f"process {holder['pid']} on {holder['host']} ({holder['command']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
