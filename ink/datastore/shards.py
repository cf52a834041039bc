"""Shards of a datastore on disk: each has the entries of a share of the batches and is made by a job of its own.

Joined they become a datastore: its index is made from them, then each gives its keys and is removed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.datastore.index import build_index
from ink.datastore.storage import Datastore, DatastoreMeta, create_datastore, map_array, seal
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_json, remove, write_atomically, write_json

FORMAT = 1
AGAIN = "build the shard again"

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class ShardMeta:
    """What a shard says of itself: its `number` of `count`, from 1 on, its entries, and the datastore it is of."""

    number: int
    count: int
    entries: int
    whole: DatastoreMeta
    format: int = FORMAT


class Shard:
    """keys (rows, dimension) fp16, values (rows,) int32, log_probs (rows,) fp32 and entries (rows,) int64, ascending.

    entries[n] is the number that row n has in the whole datastore, whose `offsets` (sentences + 1,) every shard holds.
    """

    def __init__(self, path: Path, meta: ShardMeta, mode: str) -> None:
        self.path = Path(path)
        self.meta = meta
        self._mode = mode
        self.entries = self._array("entries", np.int64, (meta.entries,))
        self.values = self._array("values", np.int32, (meta.entries,))
        self.log_probs = self._array("log_probs", np.float32, (meta.entries,))
        self.offsets = self._array("offsets", np.int64, (meta.whole.sentences + 1,))

    @property
    def keys(self) -> NDArray[np.float16]:
        """Map the key file anew, so that nobody holds it when the shard is removed."""
        return self._array("keys", np.float16, (self.meta.entries, self.meta.whole.dimension))

    def _array(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
        return map_array(self.path / f"{name}.npy", dtype, shape, self._mode, AGAIN)


class ShardedKeys:
    """The keys of all shards as if they were one array (entries, dimension): by slices, and by ascending numbers."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        whole = shards[0].meta.whole
        self.shape = (whole.entries, whole.dimension)
        self._parts = [(shard.entries, shard.keys) for shard in shards]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, wanted: slice | NDArray[np.int64]) -> NDArray[np.float16]:
        if isinstance(wanted, slice):
            start, stop, _ = wanted.indices(len(self))
            found = np.empty((max(0, stop - start), self.shape[1]), np.float16)
            for entries, keys in self._parts:
                first, last = np.searchsorted(entries, [start, stop])
                found[entries[first:last] - start] = keys[first:last]
            return found
        found = np.empty((len(wanted), self.shape[1]), np.float16)
        for entries, keys in self._parts:
            rows = np.searchsorted(entries, wanted).clip(max=len(entries) - 1)
            here = entries[rows] == wanted
            found[here] = keys[rows[here]]
        return found


def batches_of(batches: Sequence[Batch], number: int, count: int) -> Sequence[Batch]:
    """Return those of the batches that make shard `number` of `count`, from 1 on: as many in each, but for one.

    Raises InkError where there are fewer batches than shards.
    """
    if not 1 <= number <= count:
        raise InkError(
            f"shard {number} is asked for, but datastore.shards is {count}; ask for one from 1 to {count}",
            code="datastore/wrong-shards",
        )
    if count > len(batches):
        raise InkError(
            f"datastore.shards is {count}, but the training set makes {len(batches)} batches of at most "
            "datastore.batch_tokens; lower one of the two",
            code="datastore/wrong-shards",
        )
    return batches[(number - 1) * len(batches) // count : number * len(batches) // count]


def create_shard(path: Path, meta: ShardMeta) -> Shard:
    """Make the files of a shard to be filled; meta.json comes last, with `seal_shard`."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return Shard(path, meta, "w+")


def seal_shard(shard: Shard) -> None:
    """Write meta.json: from here on the shard may be opened."""
    write_json(shard.path / "meta.json", {**asdict(shard.meta), "whole": shard.meta.whole.described()})


def open_shards(paths: Sequence[Path]) -> list[Shard]:
    """Open all shards of one datastore for reading, in their order.

    Raises InkError where one is missing, there twice, or of another datastore, or their entries are not all there.
    """
    shards = sorted((_open(path) for path in paths), key=lambda shard: shard.meta.number)
    first = shards[0]
    for shard in shards:
        if (shard.meta.count, shard.meta.whole) != (first.meta.count, first.meta.whole):
            raise InkError(
                f"shards {first.path} and {shard.path} are not of the same datastore; build them again",
                code="datastore/wrong-shards",
            )
    numbers, count = [shard.meta.number for shard in shards], first.meta.count
    if numbers != list(range(1, count + 1)):
        found = ", ".join(map(str, numbers))
        raise InkError(
            f"a datastore of {count} shards needs each of them once, but shards {found} are here",
            code="datastore/wrong-shards",
        )
    held = np.zeros(first.meta.whole.entries, np.bool_)
    for shard in shards:
        held[shard.entries] = True
    if not held.all() or sum(shard.meta.entries for shard in shards) != len(held):
        raise InkError(
            f"the shards beside {first.path} were made with different datastore.batch_tokens: together they do not "
            f"hold each of {len(held)} entries once; build them again",
            code="datastore/wrong-shards",
        )
    return shards


def _open(path: Path) -> Shard:
    described: dict[str, Any] = read_json(path / "meta.json", "whole", "format")
    try:
        meta = ShardMeta(**{**described, "whole": DatastoreMeta(**described["whole"])})
    except TypeError as error:
        raise InkError(
            f"{path}/meta.json does not describe a shard ({error}); {AGAIN}", code="datastore/damaged"
        ) from None
    if meta.format != FORMAT:
        raise InkError(
            f"{path} has shard format {meta.format}, this version of ink reads {FORMAT}; {AGAIN}",
            code="datastore/other-format",
        )
    return Shard(path, meta, "r")


def join_shards(paths: Sequence[Path], output: Path, index: Index) -> DatastoreMeta:
    """Write the datastore of which `paths` are all shards, byte for byte what one pass would have built.

    The shards are removed. Keys are moved last and shard by shard, so that the disk never holds more than the keys and
    one shard of them again. If this last step is interrupted, the shards that are gone by then have to be built again.
    Raises InkError where the shards are not all of one datastore.
    """
    shards = open_shards(paths)
    meta = shards[0].meta.whole
    with write_atomically(output) as temporary:
        datastore = create_datastore(temporary, meta)
        datastore.offsets[:] = shards[0].offsets
        for shard in shards:
            datastore.values[shard.entries] = shard.values
            if datastore.log_probs is not None:
                datastore.log_probs[shard.entries] = shard.log_probs
        build_index(ShardedKeys(shards), index, datastore.index_path, datastore=output)
        _move_keys(shards, datastore)
        seal(datastore)
    return meta


def _move_keys(shards: Sequence[Shard], datastore: Datastore) -> None:
    """Move every shard's keys to their place in the key file, whose disk blocks are allocated as they are written."""
    keys = datastore.sparse_keys()
    start, row = keys.offset, keys.strides[0]
    descriptor = os.open(datastore.file("keys"), os.O_WRONLY)
    try:
        for shard in progress(shards, description="joining", unit="shard"):
            entries, source = shard.entries, shard.keys
            # of sentences that stand side by side in the training set too
            ends = [*(np.flatnonzero(np.diff(entries) != 1) + 1), len(entries)]
            for first, last in zip([0, *ends[:-1]], ends, strict=True):
                _write(descriptor, source[first:last], start + int(entries[first]) * row)
            del source
            _discard(shard.path)
    finally:
        os.close(descriptor)


def _write(descriptor: int, rows: NDArray[np.float16], place: int) -> None:
    left = rows.data.cast("B")
    while left:
        # through the file and not its map, into which a full disk must not be written
        written = os.pwrite(descriptor, left, place)
        left, place = left[written:], place + written


def _discard(path: Path) -> None:
    """Let a shard be gone at once, under the name that its next writer clears: half of one must not look whole."""
    aside = path.with_name(f".{path.stem}.partial{path.suffix}")
    remove(aside)
    os.replace(path, aside)
    remove(aside)
