"""The compact network (Wang et al. 2022): keys and queries through a small network that keeps clusters of keys apart.

Dexin Wang, Kai Fan, Boxing Chen, Deyi Xiong: "Efficient Cluster-Based k-Nearest-Neighbor Machine Translation",
ACL 2022.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ink.config.sections import reductions
from ink.datastore.reductions.reduction import Original, Reduced, Reduction, seed_of
from ink.runtime.errors import InkError
from ink.runtime.progress import progress

UPDATES = 1000  # where the settings name none
BATCH = 512  # clusters
LEARNING_RATE, BETAS, CLIP_NORM = 3e-3, (0.9, 0.98), 1.0
NARROWER = 4  # times narrower than keys is the hidden layer
BASE = 4  # a token of n keys has the logarithm of n + BASE to this base as its number of clusters
ITERATIONS = 10  # of k-means


@dataclass(frozen=True)
class CompactNetwork(Reduction):
    """Replaces h by W2 tanh(W1 h + b1) + b2, trained so that a key is near the centroid of its cluster and no other's.

    Keys of one token are divided into clusters. A batch has, of each of some clusters, its centroid c_i, one of its
    keys p_i, and a key n_i of another cluster, all through the network. The loss is `contrastive_loss`.

    It is learnt from a sample of keys, as large as the index's. The authors' code finds clusters by DBSCAN, whose
    radius of 10 fits keys of one model, or by spectral clustering; here it is k-means, with as many clusters as that
    has. It draws triplets as theirs does. It trains for fewer updates than their 200,000, and so with ten times their
    learning rate of 3e-4, which does not fall. Their further losses, the ranking of distances and the prediction of
    the token, are left out, and so is their pruning.
    """

    dimension: int
    updates: int
    seed: int

    @classmethod
    def from_settings(cls, settings: reductions.Reduction) -> Self:
        if settings.dimension is None:
            raise ValueError("the compact network was given no dimension")
        updates = UPDATES if settings.updates is None else settings.updates
        return cls(settings.dimension, updates, seed_of(settings))

    def reduce(self, original: Original) -> Reduced:
        store = original.datastore
        entries, whole = store.meta.entries, store.meta.dimension
        if self.dimension >= whole:
            raise InkError(
                f"a compact network to {self.dimension} dimensions, but the keys of datastore {store.path} have "
                f"{whole}; take fewer",
                code="datastore/not-reducible",
            )
        draw = np.random.default_rng(self.seed)
        sample = np.sort(draw.choice(entries, min(entries, original.index.training_sample), replace=False))
        keys = store.keys[sample]
        clusters = Clusters.of(keys, clusters_of(keys, np.asarray(store.values)[sample], self.seed))
        if len(clusters.several) < 2:
            raise InkError(
                f"datastore {store.path} has fewer than two clusters of two keys of one token, of which the compact "
                "network could learn; take more training text or another reduction",
                code="datastore/not-reducible",
            )
        first, last = trained(keys, clusters, self.dimension, self.updates, self.seed)
        return Reduced(np.arange(entries), projection=last, hidden=first)


def clusters_of(keys: NDArray[np.float16], values: NDArray[np.int32], seed: int) -> NDArray[np.int64]:
    """Divide the keys (n, dimension) of each value (n,) into clusters: their numbers from 0, (n,), none left out."""
    found = np.empty(len(values), np.int64)
    order, number = np.argsort(values, kind="stable"), 0
    for members in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
        parts = _divided(np.asarray(keys[members], np.float32), seed)
        found[members] = number + parts
        number += int(parts.max()) + 1
    return found


def number_of_clusters(keys: int) -> int:
    """Return into how many clusters so many keys of a token are divided: log of keys + 4 to the base 4, at least 1."""
    number = 1
    while BASE ** (number + 1) <= keys + BASE:
        number += 1
    return number


def _divided(keys: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
    count = number_of_clusters(len(keys))
    if count == 1:
        return np.zeros(len(keys), np.int64)
    means: Any = faiss.Kmeans(keys.shape[1], count, niter=ITERATIONS, seed=seed, min_points_per_centroid=1)
    means.train(keys)
    _, nearest = means.index.search(keys, 1)
    return np.unique(nearest[:, 0], return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Clusters:
    """Keys by cluster: those of cluster c are members[starts[c] : starts[c + 1]], their mean is centroids[c].

    centroids: (clusters, dimension) fp32; several: the numbers of the clusters with two keys or more.
    """

    members: NDArray[np.int64]
    starts: NDArray[np.int64]
    centroids: NDArray[np.float32]
    several: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.float16], labels: NDArray[np.int64]) -> Self:
        """Put keys (n, dimension) together by their clusters' numbers from 0, (n,)."""
        sizes = np.bincount(labels)
        members, starts = np.argsort(labels, kind="stable"), np.concatenate([[0], sizes.cumsum()])
        means = [
            np.asarray(keys[members[start:end]], np.float32).mean(axis=0) for start, end in pairwise(starts.tolist())
        ]
        return cls(members, starts, np.stack(means), np.flatnonzero(sizes > 1))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batches(self, draw: np.random.Generator) -> Iterator[tuple[NDArray[np.int64], ...]]:
        """Yield without end clusters of several keys, for each a key of its own, another cluster, and a key of that."""
        while True:
            order = draw.permutation(self.several)
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                others = (chosen + draw.integers(1, len(self), len(chosen))) % len(self)
                yield chosen, self._drawn(chosen, draw), others, self._drawn(others, draw)

    def _drawn(self, clusters: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.int64]:
        """Draw a key of each cluster."""
        return self.members[draw.integers(self.starts[clusters], self.starts[clusters + 1])]


def contrastive_loss(positives: Tensor, negatives: Tensor, pivots: Tensor, own: Tensor) -> Tensor:
    """Return the mean over i of -log(exp(p_i c_i) / sum over j of (exp(p_i c_j) + exp(n_i c_j))).

    positives, negatives, pivots: p, n and c, (batch, dimension). own: (batch, batch), whether n_i is of c_j's cluster;
    exp(n_i c_j) is left out there. The authors' code leaves it in, which matters where a batch has most clusters.
    """
    scores = torch.cat([positives @ pivots.T, (negatives @ pivots.T).masked_fill(own, -torch.inf)], dim=1)
    return nn.functional.cross_entropy(scores, torch.arange(len(pivots), device=scores.device))


def trained(
    keys: NDArray[np.float16], clusters: Clusters, dimension: int, updates: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Train the network; return its layers, weights and behind them what is added.

    The first is (hidden, whole + 1), the last (dimension, hidden + 1).
    """
    network = _initial(keys.shape[1], dimension, seed)
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE, BETAS)
    batches = clusters.batches(np.random.default_rng(seed))
    for _ in progress(range(updates), description="training the compact network", unit="updates"):
        chosen, positives, others, negatives = next(batches)
        own = torch.from_numpy(others[:, None] == chosen[None])
        pivots = torch.from_numpy(clusters.centroids[chosen])
        drawn = torch.from_numpy(np.asarray(keys[np.concatenate([positives, negatives])], np.float32))
        of_keys = network(drawn)
        loss = contrastive_loss(of_keys[: len(chosen)], of_keys[len(chosen) :], network(pivots), own)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
        optimiser.step()
    first, last = (_as_array(layer) for layer in network if isinstance(layer, nn.Linear))
    return first, last


def _initial(whole: int, dimension: int, seed: int) -> nn.Sequential:
    """Make the network; its hidden layer has a quarter of the keys' width, or that of its output.

    The authors' initial weights are 100 and 10 times smaller. Here all units ended as one where they began so.
    """
    hidden = max(whole // NARROWER, dimension)
    first, last = nn.Linear(whole, hidden), nn.Linear(hidden, dimension)
    generator = torch.Generator().manual_seed(seed)
    for layer in (first, last):
        nn.init.xavier_normal_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.Tanh(), last)


def _as_array(layer: nn.Linear) -> NDArray[np.float32]:
    found: NDArray[np.float32] = torch.cat([layer.weight, layer.bias.unsqueeze(1)], dim=1).detach().numpy()
    return found
