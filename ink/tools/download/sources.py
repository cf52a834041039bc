"""Where an artefact comes from and goes in one experiment: what is known of it, and what the config says instead."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ink.runtime.disk import bytes_in_words
from ink.runtime.errors import InkError
from ink.tools.download.artefacts import ARTEFACTS, Artefact
from ink.tools.download.unpacking import unpacked_from

# beside work/, whose folders belong to experiments: these files are the same for all of them
DOWNLOADS = Path("downloads")

_SHARED_ON_DRIVE = re.compile(r"https://drive\.google\.com/(?:file/d/([\w-]+)|(?:open|uc)\?(?:.*&)?id=([\w-]+))")


@dataclass(frozen=True)
class Source:
    """An artefact with its address, a local copy that is taken in place of it, and the sha256 that the file must have.

    sha256 is None where the config pins none. folder is downloads/, seen from where the command runs. sentences: domain
    -> split -> sentence pairs that binarised text in it must have, where the config says so.
    """

    artefact: Artefact
    url: str
    local_copy: Path | None = None
    sha256: str | None = None
    folder: Path = DOWNLOADS
    sentences: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where the file goes."""
        return self.folder / self.artefact.file

    @property
    def partial(self) -> Path:
        """What has come so far."""
        return self.file.with_name(f"{self.file.name}.part")

    @property
    def record(self) -> Path:
        """The sha256 that the file had when it first came, as `sha256sum` writes it."""
        return self.file.with_name(f"{self.file.name}.sha256")

    @property
    def unpacked(self) -> Path | None:
        """The folder into which it is unpacked."""
        return None if self.artefact.unpacked is None else self.folder / self.artefact.unpacked

    @property
    def origin(self) -> str:
        """The local copy or the address, as it is shown."""
        return str(self.local_copy) if self.local_copy is not None else shown_address(self.url)

    def failure(self, problem: str, *, code: str) -> InkError:
        """Make the error that says which file, from where, what is wrong, and how to do without the download."""
        pinned = "" if self.sha256 is None else f" with sha256 {self.sha256}"
        return InkError(
            f"{self.artefact.name}: {self.file} from {self.origin}: {' '.join(problem.split())}; to place it by hand, "
            f"put the file{pinned} at {self.file}, and if you know its sha256 the line that `sha256sum` writes of it "
            f"into {self.record}, then run this again",
            code=code,
        )


def sources(config: Mapping[str, Any], names: Iterable[str] = (), folder: Path = DOWNLOADS) -> list[Source]:
    """Return the sources of the artefacts named, or of those in the config's section downloads where none is.

    A config without that section names none. InkError where a name is not an artefact's.
    """
    return [_source(name, config, folder) for name in (tuple(names) or config.get("downloads") or {})]


def direct_address(url: str) -> str:
    """Return the address that serves the file itself: that of a link shared on Google Drive shows a page about it."""
    shared = _SHARED_ON_DRIVE.match(url)
    if shared is None:
        return url
    return f"https://drive.usercontent.google.com/download?id={shared[1] or shared[2]}&export=download&confirm=t"


def shown_address(url: str) -> str:
    """Return the address without a user's name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def is_below(path: str, folder: Path | None) -> bool:
    """Whether `path`, as a config writes it, is inside `folder`."""
    return folder is not None and folder in Path(os.path.normpath(path)).parents


def _source(name: str, config: Mapping[str, Any], folder: Path) -> Source:
    if name not in ARTEFACTS:
        raise InkError(f"{name!r} is no download; known: {', '.join(ARTEFACTS)}", code="config/unknown-name")
    artefact, entry = ARTEFACTS[name], (config.get("downloads") or {}).get(name) or {}
    local_copy = Path(entry["path"]) if entry.get("path") else None
    sha256 = entry["sha256"].lower() if entry.get("sha256") else None
    source = Source(artefact, entry.get("url") or artefact.url, local_copy, sha256, folder)
    binarised = (config.get("data") or {}).get("binarised")
    if artefact.domains and binarised and is_below(binarised["folder"], source.unpacked):
        source = replace(source, sentences=binarised["sentences"])
    return source


def plainly_listed(sources: Iterable[Source]) -> list[dict[str, str | None]]:
    """Return what `listed` says as values by name; null where nothing is stated, pinned or unpacked."""
    return [
        {
            "name": source.artefact.name,
            "what": source.artefact.what,
            "from": source.origin,
            "size": source.artefact.size,
            "licence": source.artefact.licence,
            "sha256": source.sha256,
            "file": str(source.file),
            "unpacked": None if source.unpacked is None else str(source.unpacked),
            "state": state(source),
        }
        for source in sources
    ]


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
        text = f"there, {bytes_in_words(source.file.stat().st_size)}"
        if not source.record.is_file():
            text += ", not yet checked"
        if source.unpacked is not None:
            text += ", not yet unpacked" if unpacked_from(source.unpacked) is None else ", unpacked"
        return text
    if source.partial.is_file():
        return f"not there; {bytes_in_words(source.partial.stat().st_size)} have come"
    return "not there"
