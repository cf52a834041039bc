"""Searching a datastore: from query keys to neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ink.config.sections.base_system import Index
from ink.datastore import faiss_gpu
from ink.datastore.index import read_index
from ink.datastore.storage import Datastore
from ink.runtime.errors import InkError


@dataclass(frozen=True)
class Neighbours:
    """k retrieved entries of each position, nearest first.

    distances: (..., k) squared L2; infinite where the index returned fewer than k.
    values: (..., k) int64 target tokens; ids: (..., k) int64 entries, -1 where the index returned fewer.
    On request: log_probs (..., k), the entries' stored log p(v_i | h_i), and keys (..., k, dimension), h_i; both mean
    nothing where there is no neighbour. Of a datastore whose entries were merged: log_counts (..., k), the log of how
    many each stands for.
    """

    distances: Tensor
    values: Tensor
    ids: Tensor
    log_probs: Tensor | None = None
    keys: Tensor | None = None
    log_counts: Tensor | None = None

    def select(self, ranks: Tensor) -> Neighbours:
        """Keep of each position those at `ranks` (..., any number), in that order."""
        return Neighbours(
            self.distances.gather(-1, ranks),
            self.values.gather(-1, ranks),
            self.ids.gather(-1, ranks),
            None if self.log_probs is None else self.log_probs.gather(-1, ranks),
            None if self.keys is None else in_order(self.keys, ranks),
            None if self.log_counts is None else self.log_counts.gather(-1, ranks),
        )


class Searcher:
    """Finds neighbours in one datastore through its index; `reachable` is how many a query can find at the most.

    With a GPU as index.device the index is copied there and searched there, and so are the values and
    log-probabilities that are looked up. Queries are projected where the datastore's keys are. Raises InkError where
    there is no such GPU.
    """

    def __init__(self, datastore: Datastore, settings: Index) -> None:
        self.datastore = datastore
        self.index = read_index(datastore.index_path, mapped=True)
        meta = datastore.meta
        if self.index.ntotal != meta.entries or self.index.d != meta.dimension:
            raise InkError(
                f"index {datastore.index_path} holds {self.index.ntotal} keys of dimension {self.index.d}, but the "
                f"datastore has {meta.entries} of dimension {meta.dimension}; build the datastore again",
                code="datastore/damaged",
            )
        self.reachable = meta.entries
        if settings.type == "ivfpq":
            self._use_probes(settings.probes)
        self.device = faiss_gpu.gpu_of(settings) or torch.device("cpu")
        if self.device.type == "cuda":
            self.index = faiss_gpu.on_gpu(self.index, self.device)
        self._values = _Column(datastore.values, self.device)
        counts = datastore.counts
        self._log_counts = None if counts is None else _Column(np.log(counts, dtype=np.float32), self.device)
        layers = (datastore.hidden, datastore.projection)
        self._layers = [torch.from_numpy(np.array(layer)) for layer in layers if layer is not None]

    def search(self, queries: Tensor, k: int, *, keys: bool = False, log_probs: bool = False) -> Neighbours:
        """Find the k nearest entries of `queries` (..., dimension) by the index's own distances.

        With `keys` the neighbours come with their keys; their distances are recomputed from these and sorted anew. With
        `log_probs` they come with the log-probabilities stored when the datastore was built.
        """
        self._check(k)
        projected = self._projected(queries)
        distances, ids = self._search(projected, k)
        found = self._neighbours(distances, ids, projected, log_probs)
        return self._with_keys(found, projected.detach().float()) if keys else found

    def search_without(self, queries: Tensor, own: Tensor, k: int) -> Tensor:
        """Find ids (positions, k) of the entries nearest to `queries` (positions, dimension) but `own` (positions,).

        The own entry is excluded by identity: others with the same key, such as duplicates of the sentence, stay.
        """
        self._check(k + 1)
        _, ids = self._search(queries, k + 1)
        return drop_own(ids, own.to(ids.device)).to(queries.device)

    def _projected(self, queries: Tensor) -> Tensor:
        """Return `queries` (..., whole dimension) as the datastore's keys are: (..., dimension)."""
        if not self._layers:
            return queries
        self._layers = [layer.to(queries.device) for layer in self._layers]
        found = queries.detach().float()
        for number, layer in enumerate(self._layers):
            found = (found.tanh() if number else found) @ layer[:, :-1].T + layer[:, -1]
        return found

    def _search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Ask the index: distances and ids (queries, k), on its device."""
        flat = queries.detach().reshape(-1, queries.shape[-1]).to(self.device, torch.float32).contiguous()
        if self.device.type == "cuda":
            return faiss_gpu.search(self.index, flat, k)
        distances, ids = self.index.search(flat, k)
        return distances, ids

    def _use_probes(self, probes: int) -> None:
        if not isinstance(self.index, faiss.IndexIVF):
            raise InkError(
                f"index.type is ivfpq, but {self.datastore.index_path} has no lists; set index.type to exact or build "
                "the datastore again",
                code="index/impossible-settings",
            )
        self.index.nprobe = probes
        lists: Any = self.index.invlists
        sizes = sorted((lists.list_size(number) for number in range(lists.nlist)), reverse=True)
        self.reachable = sum(sizes[:probes])

    def _check(self, k: int) -> None:
        if k > (entries := self.datastore.meta.entries):
            problem = f"which has {entries} entries; lower k"
        elif self.device.type == "cuda" and k > faiss_gpu.MOST:
            problem = f"but FAISS finds at most {faiss_gpu.MOST} on a GPU; lower k or set index.device to cpu"
        elif k > self.reachable:
            problem = (
                f"but the {self.index.nprobe} largest of its {self.index.nlist} lists, as many as index.probes visits, "
                f"hold {self.reachable} entries together; lower k or raise index.probes"
            )
        else:
            return
        raise InkError(
            f"{k} neighbours requested from datastore {self.datastore.path}, {problem}",
            code="datastore/too-few-entries",
        )

    @cached_property
    def _log_probs(self) -> _Column:
        stored = self.datastore.log_probs
        if stored is None:
            raise InkError(
                f"datastore {self.datastore.path} holds no log-probabilities; build the datastore again",
                code="datastore/incomplete",
            )
        return _Column(stored, self.device)

    @cached_property
    def _keys(self) -> NDArray[np.float16]:
        # opened once, and not before someone asks: the file may be gone
        return self.datastore.keys

    def _with_keys(self, found: Neighbours, queries: Tensor) -> Neighbours:
        keys = gather_keys(self._keys, found.ids)
        return sorted_by_distance(replace(found, distances=exact_distances(queries, keys, found.ids >= 0), keys=keys))

    def _neighbours(self, distances: Tensor, ids: Tensor, queries: Tensor, log_probs: bool) -> Neighbours:
        shape = (*queries.shape[:-1], -1)
        device = queries.device
        absent, entries = ids < 0, ids.clamp(min=0)
        return Neighbours(
            distances.masked_fill(absent, torch.inf).reshape(shape).to(device),
            self._values.look_up(entries).long().masked_fill(absent, 0).reshape(shape).to(device),
            ids.reshape(shape).to(device),
            self._log_probs.look_up(entries).reshape(shape).to(device) if log_probs else None,
            log_counts=None
            if self._log_counts is None
            else self._log_counts.look_up(entries).reshape(shape).to(device),
        )


class _Column:
    """A number of every entry: looked up in the map of its file, or in a copy on the GPU that searches."""

    def __init__(self, stored: NDArray, device: torch.device) -> None:
        self._stored = np.asarray(stored)  # the map as a plain array, which is faster to index
        self._copy = torch.from_numpy(np.array(stored)).to(device) if device.type == "cuda" else None

    def look_up(self, entries: Tensor) -> Tensor:
        """Return the numbers of `entries`, of the same shape, on their device."""
        return torch.from_numpy(self._stored[entries.numpy()]) if self._copy is None else self._copy[entries]


def exact_distances(queries: Tensor, keys: Tensor, present: Tensor) -> Tensor:
    """Return squared L2 distances of `queries` (..., dimension) to `keys` (..., k, dimension): (..., k).

    present: (..., k); the distance is infinite where it is false.
    """
    return (queries.unsqueeze(-2) - keys).pow(2).sum(-1).masked_fill(~present, torch.inf)


def sorted_by_distance(neighbours: Neighbours) -> Neighbours:
    """Put neighbours in the order of their distances, equal ones as they stood."""
    return neighbours.select(neighbours.distances.argsort(dim=-1, stable=True))


def in_order(keys: Tensor, order: Tensor) -> Tensor:
    """Put `keys` (..., k, dimension) in `order` (..., n); whole rows are copied, in a ninth of the time of a gather."""
    k, dimension = keys.shape[-2:]
    flat = order.reshape(-1, order.shape[-1])
    starts = k * torch.arange(len(flat), device=order.device).unsqueeze(-1)
    rows = (flat + starts).reshape(-1)
    return keys.reshape(-1, dimension).index_select(0, rows).reshape(*order.shape, dimension)


def drop_own(ids: Tensor, own: Tensor) -> Tensor:
    """Remove own[n] from row n of `ids` (positions, k + 1), or the last id where it is not there: (positions, k)."""
    return ids[other_entries(ids, own)].reshape(len(ids), -1)


def other_entries(ids: Tensor, own: Tensor) -> Tensor:
    """Return (positions, k + 1), false at one place of each row: where `ids` is own[n], or else at the last one."""
    is_own = ids == own.unsqueeze(-1)
    is_own[:, -1] |= ~is_own.any(dim=-1)
    return ~is_own


def gather_keys(keys: NDArray[np.float16], ids: Tensor, device: torch.device | None = None) -> Tensor:
    """Read the keys (..., dimension) of the entries `ids` (...); for an absent one (-1), entry 0, to be masked.

    They come to `device`, without one to that of `ids`.
    """
    # the map as a plain array, and widened by torch, which has the processor's instruction for it: a fifth of the time
    plain, entries = np.asarray(keys), ids.clamp(min=0).cpu().numpy()
    place = device or ids.device
    if place.type == "cuda":
        return faiss_gpu.gathered(plain, entries, place).float()
    return torch.from_numpy(np.take(plain, entries, axis=0)).float()
