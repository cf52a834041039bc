"""Source tokens on disk: what the encoder makes of each occurrence, and the datastore's entries aligned with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ink.datastore.storage import map_array
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json

FORMAT = 1
AGAIN = "store the source tokens again"
FILES = ("representations", "type_starts", "link_starts", "entries")


@dataclass(frozen=True)
class SourceTokensMeta:
    """What stored source tokens say of themselves: their text's fingerprint is `corpus`, the model's `model`.

    tokens: occurrences, ends of sentence included; types: of the source vocabulary; links: with a datastore's entries.
    """

    tokens: int
    dimension: int
    types: int
    links: int
    model: str
    corpus: str
    format: int = FORMAT


class SourceTokens:
    """Occurrences of a text's source tokens, those of one type together, in the order of the text.

    - representations (tokens, dimension) fp16: what the encoder made of each, divided by its length
    - type_starts (types + 1,) int64: type t has the occurrences type_starts[t] to type_starts[t + 1]
    - link_starts (tokens + 1,) int64: occurrence n is aligned with entries[link_starts[n] : link_starts[n + 1]]
    - entries (links,) int64: numbers of a datastore's entries, which are the text's target positions
    """

    def __init__(self, path: Path, meta: SourceTokensMeta, mode: str) -> None:
        self.path, self.meta, self._mode = Path(path), meta, mode
        self.representations = self._array("representations", np.float16, (meta.tokens, meta.dimension))
        self.type_starts = self._array("type_starts", np.int64, (meta.types + 1,))
        self.link_starts = self._array("link_starts", np.int64, (meta.tokens + 1,))
        self.entries = self._array("entries", np.int64, (meta.links,))

    @property
    def files(self) -> list[Path]:
        """What decoding reads, but for meta.json."""
        return [self.path / f"{name}.npy" for name in FILES]

    def occurrences(self, token: int) -> range:
        """Return the occurrences of a type."""
        return range(int(self.type_starts[token]), int(self.type_starts[token + 1]))

    def aligned(self, occurrences: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the different entries that are aligned with any of these occurrences, ascending."""
        starts, ends = self.link_starts[occurrences], self.link_starts[occurrences + 1]
        sizes = ends - starts
        links = np.arange(sizes.sum()) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
        return np.unique(self.entries[links])

    def _array(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
        return map_array(self.path / f"{name}.npy", dtype, shape, self._mode, AGAIN)


def create_source_tokens(path: Path, meta: SourceTokensMeta) -> SourceTokens:
    """Make the files to be filled; meta.json comes last, with `seal_source_tokens`."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return SourceTokens(path, meta, "w+")


def seal_source_tokens(stored: SourceTokens) -> None:
    """Write meta.json: from here on they may be opened."""
    write_json(stored.path / "meta.json", asdict(stored.meta))


def open_source_tokens(path: Path, *, model: str, corpus: str) -> SourceTokens:
    """Open stored source tokens for reading; InkError where they are of another model or corpus, or no such folder."""
    described = read_json(Path(path) / "meta.json")
    try:
        meta = SourceTokensMeta(**described)
    except TypeError as error:
        raise InkError(
            f"{path}/meta.json does not describe source tokens ({error}); {AGAIN}", code="datastore/damaged"
        ) from None
    for name, found, expected in (
        ("format", meta.format, FORMAT),
        ("model", meta.model, model),
        ("corpus", meta.corpus, corpus),
    ):
        if found != expected:
            raise InkError(
                f"source tokens {path} were stored with {name} {found}, but {expected} is in use; {AGAIN}",
                code="datastore/other-origin",
            )
    return SourceTokens(path, meta, "r")
