"""Trouble with the disk, from whatever library it comes, as one line that says what to do."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ink.runtime.errors import InkError

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
# What libraries make of a failed write in place of the system's own error: the system's words, or none at all.
_WORDS = {number: os.strerror(number) for number in _DISK_ERRORS}
_UNEXPLAINED = re.compile(
    r"PytorchStreamWriter failed|inline_container\.cc.*unexpected pos|\d+ requested and \d+ written|\bwrite error\b"
)
# A write larger than what is left fails before the last blocks are taken.
_AS_GOOD_AS_FULL = 1 << 20


class DiskTrouble(InkError):
    """`path` cannot be written; `reason` says why, and what to do."""

    code = "disk/not-writable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.reason = reason


@contextmanager
def disk_trouble_named(path: Path) -> Iterator[None]:
    """Raise DiskTrouble that names `path`, what the disk lacks and what to do, where the block fails for the disk.

    Of blocks within one another the outermost one's path is named: the others are parts of it.
    """
    try:
        yield
    except DiskTrouble as error:
        raise DiskTrouble(path, error.reason) from error.__cause__
    except InkError:
        raise
    except Exception as error:
        reason = describe_trouble(error, path)
        if reason is None:
            raise
        raise DiskTrouble(path, reason) from error


def describe_trouble(error: BaseException, path: Path) -> str | None:
    """Say why the disk did not take `path`, and what to do; None for an error that is not the disk's."""
    found = _system_error(error)
    if found is None:
        if not _UNEXPLAINED.search(str(error)):
            return None
        found = (errno.ENOSPC if free_bytes(path) < _AS_GOOD_AS_FULL else errno.EIO), None
    number, file = found
    disk = mount_point(path)
    space = f"{bytes_in_words(free_bytes(path))} free on the disk mounted at {disk}"
    more_space = (
        f"({space}); free some space (`ink clean` removes what an experiment can make again) or work on a larger disk, "
        "then run this again"
    )
    place = file or existing_parent(path)
    no_permission = (
        f"no permission for {place}; give user {os.geteuid()} the right to write there, or work in another folder"
    )
    return {
        errno.ENOSPC: f"no space left {more_space}",
        errno.EDQUOT: f"the disk quota is used up {more_space}",
        errno.EFBIG: f"it grows beyond the largest file allowed ({space}); raise the limit (ulimit -f) or use another "
        "disk",
        errno.EROFS: f"the disk mounted at {disk} is read-only; mount it writable, or work in a folder on another one",
        errno.EIO: f"the disk refused to take all of it ({space}); look after that disk, then run this again",
    }.get(number, no_permission)


def mount_point(path: Path) -> Path:
    """Return where the file system is mounted on which `path` is or would be."""
    place = existing_parent(path).resolve()
    return next(folder for folder in (place, *place.parents) if folder.is_mount())


def existing_parent(path: Path) -> Path:
    """Return the nearest folder above `path` that exists."""
    return next(parent for parent in Path(path).absolute().parents if parent.is_dir())


def free_bytes(path: Path) -> int:
    """Return how much the user may still write on the file system where `path` is or would be."""
    found = os.statvfs(existing_parent(path))
    return found.f_bavail * found.f_frsize


def folder_bytes(folder: Path) -> int:
    """Return what a folder takes on the disk, links not followed; 0 where there is none."""
    return sum(os.lstat(Path(place, name)).st_blocks * 512 for place, _, names in os.walk(folder) for name in names)


def bytes_in_words(count: float) -> str:
    """Return a number of bytes as people read it: 3.4 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _system_error(error: BaseException | None) -> tuple[int, str | None] | None:
    """Return the system's error number, and the file it names, behind an exception or what it was raised from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _WORDS:
            return error.errno, error.filename
        for number, words in _WORDS.items():
            if not isinstance(error, OSError) and words in str(error):
                return number, None
        error = error.__cause__ or error.__context__
    return None
