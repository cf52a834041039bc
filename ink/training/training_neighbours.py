"""The neighbours of training positions, each position's own entry excluded by identity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ink.config.sections.base_system import Index
from ink.datastore.search import Searcher, gather_keys, in_order
from ink.datastore.storage import Datastore, map_array


def own_entries(datastore: Datastore, sentences: Tensor, real: Tensor) -> Tensor:
    """Return the entry of every position that is not padding, (positions,), row by row.

    sentences: (batch,) numbers in the training corpus; real: (batch, length), true where not padding.
    """
    starts = torch.from_numpy(np.asarray(datastore.offsets[sentences.cpu().numpy()])).to(real.device)
    return (starts.unsqueeze(-1) + torch.arange(real.shape[1], device=real.device))[real]


class Source(Protocol):
    """Where the neighbours of a batch come from; `looks_at_queries` or knows them by the own entries alone.

    `drops_nearest`: of its neighbours the nearest by exact distance is one too many.
    """

    looks_at_queries: bool
    drops_nearest: bool

    def ids(self, queries: Tensor | None, own: Tensor) -> Tensor:
        """Return entries (positions, k) of `queries` whose own are `own`, on the CPU, -1 where there are fewer."""
        ...


class IndexLookup:
    """Queries the index with the current h_t, batch by batch.

    `released` searches k, of which whatever is nearest by exact distance is dropped, so that k - 1 remain.
    """

    looks_at_queries = True

    def __init__(self, datastore: Datastore, index: Index, k: int, variant: str) -> None:
        self.searcher = Searcher(datastore, index)
        self.k = k
        self.drops_nearest = variant == "released"

    def ids(self, queries: Tensor | None, own: Tensor) -> Tensor:
        if queries is None:
            raise ValueError("the index is searched with queries, and there are none")
        if self.drops_nearest:
            return self.searcher.search(queries, self.k).ids.cpu()
        return self.searcher.search_without(queries, own, self.k).cpu()


class PrecomputedLookup:
    """Looks up what was found of every entry right after the refresh, by `find_once`.

    Queries were the stored keys, so that what ranks first is the own entry: `released` drops it and keeps k - 1.
    """

    looks_at_queries = False
    drops_nearest = False  # the own entry is left out when they are found

    def __init__(self, path: Path, datastore: Datastore, k: int, variant: str) -> None:
        self.found = map_array(path, np.int32, (datastore.meta.entries, k), "r", "train the round again")
        self.kept = k - 1 if variant == "released" else k

    def ids(self, queries: Tensor | None, own: Tensor) -> Tensor:
        return torch.from_numpy(self.found[own.cpu().numpy(), : self.kept].astype(np.int64))


@dataclass(frozen=True)
class Read:
    """Neighbours as they were read: keys (positions, k, dimension), values and whether there is one (positions, k)."""

    keys: Tensor
    values: Tensor
    present: Tensor


class TrainingNeighbours:
    """The neighbours of each position of a training batch in the round's datastore, as the objectives take them."""

    def __init__(self, datastore: Datastore, source: Source) -> None:
        self.datastore = datastore
        self.keys = datastore.keys
        self.source = source

    def read_ahead(self, own: Tensor, device: torch.device) -> Read | None:
        """Read the neighbours of `own` (positions,), on the CPU, in any order; None where the source looks at queries.

        A GPU goes on with the forward pass meanwhile, the result of which this does not ask for.
        """
        return None if self.source.looks_at_queries else self._read(self.source.ids(None, own), device)

    def find(self, queries: Tensor, own: Tensor, ahead: Read | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return keys (positions, k, dimension), values (positions, k) and whether there is a neighbour (positions, k).

        queries: (positions, dimension), the current h_t; own: (positions,), the entries to leave out; ahead: what
        `read_ahead` gave for them. Nearest first by squared L2 distance of h_t to the keys.
        """
        read = ahead or self._read(self.source.ids(queries, own), queries.device)
        distances = (queries.detach().unsqueeze(1) - read.keys).pow(2).sum(-1).masked_fill(~read.present, torch.inf)
        order = distances.argsort(dim=-1, stable=True)
        keys, values, present = in_order(read.keys, order), read.values.gather(1, order), read.present.gather(1, order)
        # by the index's own distances the own entry is often not the first
        kept = slice(1 if self.source.drops_nearest else 0, None)
        return keys[:, kept], values[:, kept], present[:, kept]

    def _read(self, ids: Tensor, device: torch.device) -> Read:
        """Read the entries `ids` (positions, k), which are on the CPU as the files are."""
        values = torch.from_numpy(self.datastore.values[ids.clamp(min=0).numpy()].astype(np.int64))
        return Read(gather_keys(self.keys, ids, device), values.to(device), (ids >= 0).to(device))
