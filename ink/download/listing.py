"""What can be downloaded, as a list: what, from where, how large, under which licence, where to, and is it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ink.disk import in_words
from ink.download.sources import Source
from ink.download.unpacking import unpacked_from


def listed(sources: Iterable[Source]) -> Iterator[str]:
    """Yield the lines of the list; nothing is fetched, and no sha256 computed."""
    for source in sources:
        artefact = source.artefact
        yield f"{artefact.name}: {artefact.what}"
        yield f"  from     {source.origin}"
        yield f"  size     {artefact.size or 'not stated'}"
        yield f"  licence  {artefact.licence}"
        yield f"  sha256   {source.sha256 or 'not pinned: recorded when it is first there, and compared from then on'}"
        yield f"  goes to  {source.file}" + (f", unpacked to {source.unpacked}" if source.unpacked is not None else "")
        yield f"  state    {state(source)}"


def state(source: Source) -> str:
    """Say whether the artefact is there."""
    if source.file.is_file():
        there = f"there, {in_words(source.file.stat().st_size)}"
        if not source.record.is_file():
            there += ", not yet checked"
        if source.unpacked is not None:
            there += ", unpacked" if _is_unpacked(source) else ", not yet unpacked"
        return there
    if source.partial.is_file():
        return f"not there; {in_words(source.partial.stat().st_size)} have come"
    return "not there"


def _is_unpacked(source: Source) -> bool:
    return source.unpacked is not None and source.unpacked.is_dir() and unpacked_from(source.unpacked) is not None
