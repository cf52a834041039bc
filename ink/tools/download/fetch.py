"""Getting an artefact: from its address or a local copy, checked, put in place and unpacked.

Hashes are kept in files of the form that `sha256sum` writes and checks.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ink.config.languages import LanguagePair
from ink.corpus.sentence_counts import check_sentence_counts, count_binarised, paper_counts
from ink.runtime.disk import disk_trouble_named
from ink.runtime.errors import InkError
from ink.runtime.locks import exclusive
from ink.runtime.whole_files import put_in_place, read_lines, sha256_of, write_lines
from ink.tools.download.sources import Source, direct_address, shown_address
from ink.tools.download.transfer import PATIENCE, Patience, TransferError, forget, transfer
from ink.tools.download.unpacking import (
    LIMITS,
    ArchiveError,
    Limits,
    is_filled_by_hand,
    is_whole,
    unpack,
    unpacked_from,
)

_LANGUAGES = LanguagePair("de", "en")


@dataclass(frozen=True)
class Fetched:
    """What was got. verified: the config pins the sha256 that the file has. new: it was not there before."""

    sha256: str
    verified: bool
    new: bool


def fetch(source: Source, patience: Patience = PATIENCE, limits: Limits = LIMITS) -> Fetched:
    """Get the artefact unless it is there, check it in any case, and unpack it where it is to be unpacked.

    The file must have the sha256 that the config pins; without one, that of its record, which is written when it is
    first there. Raises InkError, which names file, address, what was expected and found, and how to place the file by
    hand. What has come of a broken transfer is kept; of a file with a wrong sha256 nothing is.
    """
    # what is already here is not to be fetched before a record that cannot be read is noticed
    recorded = read_record(source.record)
    source.file.parent.mkdir(parents=True, exist_ok=True)
    with disk_trouble_named(source.file), exclusive(source.file):
        new = not source.file.exists()
        if new:
            _get(source, patience)
            try:
                sha256 = _checked_sha256(source, source.partial, recorded)
            except InkError:
                forget(source.partial)
                raise
            put_in_place(source.partial, source.file)
            forget(source.partial)
        else:
            sha256 = _checked_sha256(source, source.file, recorded)
        if recorded != sha256:
            write_lines(source.record, [f"{sha256}  {source.file.name}"])
        if source.unpacked is not None:
            _unpack(source, source.unpacked, sha256, limits)
    return Fetched(sha256, source.sha256 is not None, new)


def _get(source: Source, patience: Patience) -> None:
    """Fill the partial file."""
    if source.local_copy is None:
        try:
            transfer(direct_address(source.url), source.partial, source.file.name, patience)
        except TransferError as error:
            raise source.failure(str(error), code=error.code) from None
        return
    if not source.local_copy.is_file():
        raise InkError(
            f"downloads.{source.artefact.name}.path: {source.local_copy} is no file; correct the path, or set it to "
            f"null to download {source.file.name} from {shown_address(source.url)}",
            code="download/unreadable-copy",
        )
    forget(source.partial)
    shutil.copyfile(source.local_copy, source.partial)


def _checked_sha256(source: Source, file: Path, recorded: str | None) -> str:
    """Return the file's sha256, which is the one pinned or else the one recorded, if there is either."""
    found, in_place = sha256_of(file), file == source.file
    advice = f"remove {source.file} to get it anew" if in_place else "it was not kept"
    if source.sha256 is not None and found != source.sha256:
        advice += ", or correct the config" if in_place else ""
        raise source.failure(
            f"expected sha256 {source.sha256}, as the config says, found {found}; {advice}",
            code="download/other-content",
        )
    if source.sha256 is None and recorded not in (None, found):
        advice += "" if in_place else f"; remove {source.record} to accept what is served now"
        raise source.failure(
            f"expected sha256 {recorded}, as {source.record} says, found {found}: it changed; {advice}",
            code="download/other-content",
        )
    return found


def _unpack(source: Source, folder: Path, sha256: str, limits: Limits) -> None:
    if is_filled_by_hand(folder):
        raise InkError(
            f"{source.artefact.name}: {folder} is there, but was not unpacked from {source.file} by `ink download`; "
            "move it away, then run this again",
            code="folder/not-empty",
        )
    if unpacked_from(folder) == sha256 and is_whole(folder):
        return
    try:
        unpack(source.file, folder, sha256, limits, partial(_check_content, source))
    except ArchiveError as error:
        raise source.failure(
            f"{error}; remove {source.file} and {source.record} to get it anew", code=error.code
        ) from None


def _check_content(source: Source, unpacked: Path) -> None:
    """Look at the unpacked folder before it is put in place; ArchiveError where it holds something else."""
    missing = [pattern for pattern in source.artefact.holds if not any(unpacked.rglob(pattern))]
    if missing:
        raise ArchiveError(
            f"unpacked, it has no {', no '.join(missing)}: it is another archive", code="download/other-content"
        )
    if source.artefact.domains:
        try:
            found = {
                domain: count_binarised(unpacked / "data-bin" / domain, _LANGUAGES)
                for domain in source.artefact.domains
            }
            expected = {**paper_counts(source.artefact.domains), **source.sentences}
            check_sentence_counts(source.file, found, expected)
        except InkError as error:
            raise ArchiveError(str(error), code="download/other-content") from None


def read_record(record: Path) -> str | None:
    """Return the sha256 in a file that `sha256sum` wrote of one file, None where there is no such file."""
    if not record.exists():
        return None
    lines = [line for line in read_lines(record) if line.strip()]
    found = re.fullmatch(r"\\?([0-9a-fA-F]{64})(?:\s.*)?", lines[0]) if len(lines) == 1 else None
    if found is None:
        raise InkError(f"{record} holds no sha256; write it anew with `sha256sum`, or delete it", code="file/damaged")
    return found[1].lower()
