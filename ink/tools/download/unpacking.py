"""Unpacking archives from elsewhere: nothing outside the folder, no links, no devices, no more than is allowed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from ink.runtime.disk import bytes_in_words
from ink.runtime.errors import InkError, reason_of
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_json, write_atomically, write_json

# ending of a tar file's name -> what opens it
TAR_ENDINGS: dict[str, Callable[[Path], Any]] = {
    ".tar": io.FileIO,
    ".tar.gz": gzip.GzipFile,
    ".tgz": gzip.GzipFile,
    ".tar.bz2": bz2.BZ2File,
    ".tar.xz": lzma.LZMAFile,
}
MARK = ".unpacked.json"  # in the folder: of which archive it is
_CHUNK_BYTES = 1_000_000
_LONGEST_READ_BYTES = 1 << 20
_LONGEST_NAME = 255

# kind of a zip's member -> why it is refused
_REFUSED_IN_ZIP = {0: None, stat.S_IFREG: None, stat.S_IFDIR: None, stat.S_IFLNK: "it is a symbolic link"}
# what tarfile, zipfile and the compressions raise over an archive that is not whole, encrypted, or of an unknown kind
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to: bytes in all, times its own size, and members."""

    bytes: int = 20 * 10**9
    ratio: float = 100.0
    members: int = 100_000


LIMITS = Limits()


class ArchiveError(InkError):
    """An archive that is not unpacked; the message names it, the member and the reason."""


class _Refused(Exception):
    """The reason for which an archive is not unpacked."""


@dataclass(frozen=True)
class _Member:
    """What an archive says of one of its members; `refused` names a kind that is never unpacked."""

    name: str
    is_folder: bool
    size: int
    refused: str | None
    open: Callable[[], IO[bytes] | None]


def unpack(
    archive: Path,
    folder: Path,
    sha256: str,
    limits: Limits = LIMITS,
    check: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Unpack a zip or tar file, by its name's ending, into `folder`, which is replaced once all of it is there.

    sha256 is the archive's, kept in the folder for `unpacked_from`, with the files' sizes for `is_whole`. `check` looks
    at the unpacked folder before it is put in place. Raises ArchiveError, which names archive and member, for

    - a path that leads out of the folder or is there twice,
    - a link, device or pipe,
    - damage,
    - more than `limits`, as declared or as it comes out.
    """
    with write_atomically(folder) as temporary:
        temporary.mkdir()
        for _ in progress(_written(archive, temporary, limits), description=f"unpacking {archive.name}", unit="MB"):
            pass
        check(temporary)
        write_json(temporary / MARK, {"archive": archive.name, "sha256": sha256, "files": _sizes(temporary)})


def unpacked_from(folder: Path) -> str | None:
    """Return the sha256 of the archive that a folder was unpacked from, None where it was made by other means."""
    return str(read_json(folder / MARK, "sha256")["sha256"]) if (folder / MARK).is_file() else None


def is_filled_by_hand(folder: Path) -> bool:
    """Whether a folder holds anything and was not unpacked here; empty folders inside are made by who waits for it."""
    return unpacked_from(folder) is None and any(path.is_symlink() or not path.is_dir() for path in folder.rglob("*"))


def is_whole(folder: Path) -> bool:
    """Whether every file that was unpacked into a folder is still there, as long as it was."""
    files: dict[str, int] = read_json(folder / MARK).get("files", {})
    return bool(files) and all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in files.items()
    )


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _written(archive: Path, folder: Path, limits: Limits) -> Iterator[int]:
    """Write all members below `folder`; yield the bytes of every piece written."""
    size, declared, member = archive.stat().st_size, 0, None
    most = min(limits.bytes, int(size * limits.ratio))
    files, folders = {PurePosixPath(MARK)}, {PurePosixPath(".")}
    try:
        with _members(archive) as members:
            for number, member in enumerate(members, start=1):
                if number > limits.members:
                    raise _Refused(f"more than {limits.members:,} members")
                path = folder / _new_path(member, files, folders)
                if member.is_folder:
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                declared += member.size
                if declared > most:
                    of_ratio = f"{limits.ratio:g} times the archive's {bytes_in_words(size)}"
                    allowed = bytes_in_words(limits.bytes) if most == limits.bytes else of_ratio
                    raise _Refused(
                        f"up to here it declares {bytes_in_words(declared)} of files, and {allowed} are allowed at most"
                    )
                path.parent.mkdir(parents=True, exist_ok=True)
                yield from _copied(member, path)
        return
    except _Refused as refused:
        reason = str(refused)
    except (*_DAMAGE, OSError) as error:
        # the compressions' own errors have no number, the disk's have
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = f"damaged or of an unknown kind ({reason_of(error)})"
    named = "" if member is None else f", member {member.name!r}"
    raise ArchiveError(
        f"{archive}{named}: {reason}; nothing of the archive was unpacked", code="download/archive-refused"
    )


def _copied(member: _Member, path: Path) -> Iterator[int]:
    """Write a member to `path`; yield the bytes of every piece written."""
    written, source = 0, member.open()
    if source is None:
        raise _Refused("it is no file")
    with source, path.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            # with this what is written stays below what was declared, and that below the limits
            if written > member.size:
                raise _Refused(f"more comes out than the {member.size:,} bytes it declares")
            file.write(chunk)
            yield len(chunk)
    if written != member.size:
        raise _Refused(f"damaged: {written:,} of {member.size:,} bytes come out")


def _new_path(member: _Member, files: set[PurePosixPath], folders: set[PurePosixPath]) -> PurePosixPath:
    """Return where the member goes below the folder, and add it to what is there."""
    path = PurePosixPath(member.name)
    if member.refused is not None:
        raise _Refused(f"{member.refused}, and only files and folders are unpacked")
    if path.is_absolute() or ".." in path.parts:
        raise _Refused("its path leads out of the folder")
    if "\\" in member.name or "\0" in member.name or any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        raise _Refused("its path is none on this system")
    if path in files or (path in folders and not member.is_folder) or files & set(path.parents):
        raise _Refused("its path is taken by an earlier member")
    folders.update(path.parents)
    (folders if member.is_folder else files).add(path)
    return path


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    name = archive.name.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            yield _zip_members(opened)
    elif uncompressed := next((opener for ending, opener in TAR_ENDINGS.items() if name.endswith(ending)), None):
        with uncompressed(archive) as stream, tarfile.open(fileobj=cast(IO[bytes], _Pieces(stream)), mode="r:") as tar:
            yield _tar_members(tar)
    else:
        raise ArchiveError(
            f"{archive} is not unpacked: its name ends neither in .zip nor in {', '.join(TAR_ENDINGS)}",
            code="download/archive-refused",
        )


def _zip_members(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        refused = _REFUSED_IN_ZIP.get(stat.S_IFMT(info.external_attr >> 16), "it is a device or a pipe")
        yield _Member(info.filename, info.is_dir(), info.file_size, refused, partial(opened.open, info))


class _Pieces:
    """A stream read in pieces: tarfile takes a member's name into memory however long that claims to be."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_READ_BYTES:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._stream.read(size)


def _tar_members(opened: tarfile.TarFile) -> Iterator[_Member]:
    for info in opened:
        refused = None if info.isreg() or info.isdir() else "it is a device or a pipe"
        if info.issym() or info.islnk():
            refused = f"it is a {'symbolic' if info.issym() else 'hard'} link to {info.linkname}"
        yield _Member(info.name, info.isdir(), info.size, refused, partial(opened.extractfile, info))
    # tarfile takes an archive that stops between two members for a whole one
    assert opened.fileobj is not None
    if opened.fileobj.tell() < opened.offset + tarfile.BLOCKSIZE:
        raise tarfile.ReadError("its end is missing")
