"""What the config's section downloads names: is it there, and if not, can it be had."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence

from ink.config import Config
from ink.runtime.disk import bytes_in_words, free_bytes
from ink.runtime.errors import InkError
from ink.tools.doctor.finding import Finding, ok, warning
from ink.tools.download.fetch import read_record
from ink.tools.download.sources import DOWNLOADS, Source, direct_address, sources
from ink.tools.download.unpacking import unpacked_from

CHECK = "downloads"
ANSWER_SECONDS = 5.0  # a server may stay silent
ALL_SECONDS = 10.0  # for all of them together, finding their names included
# of an archive's size: binarised text of 4 bytes a token deflates 2.5 times, weights hardly
UNPACKED = 2.5

# by artefact: its bytes as the server says them, or why it could not be asked
Answers = Mapping[str, int | InkError | None]


def examine_downloads(config: Config, *, offline: bool) -> tuple[list[Finding], float]:
    """Look at every artefact that the config names; return findings, and the bytes that are still to come to the disk.

    Only the addresses of those that are not here are asked, none where `offline`. An artefact that is nowhere is no
    error: it may be placed by hand.
    """
    named = sources(config)
    absent = [source for source in named if source.local_copy is None and not source.file.exists()]
    answers = remote_sizes(absent) if absent and not offline else {}
    findings = [_finding(source, answers) for source in named]
    to_come = sum(_to_come(source, _size(source, answers)) for source in named)
    free = free_bytes(DOWNLOADS / "x")
    if to_come > free:
        findings.append(
            warning(
                CHECK,
                f"about {bytes_in_words(to_come)} to come, unpacked included, and {bytes_in_words(free)} free where "
                f"{DOWNLOADS}/ is: free some space, or make it a link to a folder on a larger disk",
            )
        )
    return findings, to_come


def remote_sizes(absent: Sequence[Source]) -> dict[str, int | InkError | None]:
    """Ask every source's address how large its file is, all at once; return bytes or what went wrong, by name."""
    from ink.tools.download.transfer import remote_size

    late = InkError(f"no answer within {ALL_SECONDS:.0f} seconds", code="download/no-answer")
    found: dict[str, int | InkError | None] = {source.artefact.name: late for source in absent}

    def ask(source: Source) -> None:
        try:
            answer: int | InkError | None = remote_size(direct_address(source.url), source.file.name, ANSWER_SECONDS)
        except InkError as problem:
            answer = problem
        found[source.artefact.name] = answer

    # daemons, since finding a server's name has no time limit of its own
    threads = [threading.Thread(target=ask, args=[source], daemon=True) for source in absent]
    deadline = time.monotonic() + ALL_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(found)


def _finding(source: Source, answers: Answers) -> Finding:
    name = source.artefact.name
    try:
        return ok(CHECK, f"{name}: {_described(source) if source.file.exists() else _expected(source, answers)}")
    except InkError as problem:
        return warning(CHECK, f"{name}: {problem}", problem.code)


def _expected(source: Source, answers: Answers) -> str:
    """Say where a file will come from; InkError where nobody knows that it can be had."""
    name, fetched = source.artefact.name, f"the workflow or `ink download` fetches it to {source.file}"
    if (copy := source.local_copy) is not None:
        if not copy.is_file() or not os.access(copy, os.R_OK):
            problem = "cannot be read: no permission" if copy.is_file() else "is no file"
            raise InkError(
                f"downloads.{name}.path: {copy} {problem}; correct the path, or set it to null to download "
                f"{source.file.name}",
                code="download/unreadable-copy",
            )
        return f"not here yet; {copy} can be read, {bytes_in_words(copy.stat().st_size)}; {fetched}"
    begun = f", {bytes_in_words(source.partial.stat().st_size)} have come" if source.partial.is_file() else ""
    if name not in answers:
        raise InkError(
            f"not here yet{begun}, and {source.origin} not checked (offline); {fetched}", code="download/to-come"
        )
    answer = answers[name]
    if isinstance(answer, InkError):
        raise InkError(
            f"not here yet{begun}; {source.origin}: {answer}; try again later, name a mirror or a local copy "
            f"(downloads.{name}.url, .path), or put the file at {source.file}",
            code=answer.code,
        )
    size = "size unknown" if answer is None else bytes_in_words(answer)
    return f"not here yet{begun}; {source.origin} answers, {size}; {fetched}"


def _described(source: Source) -> str:
    """Say what is known of a file that is here, whose sha256 is not computed for this; InkError where it may not do."""
    if not source.file.is_file() or not os.access(source.file, os.R_OK):
        raise InkError(
            f"{source.file} is no file or cannot be read; remove it to get it anew", code="download/unreadable-copy"
        )
    size, recorded = bytes_in_words(source.file.stat().st_size), read_record(source.record)
    if recorded is None:
        raise InkError(
            f"{source.file}, {size}, has not been checked; run `ink download`, which checks it", code="download/to-come"
        )
    if source.sha256 not in (None, recorded):
        raise InkError(
            f"{source.file} had sha256 {recorded} when it came, but the config pins {source.sha256}; remove it to get "
            "it anew, or correct the config",
            code="download/other-content",
        )
    if source.unpacked is not None and unpacked_from(source.unpacked) != recorded:
        raise InkError(f"{source.file}, {size}, is not unpacked yet; run `ink download`", code="download/to-come")
    verified = "its sha256 is the one pinned" if source.sha256 is not None else "not pinned, its sha256 is recorded"
    unpacked = f", unpacked to {source.unpacked}" if source.unpacked is not None else ""
    return f"{source.file}, {size}, whole; {verified}{unpacked}"


def _size(source: Source, answers: Answers) -> int | None:
    """Return the bytes of the file as far as anything here or the server says them."""
    for path in (source.file, source.local_copy):
        if path is not None and path.is_file():
            return path.stat().st_size
    answer = answers.get(source.artefact.name)
    return None if isinstance(answer, InkError) else answer


def _to_come(source: Source, size: int | None) -> float:
    """Estimate what getting and unpacking the artefact adds to the disk; one of unknown size counts nothing."""
    if size is None:
        return 0.0
    present = next((path.stat().st_size for path in (source.file, source.partial) if path.is_file()), 0)
    unpacked = 0.0 if source.unpacked is None or source.unpacked.is_dir() else UNPACKED * size
    return max(0.0, float(size - present)) + unpacked
