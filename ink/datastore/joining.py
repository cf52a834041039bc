"""Shards become a datastore: its index is made from them, then each gives its keys and is removed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.datastore.index import build_index
from ink.datastore.shards import Shard, ShardedKeys, open_shards
from ink.datastore.storage import Datastore, DatastoreMeta, create_datastore, seal
from ink.files import remove, write_atomically
from ink.progress import progress


def join_shards(paths: Sequence[Path], output: Path, index: Index) -> DatastoreMeta:
    """Write the datastore of which `paths` are all shards, byte for byte what one pass would have built.

    The shards are removed. Keys are moved last and shard by shard, so that the disk never holds more than the keys and
    one shard of them again; whoever interrupts this last step has to build those shards anew that are gone by then.
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
        build_index(ShardedKeys(shards), index, datastore.index_path, of=output)
        _move_keys(shards, datastore)
        seal(datastore)
    return meta


def _move_keys(shards: Sequence[Shard], datastore: Datastore) -> None:
    """Bring every shard's keys to their places in the key file, whose blocks are taken as they are written."""
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
