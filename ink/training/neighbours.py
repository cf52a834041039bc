"""The neighbours of training positions, each position's own entry excluded by identity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ink.datastore.blocks import divide, neighbours_of_all
from ink.datastore.search import Searcher, gather_keys, in_order
from ink.datastore.storage import Datastore, map_array
from ink.errors import InkError
from ink.files import write_atomically
from ink.nmt.device import torch_device

SEARCHED_AT_ONCE = 4096


def own_entries(datastore: Datastore, sentences: Tensor, real: Tensor) -> Tensor:
    """Return the entry of every position that is not padding, (positions,), row by row.

    sentences: (batch,) numbers in the training corpus; real: (batch, length), true where not padding.
    """
    starts = torch.from_numpy(np.asarray(datastore.offsets[sentences.cpu().numpy()])).to(real.device)
    return (starts.unsqueeze(-1) + torch.arange(real.shape[1], device=real.device))[real]


class Source(Protocol):
    """Where the neighbours of a batch come from."""

    def ids(self, queries: Tensor, own: Tensor) -> Tensor:
        """Return entries (positions, k), -1 where there are fewer, of `queries` whose own entries are `own`."""
        ...


class EveryBatch:
    """Queries the index with the current h_t, batch by batch.

    `released` searches k and drops whatever ranks first, so that k - 1 remain.
    """

    def __init__(self, datastore: Datastore, index: Mapping[str, Any], k: int, variant: str) -> None:
        self.searcher = Searcher(datastore, index)
        self.k = k
        self.variant = variant

    def ids(self, queries: Tensor, own: Tensor) -> Tensor:
        if self.variant == "released":
            return self.searcher.search(queries, self.k).ids[:, 1:]
        return self.searcher.search_without(queries, own, self.k).to(queries.device)


class OncePerRound:
    """Looks up what was found of every entry right after the refresh, by `find_once`.

    Queries were the stored keys, so that what ranks first is the own entry: `released` drops it and keeps k - 1.
    """

    def __init__(self, path: Path, datastore: Datastore, k: int, variant: str) -> None:
        self.found = map_array(path, np.int32, (datastore.meta.entries, k), "r", "train the round again")
        self.kept = k - 1 if variant == "released" else k

    def ids(self, queries: Tensor, own: Tensor) -> Tensor:
        return torch.from_numpy(self.found[own.cpu().numpy(), : self.kept].astype(np.int64)).to(queries.device)


def find_once(datastore: Datastore, index: Mapping[str, Any], k: int, device: str, path: Path) -> None:
    """Write the k nearest other entries of every entry, (entries, k) int32 with -1 where there are fewer, to `path`.

    By exact distances: with an exact index among all entries, else among those of the lists nearest to each entry.
    Raises InkError where there are not k others, or an entry's number is more than int32 holds.
    """
    entries = datastore.meta.entries
    if entries > np.iinfo(np.int32).max:
        raise InkError(
            f"datastore {datastore.path} has {entries} entries, and ink.neighbours per_round holds 2**31 - 1 at most; "
            "set it to per_batch"
        )
    if k >= entries:
        raise InkError(
            f"{k} neighbours asked of each entry of datastore {datastore.path}, which has {entries}; lower ink.k"
        )
    with write_atomically(path) as temporary:
        found = map_array(temporary, np.int32, (entries, k), "w+")
        if index["type"] == "exact":
            searcher = Searcher(datastore, index)
            for start in range(0, entries, SEARCHED_AT_ONCE):
                part = slice(start, min(start + SEARCHED_AT_ONCE, entries))
                keys = torch.from_numpy(np.asarray(datastore.keys[part], dtype=np.float32))
                found[part] = searcher.search_without(keys, torch.arange(part.start, part.stop), k).numpy()
        else:
            lists = divide(datastore.keys, torch_device(device), index["seed"])
            for part, _, ids in neighbours_of_all(datastore, lists, k):
                found[part] = ids.cpu().numpy()


class TrainingNeighbours:
    """The neighbours of each position of a training batch in the round's datastore, as the objectives take them."""

    def __init__(self, datastore: Datastore, source: Source) -> None:
        self.datastore = datastore
        self.keys = datastore.keys
        self.source = source

    def find(self, queries: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return keys (positions, k, dimension), values (positions, k) and whether there is a neighbour (positions, k).

        queries: (positions, dimension), the current h_t; own: (positions,), the entries to leave out. Nearest first by
        squared L2 distance of h_t to the keys.
        """
        ids = self.source.ids(queries, own)
        keys = gather_keys(self.keys, ids)
        present = ids >= 0
        distances = (queries.detach().unsqueeze(1) - keys).pow(2).sum(-1).masked_fill(~present, torch.inf)
        order = distances.argsort(dim=-1, stable=True)
        keys = in_order(keys, order)
        ids, present = ids.gather(1, order), present.gather(1, order)
        values = torch.from_numpy(self.datastore.values[ids.clamp(min=0).cpu().numpy()].astype(np.int64))
        return keys, values.to(queries.device), present
