"""What the config's section downloads names: is it there, and if not, can it be had."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence

from ink.config import Config
from ink.runtime.disk import free_bytes, in_words
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
    wanted = sources(config) if config.get("downloads") else []
    absent = [source for source in wanted if source.local_copy is None and not source.file.exists()]
    answers = ask_all(absent) if absent and not offline else {}
    findings = [_finding(source, answers, offline) for source in wanted]
    to_come = sum(_to_come(source, _size(source, answers)) for source in wanted)
    free = free_bytes(DOWNLOADS / "x")
    if to_come > free:
        findings.append(
            warning(
                CHECK,
                f"about {in_words(to_come)} to come, unpacked included, and {in_words(free)} free where {DOWNLOADS}/ "
                "is: free some space, or make it a link to a folder on a larger disk",
            )
        )
    return findings, to_come


def ask_all(absent: Sequence[Source]) -> dict[str, int | InkError | None]:
    """Ask every source's address how large its file is, all at once; return bytes or what went wrong, by name."""
    from ink.tools.download.transfer import remote_size

    found: dict[str, int | InkError | None] = {}

    def ask(source: Source) -> None:
        name = source.artefact.name
        try:
            found[name] = remote_size(direct_address(source.url), source.file.name, ANSWER_SECONDS)
        except InkError as problem:
            found[name] = problem

    # daemons, since finding a server's name has no time limit of its own
    threads = [threading.Thread(target=ask, args=[source], daemon=True) for source in absent]
    deadline = time.monotonic() + ALL_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = InkError(f"no answer within {ALL_SECONDS:.0f} seconds")
    return {source.artefact.name: found.get(source.artefact.name, late) for source in absent}


def _finding(source: Source, answers: Answers, offline: bool) -> Finding:
    name, fetched = source.artefact.name, f"the workflow or `ink download` fetches it to {source.file}"
    if source.file.exists():
        return _there(source)
    if source.local_copy is not None:
        problem = _unreadable(source)
        if problem is not None:
            return warning(
                CHECK,
                f"{name}: downloads.{name}.path: {source.local_copy} {problem}; correct the path, or set it to null to "
                f"download {source.file.name}",
            )
        size = in_words(source.local_copy.stat().st_size)
        return ok(CHECK, f"{name}: not here yet; {source.local_copy} can be read, {size}; {fetched}")
    came = f", {in_words(source.partial.stat().st_size)} have come" if source.partial.is_file() else ""
    if offline:
        return warning(CHECK, f"{name}: not here yet{came}, and {source.origin} not asked (offline); {fetched}")
    answer = answers[name]
    if isinstance(answer, InkError):
        return warning(
            CHECK,
            f"{name}: not here yet{came}; {source.origin}: {answer}; try again later, name a mirror or a local copy "
            f"(downloads.{name}.url, .path), or put the file at {source.file}",
        )
    size = "size unknown" if answer is None else in_words(answer)
    return ok(CHECK, f"{name}: not here yet{came}; {source.origin} answers, {size}; {fetched}")


def _there(source: Source) -> Finding:
    """Say what is known of a file that is here, whose sha256 is not computed for this."""
    name, advice = source.artefact.name, "run `ink download`, which checks it"
    if not source.file.is_file() or not os.access(source.file, os.R_OK):
        return warning(CHECK, f"{name}: {source.file} is no file or cannot be read; remove it to get it anew")
    size = in_words(source.file.stat().st_size)
    try:
        recorded = read_record(source.record)
    except InkError as problem:
        return warning(CHECK, f"{name}: {problem}")
    if recorded is None:
        return warning(CHECK, f"{name}: {source.file}, {size}, has not been checked; {advice}")
    if source.sha256 is not None and recorded != source.sha256:
        return warning(
            CHECK,
            f"{name}: {source.file} had sha256 {recorded} when it came, but the config pins {source.sha256}; remove it "
            "to get it anew, or correct the config",
        )
    if source.unpacked is not None:
        try:
            of = unpacked_from(source.unpacked)
        except InkError as problem:
            return warning(CHECK, f"{name}: {problem}")
        if of != recorded:
            return warning(CHECK, f"{name}: {source.file}, {size}, is not unpacked yet; run `ink download`")
    verified = "its sha256 is the one pinned" if source.sha256 is not None else "not pinned, its sha256 is recorded"
    unpacked = f", unpacked to {source.unpacked}" if source.unpacked is not None else ""
    return ok(CHECK, f"{name}: {source.file}, {size}, whole; {verified}{unpacked}")


def _unreadable(source: Source) -> str | None:
    assert source.local_copy is not None
    if not source.local_copy.is_file():
        return "is no file"
    return None if os.access(source.local_copy, os.R_OK) else "cannot be read: no permission"


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
    here = next((path.stat().st_size for path in (source.file, source.partial) if path.is_file()), 0)
    file = max(0.0, float(size - here))
    if source.unpacked is None or source.unpacked.is_dir():
        return file
    return file + UNPACKED * size
