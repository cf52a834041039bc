"""A datastore on disk: standard .npy files opened through mmap, and a meta.json that says what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json

FORMAT = 1


@dataclass(frozen=True)
class ReducedFrom:
    """The datastore that a reduced one was made of: its entries and its keys' dimension, and by which method.

    counts: whether the entries left say for how many each of them stands. hidden: units of the layer before the
    projection, 0 without one.
    """

    method: str
    entries: int
    dimension: int
    counts: bool
    hidden: int = 0


@dataclass(frozen=True)
class DatastoreMeta:
    """What a datastore says of itself; nobody types a size."""

    entries: int
    dimension: int
    sentences: int
    key: str
    model: str
    corpus: str
    log_probs: bool
    format: int = FORMAT
    reduced: ReducedFrom | None = None

    def described(self) -> dict[str, Any]:
        """Return it as meta.json has it: whether it is reduced where it is."""
        described = asdict(self)
        if self.reduced is None:
            del described["reduced"]
        return described


class Datastore:
    """Keys (entries, dimension) fp16, values (entries,) int32, log_probs (entries,) fp32 where stored.

    Entries stand in the order of the training corpus: sentence s owns entries offsets[s] to offsets[s + 1], one per
    target position, end of sentence included. `offsets` is (sentences + 1,) int64.

    A reduced one has besides:

    - numbers (entries,) int64, ascending: those of its entries in the whole, by which `offsets` go
    - counts (entries,) int32, where entries were merged: for how many of the whole's each stands
    - projection (dimension, the whole's + 1) fp32, where keys are projected: axes, and behind each what is added
    - hidden (units, the whole's + 1) fp32, where they pass a layer with tanh first; projection has its units + 1 then
    """

    def __init__(self, path: Path, meta: DatastoreMeta, mode: str) -> None:
        self.path = Path(path)
        self.meta = meta
        self._mode = mode
        self.values = self._array("values", np.int32, (meta.entries,))
        self.offsets = self._array("offsets", np.int64, (meta.sentences + 1,))
        self.log_probs = self._array("log_probs", np.float32, (meta.entries,)) if meta.log_probs else None
        self.numbers: NDArray[np.int64] | None = None
        self.counts: NDArray[np.int32] | None = None
        self.projection: NDArray[np.float32] | None = None
        self.hidden: NDArray[np.float32] | None = None
        if (whole := meta.reduced) is not None:
            self.numbers = self._array("numbers", np.int64, (meta.entries,))
            if whole.counts:
                self.counts = self._array("counts", np.int32, (meta.entries,))
            if whole.dimension != meta.dimension:
                before = whole.hidden or whole.dimension
                self.projection = self._array("projection", np.float32, (meta.dimension, before + 1))
            if whole.hidden:
                self.hidden = self._array("hidden", np.float32, (whole.hidden, whole.dimension + 1))

    @property
    def keys(self) -> NDArray[np.float16]:
        """Open the key file; systems that do without it work after it has been deleted."""
        return self._array("keys", np.float16, (self.meta.entries, self.meta.dimension))

    def sparse_keys(self) -> np.memmap:
        """Make a key file without any blocks, to be written through the file and not through the map returned."""
        shape = (self.meta.entries, self.meta.dimension)
        return np.lib.format.open_memmap(self.file("keys"), mode="w+", dtype=np.float16, shape=shape)

    def number(self, entry: int) -> int:
        """Return the number that an entry has in the whole datastore."""
        return entry if self.numbers is None else int(self.numbers[entry])

    @property
    def index_path(self) -> Path:
        return self.path / "index.faiss"

    def file(self, name: str) -> Path:
        return self.path / f"{name}.npy"

    def _array(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
        return map_array(self.file(name), dtype, shape, self._mode)


@dataclass(frozen=True)
class ModelDatastore:
    """Where the datastore of a model is: of the base model with `adapter`, or of the base model itself."""

    path: Path
    adapter: Path | None = None


def map_array(
    path: Path, dtype: type, shape: tuple[int, ...], mode: str, advice: str = "build the datastore again"
) -> NDArray:
    """Map a .npy file of this type and shape: "w+" makes it where it is not there yet, "r" reads.

    Raises InkError, with `advice`, where the file is absent, cut short, or holds anything else.
    """
    if mode == "w+" and not path.exists():
        return _reserved(np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape), path)
    try:
        array = np.load(path, mmap_mode="r+" if mode == "w+" else "r")
    except FileNotFoundError:
        raise InkError(f"{path} does not exist; {advice}", code="datastore/incomplete") from None
    except (ValueError, EOFError) as error:
        raise InkError(
            f"{path} is cut short or not a .npy file ({error}); {advice}", code="datastore/damaged"
        ) from None
    if array.shape != shape or array.dtype != dtype:
        raise InkError(
            f"{path} holds {array.shape} {array.dtype}, but meta.json says {shape} {np.dtype(dtype)}; {advice}",
            code="datastore/damaged",
        )
    return array


def _reserved(array: NDArray, path: Path) -> NDArray:
    """Take the blocks of a mapped file from the disk: a write into one that a full disk cannot give ends the process.

    Raises OSError where they do not fit.
    """
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def create_datastore(path: Path, meta: DatastoreMeta) -> Datastore:
    """Make the files of a datastore to be filled; meta.json comes last, with `seal`."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return Datastore(path, meta, "w+")


def seal(datastore: Datastore) -> None:
    """Write meta.json: from here on the datastore may be opened."""
    write_json(datastore.path / "meta.json", datastore.meta.described())


def as_meta(described: Mapping[str, Any]) -> DatastoreMeta:
    """Return what `DatastoreMeta.described` gave; TypeError where it is nothing of the kind."""
    if (whole := described.get("reduced")) is None:
        return DatastoreMeta(**described)
    return DatastoreMeta(**{**described, "reduced": ReducedFrom(**whole)})


def open_datastore(
    path: Path, *, model: str | None = None, corpus: str | None = None, key: str | None = None
) -> Datastore:
    """Open a datastore for reading and check that it is the one expected.

    Raises InkError naming both fingerprints (or key kinds) where it was made with another model, corpus or key kind.
    """
    described = read_json(Path(path) / "meta.json")
    try:
        meta = as_meta(described)
    except TypeError as error:
        raise InkError(
            f"{path}/meta.json does not describe a datastore ({error}); build it again", code="datastore/damaged"
        ) from None
    if meta.format != FORMAT:
        raise InkError(
            f"{path} has datastore format {meta.format}, this version of ink reads {FORMAT}; build it again",
            code="datastore/other-format",
        )
    for name, found, expected in (
        ("model", meta.model, model),
        ("corpus", meta.corpus, corpus),
        ("key kind", meta.key, key),
    ):
        if expected is not None and found != expected:
            raise InkError(
                f"datastore {path} was made with {name} {found}, but {expected} is in use; "
                "build the datastore again or use what it was made with",
                code="datastore/other-origin",
            )
    return Datastore(path, meta, "r")
