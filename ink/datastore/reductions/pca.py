"""PCA (He et al. 2021): keys and queries on the first principal components of the keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ink.config.sections import reductions
from ink.datastore.index import ADD_AT_ONCE
from ink.datastore.reductions.reduction import Original, Reduced, Reduction
from ink.runtime.errors import InkError


@dataclass(frozen=True)
class Pca(Reduction):
    """Replaces h by W (h - m): m the mean of the keys, W the eigenvectors of their covariance with the largest values.

    Squared distances are then those within the subspace. Mean and covariance are of a sample of the keys, as large as
    the index's own and drawn with its seed, in double precision. The authors leave PCA to FAISS, which quantises what
    it gives; here the projected keys are stored, in half precision, and an index of the usual kind is made of them.
    """

    dimension: int

    @classmethod
    def from_settings(cls, settings: reductions.Reduction) -> Self:
        if settings.dimension is None:
            raise ValueError("PCA was given no dimension")
        return cls(settings.dimension)

    def reduce(self, original: Original) -> Reduced:
        store, index = original.datastore, original.index
        entries, whole = store.meta.entries, store.meta.dimension
        if self.dimension >= whole:
            raise InkError(
                f"PCA to {self.dimension} dimensions, but the keys of datastore {store.path} have {whole}; take fewer",
                code="datastore/not-reducible",
            )
        size = min(entries, index.training_sample)
        sample = np.sort(np.random.default_rng(index.seed).choice(entries, size, replace=False))
        projection = principal_axes(store.keys, sample, self.dimension)
        return Reduced(np.arange(entries), projection=projection)


def principal_axes(keys: NDArray[np.float16], sample: NDArray[np.int64], dimension: int) -> NDArray[np.float32]:
    """Return the projection on the sample's first principal components: W and, behind it, -W m, (dimension, whole + 1).

    keys: (entries, whole), of which `sample` (size,) is learned from. Of an axis the largest number is positive.
    """
    whole = keys.shape[1]
    mean, scatter = np.zeros(whole), np.zeros((whole, whole))
    for part in _parts(keys, sample):
        mean += part.sum(axis=0) / len(sample)
    for part in _parts(keys, sample):
        scatter += (part - mean).T @ (part - mean)
    _, vectors = np.linalg.eigh(scatter)
    axes = vectors[:, ::-1][:, :dimension].T  # eigenvalues ascend
    largest = axes[np.arange(dimension), np.abs(axes).argmax(axis=1)]
    axes = axes * np.sign(largest)[:, None]
    return np.concatenate([axes, -(axes @ mean)[:, None]], axis=1).astype(np.float32)


def _parts(keys: NDArray[np.float16], sample: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(sample), ADD_AT_ONCE):
        yield np.asarray(keys[sample[start : start + ADD_AT_ONCE]], np.float64)
