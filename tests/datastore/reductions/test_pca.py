"""PCA against the singular value decomposition of the centred keys, in double precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.config.sections.base_system import Index
from ink.config.sections.reductions import Reduction
from ink.datastore.reductions import pca
from ink.datastore.reductions.pca import principal_axes
from ink.datastore.reductions.reducing import reduce_datastore
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore
from ink.runtime.errors import InkError

EXACT = Index(type="exact")


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    """Keys (300, 8) that spread differently along rotated axes, away from the origin."""
    draw = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(draw.standard_normal((8, 8)))
    spread = draw.standard_normal((300, 8)) * np.array([5, 4, 3, 2, 1, 0.5, 0.25, 0.1])
    return (spread @ rotation.T + 3).astype(np.float16)


def slow_axes(keys: np.ndarray, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    whole = keys.astype(np.float64)
    mean = whole.mean(axis=0)
    _, _, axes = np.linalg.svd(whole - mean)
    return axes[:dimension], mean


@pytest.mark.parametrize("dimension", [1, 3, 7])
@pytest.mark.parametrize("at_once", [64, 65536])
def test_axes_are_the_singular_vectors(
    keys: np.ndarray, monkeypatch: pytest.MonkeyPatch, dimension: int, at_once: int
) -> None:
    monkeypatch.setattr(pca, "ADD_AT_ONCE", at_once)
    found = principal_axes(keys, np.arange(len(keys)), dimension)
    axes, mean = slow_axes(keys, dimension)
    signs = np.sign((found[:, :-1] * axes).sum(axis=1))
    np.testing.assert_allclose(found[:, :-1], axes * signs[:, None], atol=1e-5)
    np.testing.assert_allclose(found[:, -1], -(axes * signs[:, None]) @ mean, atol=1e-4)
    largest = np.abs(found[:, :-1]).argmax(axis=1)
    assert (found[np.arange(dimension), largest] > 0).all()


def test_distances_are_those_within_the_subspace_for_keys_and_queries(
    store_of: Any, keys: np.ndarray, tmp_path: Path
) -> None:
    store_of(tmp_path / "whole", keys, np.arange(300) % 7, EXACT)
    reduction = Reduction(method="pca", dimension=3)
    meta = reduce_datastore(tmp_path / "whole", reduction, EXACT, tmp_path / "reduced")
    assert (meta.entries, meta.dimension) == (300, 3)
    store = open_datastore(tmp_path / "reduced")
    assert store.projection is not None and store.counts is None
    queries = (keys[:5] + np.float16(0.25)).astype(np.float32)
    axes, mean = slow_axes(keys, 3)
    small_keys, small_queries = ((array.astype(np.float64) - mean) @ axes.T for array in (keys, queries))
    expected = ((small_queries[:, None] - small_keys[None]) ** 2).sum(-1)
    searcher = Searcher(store, EXACT)
    for with_keys in (False, True):
        found = searcher.search(torch.from_numpy(queries).unsqueeze(0), 4, keys=with_keys)
        assert found.distances.shape == (1, 5, 4)
        np.testing.assert_allclose(found.distances[0], np.sort(expected, axis=1)[:, :4], rtol=0.02, atol=0.02)
    assert found.keys is not None and found.keys.shape == (1, 5, 4, 3)


def test_the_index_may_have_shorter_codes_of_its_own(store_of: Any, keys: np.ndarray, tmp_path: Path) -> None:
    index = Index(type="ivfpq", lists=2, code_bytes=4, probes=2, training_sample=300, seed=1)
    store_of(tmp_path / "whole", keys, np.arange(300) % 7, index)
    reduction = Reduction(method="pca", dimension=4, code_bytes=2)
    reduce_datastore(tmp_path / "whole", reduction, index, tmp_path / "reduced")
    searcher = Searcher(open_datastore(tmp_path / "reduced"), index)
    assert (searcher.index.d, searcher.index.pq.M) == (4, 2)


@pytest.mark.parametrize("dimension", [8, 9])
def test_as_many_dimensions_as_before_are_refused(
    store_of: Any, keys: np.ndarray, tmp_path: Path, dimension: int
) -> None:
    store_of(tmp_path / "whole", keys, np.zeros(300), EXACT)
    reduction = Reduction(method="pca", dimension=dimension)
    with pytest.raises(InkError, match=rf"PCA to {dimension} dimensions, but the keys .* have 8; take fewer"):
        reduce_datastore(tmp_path / "whole", reduction, EXACT, tmp_path / "reduced")
    assert not (tmp_path / "reduced").exists()
