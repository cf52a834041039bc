"""Every entry's neighbours in its own datastore, found once with the stored keys as queries and kept on disk.

kNN-KD's are by the index's own distances and may hold the entry itself; those of INK's rounds are by exact distances
and never do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.datastore.knn_graph_search import PROBES, divide, neighbours_of_all, undivided
from ink.datastore.search import Searcher, drop_own, other_entries
from ink.datastore.storage import Datastore, map_array
from ink.nmt.device import torch_device
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_json, write_atomically, write_json

FORMAT = 1
SEARCHED_AT_ONCE = 4096
AGAIN = "store them again"


@dataclass(frozen=True)
class NeighboursMeta:
    """What stored neighbours say of themselves: how many, and of which datastore, searched through which index."""

    entries: int
    stored: int
    model: str
    corpus: str
    key: str
    index: Mapping[str, Any]
    format: int = FORMAT


class StoredNeighbours:
    """distances (entries, stored) fp32 and ids (entries, stored) int32, nearest first, by the index's own distances.

    Row n belongs to entry n of the datastore and holds entry n itself wherever the index ranked it. Where the index
    returned fewer, the distance is infinite and the id -1.
    """

    def __init__(self, path: Path, meta: NeighboursMeta, mode: str) -> None:
        self.path = Path(path)
        self.meta = meta
        shape = (meta.entries, meta.stored)
        self.distances = map_array(self.path / "distances.npy", np.float32, shape, mode, AGAIN)
        self.ids = map_array(self.path / "ids.npy", np.int32, shape, mode, AGAIN)

    def first(
        self, entries: NDArray[np.int64], k: int, *, without_own: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return distances and ids, each (positions, k), of the k nearest of `entries` (positions,).

        With `without_own` the entry itself is excluded by identity: others with the same key stay.
        """
        wanted = k + 1 if without_own else k
        if wanted > self.meta.stored:
            raise InkError(
                f"{self.path} stores {self.meta.stored} neighbours of each entry, but {wanted} are needed; "
                "lower k or store more",
                code="datastore/too-few-entries",
            )
        distances = np.asarray(self.distances[entries, :wanted])
        ids = self.ids[entries, :wanted].astype(np.int64)
        if without_own:
            kept = other_entries(torch.from_numpy(ids), torch.from_numpy(entries)).numpy()
            distances, ids = (array[kept].reshape(len(entries), k) for array in (distances, ids))
        return distances, ids


def neighbours_of_entries(searcher: Searcher, k: int) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.int64]]]:
    """Search with every stored key, SEARCHED_AT_ONCE at a time; yields the entries, distances and ids (entries, k)."""
    keys = searcher.datastore.keys
    with progress(range(len(keys)), description="neighbours", unit="entry", total=len(keys)) as bar:
        for start in range(0, len(keys), SEARCHED_AT_ONCE):
            part = slice(start, min(start + SEARCHED_AT_ONCE, len(keys)))
            found = searcher.search(torch.from_numpy(np.asarray(keys[part], dtype=np.float32)), k)
            yield part, found.distances.numpy(), found.ids.numpy()
            bar.update(part.stop - part.start)


def store_neighbours(datastore: Datastore, index: Index, k: int, output: Path) -> NeighboursMeta:
    """Write the folder `output` with the k nearest entries of every entry, whole or not at all.

    `index`: the settings of the search. Raises InkError where there are fewer entries, or more than int32 holds.
    """
    searched = datastore.meta
    if searched.entries > np.iinfo(np.int32).max:
        raise InkError(
            f"datastore {datastore.path} has {searched.entries} entries, but neighbours can be stored for at most "
            "2**31 - 1 entries; use less training text",
            code="datastore/too-large",
        )
    meta = NeighboursMeta(searched.entries, k, searched.model, searched.corpus, searched.key, index.plain())
    searcher = Searcher(datastore, index)
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        stored = StoredNeighbours(folder, meta, "w+")
        for part, distances, ids in neighbours_of_entries(searcher, k):
            stored.distances[part], stored.ids[part] = distances, ids
        write_json(folder / "meta.json", asdict(meta))
    return meta


def find_once(datastore: Datastore, index: Index, k: int, device: str, path: Path, *, exact: bool = False) -> None:
    """Write the k nearest other entries of every entry, (entries, k) int32 with -1 where there are fewer, to `path`.

    By exact distances: with `exact` or an exact index among all entries, else among those of the lists nearest to each.
    Raises InkError where there are not k others, or an entry's number is more than int32 holds.
    """
    entries = datastore.meta.entries
    if entries > np.iinfo(np.int32).max:
        raise InkError(
            f"datastore {datastore.path} has {entries} entries, and ink.neighbours per_round holds 2**31 - 1 at most; "
            "set it to per_batch",
            code="datastore/too-large",
        )
    if k >= entries:
        raise InkError(
            f"{k} neighbours requested for each entry of datastore {datastore.path}, which has {entries} entries, "
            "itself included; lower ink.k",
            code="datastore/too-few-entries",
        )
    with write_atomically(path) as temporary:
        found = map_array(temporary, np.int32, (entries, k), "w+")
        if index.type == "exact":
            for part, _, near in neighbours_of_entries(Searcher(datastore, index), k + 1):
                found[part] = drop_own(torch.from_numpy(near), torch.arange(part.start, part.stop)).numpy()
        else:
            where = torch_device(device)
            if exact:
                lists = undivided(entries, datastore.meta.dimension, where)
                probes = len(lists.members)
            else:
                lists, probes = divide(datastore, where, index.seed), PROBES
            for part, _, ids in neighbours_of_all(datastore, lists, k, probes):
                found[part] = ids.cpu().numpy()


def open_neighbours(path: Path, datastore: Datastore) -> StoredNeighbours:
    """Open stored neighbours for reading and check that they were found in `datastore`.

    Raises InkError naming both where model, corpus, kind of key or number of entries differ.
    """
    described = read_json(Path(path) / "meta.json")
    try:
        meta = NeighboursMeta(**described)
    except TypeError as error:
        raise InkError(
            f"{path}/meta.json does not describe neighbours ({error}); {AGAIN}", code="datastore/damaged"
        ) from None
    if meta.format != FORMAT:
        raise InkError(
            f"{path} has neighbours' format {meta.format}, this version of ink reads {FORMAT}; {AGAIN}",
            code="datastore/other-format",
        )
    searched = datastore.meta
    for name, found, expected in (
        ("model", meta.model, searched.model),
        ("corpus", meta.corpus, searched.corpus),
        ("key kind", meta.key, searched.key),
        ("number of entries", meta.entries, searched.entries),
    ):
        if found != expected:
            raise InkError(
                f"neighbours {path} were found in a datastore with {name} {found}, but that of datastore "
                f"{datastore.path} is {expected}; {AGAIN}",
                code="datastore/other-origin",
            )
    return StoredNeighbours(path, meta, "r")
