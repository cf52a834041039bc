"""The neighbours of every entry in its own datastore, found together: one matrix product for each list of entries.

Lists are made anew for each datastore, whatever the index looks like, and are all of about one size. The work grows
with the square of a list's size, and an index with the centroids of an earlier round has very unequal lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ink.datastore.index import check_keys
from ink.datastore.knn_graph_division import (
    ITERATIONS,
    PROBES,
    QUERIES_AT_ONCE,
    SAMPLED_A_LIST,
    lists_of,
    queries_at_once,
    sampled_of,
)
from ink.datastore.storage import Datastore
from ink.runtime.progress import progress

DISTANCES_AT_ONCE = 16_000_000  # to centroids: 64 MB, whatever their number
DISTANCES_IN_A_LIST = 2**28  # 1 GB: lists are of about one size, but duplicates stay together


@dataclass(frozen=True)
class Lists:
    """How entries are divided: `centroids` (lists, dimension) fp32, and of each list its entries, int32, ascending."""

    centroids: Tensor
    members: list[NDArray[np.int32]]


def divide(datastore: Datastore, device: torch.device, seed: int) -> Lists:
    """Divide entries by k-means over a sample of their keys into `lists_of(entries)` lists.

    There are 2**31 - 1 entries at most. InkError where a key of the sample is not finite.
    """
    keys = datastore.keys
    entries, dimension = keys.shape
    count = lists_of(entries)
    sample = np.sort(np.random.default_rng(seed).choice(entries, sampled_of(entries), replace=False))
    means: Any = faiss.Kmeans(
        dimension, count, niter=ITERATIONS, seed=seed, min_points_per_centroid=1, max_points_per_centroid=SAMPLED_A_LIST
    )
    drawn = keys[sample]
    check_keys(drawn, 0, datastore.path, sample)
    means.train(np.asarray(drawn, dtype=np.float32))
    centroids = torch.from_numpy(means.centroids.reshape(count, dimension)).to(device)
    owners = torch.cat(
        [
            _nearest_lists(_stored(keys[start : start + QUERIES_AT_ONCE], device), centroids, 1).squeeze(1).int()
            for start in range(0, entries, QUERIES_AT_ONCE)
        ]
    )
    members = owners.argsort(stable=True).int().cpu().numpy()
    return Lists(centroids, np.split(members, owners.bincount(minlength=count).cumsum(0)[:-1].cpu().numpy()))


def undivided(entries: int, dimension: int, device: torch.device) -> Lists:
    """Return lists of all entries in their order: those who probe all of them find the nearest of all entries."""
    starts = range(0, entries, QUERIES_AT_ONCE)
    members = [np.arange(start, min(start + QUERIES_AT_ONCE, entries), dtype=np.int32) for start in starts]
    return Lists(torch.zeros(len(members), dimension, device=device), members)


def neighbours_of_all(
    datastore: Datastore, lists: Lists, k: int, probes: int = PROBES
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Find the k nearest other entries of every entry among those of the `probes` lists nearest to it.

    Distances are squared L2 of the stored keys themselves, not of an index's codes, and the own entry is excluded by
    identity. Yields, `queries_at_once` entries at a time: which ones, distances (entries, k) fp32, infinite where the
    lists hold fewer, and ids (entries, k) int64, -1 there; nearest first.
    """
    entries, keys = datastore.meta.entries, datastore.keys
    at_once = queries_at_once(entries)
    probes = min(probes, len(lists.members))
    with progress(range(entries), description="neighbours", unit="entry", total=entries) as bar:
        for start in range(0, entries, at_once):
            part = slice(start, min(start + at_once, entries))
            yield part, *_neighbours_of(part, keys, lists, k, probes)
            bar.update(part.stop - part.start)


def _neighbours_of(part: slice, keys: NDArray[np.float16], lists: Lists, k: int, probes: int) -> tuple[Tensor, Tensor]:
    device = lists.centroids.device
    # in half precision, which halves what a block takes, and widened where they are multiplied
    queries = _stored(keys[part], device)
    count = len(queries)
    nearest = _nearest_lists(queries, lists.centroids, probes)
    distances = torch.full((count * probes, k), torch.inf, device=device)
    ids = torch.full((count * probes, k), -1, dtype=torch.int32, device=device)
    # the queries of one list side by side: places of `nearest`, flat, in the order of their lists
    places = nearest.flatten().argsort(stable=True)
    sizes = torch.bincount(nearest.flatten(), minlength=len(lists.members)).tolist()
    plain = np.asarray(keys)  # the map as a plain array: a fifth of the time
    for members, probing in zip(lists.members, places.split(sizes), strict=True):
        if not len(probing) or not len(members):
            continue
        found = torch.from_numpy(members).to(device)
        held = _stored(np.take(plain, members, axis=0), device).float()
        for block in probing.split(max(1, DISTANCES_IN_A_LIST // len(members))):
            rows = block // probes
            halves = _halves(queries[rows].float(), held)
            _leave_out_own(halves, found, (rows + part.start).int())
            first = halves.topk(min(k, len(members)), dim=1, largest=False)
            distances[block, : first.values.shape[1]] = first.values
            ids[block, : first.values.shape[1]] = found[first.indices]
    best = distances.view(count, -1).topk(k, dim=1, largest=False)
    ids = ids.view(count, -1).gather(1, best.indices).long()
    squares = torch.cat([rows.float().pow(2).sum(1, keepdim=True) for rows in queries.split(QUERIES_AT_ONCE)])
    absent = best.values.isinf()
    return (2 * best.values + squares).clamp(min=0), ids.masked_fill(absent, -1)


def _nearest_lists(queries: Tensor, centroids: Tensor, probes: int) -> Tensor:
    """Return the lists whose centroids are nearest to each query, (queries, probes), nearest first."""
    rows = max(1, DISTANCES_AT_ONCE // len(centroids))
    return torch.cat(
        [_halves(part.float(), centroids).topk(probes, dim=1, largest=False).indices for part in queries.split(rows)]
    )


def _stored(keys: NDArray[np.float16], device: torch.device) -> Tensor:
    """Bring keys to the device in half precision; torch widens them there, exactly and faster than numpy."""
    return torch.from_numpy(np.require(keys, requirements="W")).to(device)  # a map is copied, it cannot be written to


def _halves(queries: Tensor, keys: Tensor) -> Tensor:
    """Return half the squared distances of queries to keys, less what is the same for all keys: (queries, keys)."""
    return torch.addmm(keys.pow(2).sum(1).unsqueeze(0) / 2, queries, keys.T, alpha=-1)


def _leave_out_own(halves: Tensor, members: Tensor, own: Tensor) -> None:
    """Make the distance of each row's own entry infinite where it is among the list's members, which are sorted."""
    columns = torch.searchsorted(members, own).clamp(max=len(members) - 1)
    rows = (members[columns] == own).nonzero().squeeze(1)
    halves[rows, columns[rows]] = torch.inf
