"""The compact network: its loss against a slow version in double precision, its clusters, and what it leaves."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ink.config.sections.base_system import Index
from ink.config.sections.reductions import Reduction
from ink.datastore.reductions import compact_network
from ink.datastore.reductions.compact_network import (
    Clusters,
    clusters_of,
    contrastive_loss,
    number_of_clusters,
    trained,
)
from ink.datastore.reductions.reducing import reduce_datastore
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore
from ink.runtime.errors import InkError

EXACT = Index(type="exact")
COMPACT = Reduction(method="compact_network", dimension=3, updates=300)


def slow_loss(
    positives: list[list[float]], negatives: list[list[float]], pivots: list[list[float]], own: list[list[bool]]
) -> float:
    """Sum up the formula, one exponential after the other."""

    def inner(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    total = 0.0
    for p, n, c, left_out in zip(positives, negatives, pivots, own, strict=True):
        scores = [inner(p, other) for other in pivots]
        scores += [inner(n, other) for other, out in zip(pivots, left_out, strict=True) if not out]
        highest = max(scores)
        total -= inner(p, c) - highest - math.log(sum(math.exp(score - highest) for score in scores))
    return total / len(pivots)


@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 5), st.sampled_from([0.1, 1.0, 8.0]))
@settings(deadline=None, max_examples=40)
def test_the_loss_is_the_formula_s(seed: int, batch: int, dimension: int, scale: float) -> None:
    draw = np.random.default_rng(seed)
    drawn, own = draw.standard_normal((3, batch, dimension)) * scale, draw.random((batch, batch)) < 0.3
    expected = slow_loss(*(part.tolist() for part in drawn), own.tolist())
    p, n, c = (torch.from_numpy(part) for part in drawn)
    out = torch.from_numpy(own)
    assert float(contrastive_loss(p, n, c, out)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    found = float(contrastive_loss(p.float(), n.float(), c.float(), out))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_loss_s_gradient_is_that_of_small_steps() -> None:
    drawn = [torch.from_numpy(part) for part in np.random.default_rng(3).standard_normal((3, 4, 2))]
    own = torch.eye(4, dtype=torch.bool).roll(1, 0)
    assert torch.autograd.gradcheck(contrastive_loss, [*(part.requires_grad_() for part in drawn), own])


@pytest.mark.parametrize("keys", [1, 4, 11, 12, 13, 59, 60, 251, 252, 50_000])
def test_a_token_has_a_logarithm_of_its_keys_as_its_clusters(keys: int) -> None:
    number = number_of_clusters(keys)
    assert 4**number <= max(keys + 4, 4) < 4 ** (number + 1)


def blobs(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys (6 size, 8) of three tokens, each in two places that two of the axes tell; the other axes are noise."""
    draw = np.random.default_rng(seed)
    places = np.array([[9, 0], [-9, 0], [0, 9], [0, -9], [7, 7], [-7, -7]], float)
    keys = np.concatenate(
        [np.hstack([place + draw.normal(0, 0.5, (size, 2)), draw.normal(0, 2, (size, 6))]) for place in places]
    )
    blob = np.repeat(np.arange(6), size)
    order = draw.permutation(len(keys))
    return keys[order].astype(np.float16), (blob // 2)[order].astype(np.int32), blob[order]


def test_clusters_are_of_one_token_and_find_its_places() -> None:
    keys, values, blob = blobs(20)
    labels = clusters_of(keys, values, seed=1)
    assert sorted(set(labels.tolist())) == list(range(labels.max() + 1))
    for cluster in range(labels.max() + 1):
        assert len(set(values[labels == cluster])) == 1
        assert len(set(blob[labels == cluster])) == 1
    assert len(clusters_of(keys[:1], values[:1], seed=1)) == 1


def test_batches_have_a_key_of_the_cluster_and_one_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact_network, "BATCH", 3)
    keys = np.random.default_rng(1).standard_normal((12, 4)).astype(np.float16)
    labels = np.array([0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 4])
    clusters = Clusters.of(keys, labels)
    assert len(clusters) == 5 and clusters.several.tolist() == [1, 2, 3, 4]
    for cluster in range(5):
        expected = keys[labels == cluster].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(clusters.centroids[cluster], expected, rtol=1e-5, atol=1e-6)
    seen: set[int] = set()
    for chosen, own, others, other in islice(clusters.batches(np.random.default_rng(5)), 40):
        assert len(chosen) <= 3 and (labels[own] == chosen).all() and (others != chosen).all()
        assert (labels[other] == others).all()
        seen |= {*own.tolist(), *other.tolist()}
    assert seen == set(range(12))  # a lone key is never a positive one, but may be a negative one


def test_training_puts_keys_of_one_cluster_together() -> None:
    keys, values, blob = blobs(20)
    clusters = Clusters.of(keys, clusters_of(keys, values, seed=1))

    def same_place_nearest(updates: int) -> float:
        first, last = trained(keys, clusters, 2, updates, seed=1)
        hidden = np.tanh(keys.astype(np.float64) @ first[:, :-1].T + first[:, -1])
        small = hidden @ last[:, :-1].T + last[:, -1]
        apart = ((small[:, None] - small[None]) ** 2).sum(-1) + np.diag(np.full(len(keys), np.inf))
        return float((blob[apart.argmin(axis=1)] == blob).mean())

    assert same_place_nearest(600) > 0.95 > same_place_nearest(1)


def test_keys_and_queries_pass_the_same_network(store_of: Any, tmp_path: Path) -> None:
    keys, values, _ = blobs(20)
    store_of(tmp_path / "whole", keys, values, EXACT)
    meta = reduce_datastore(tmp_path / "whole", COMPACT, EXACT, tmp_path / "small")
    assert (meta.entries, meta.dimension) == (120, 3)
    assert meta.reduced is not None and meta.reduced.hidden == 3  # a quarter of 8 would be narrower than the output
    store = open_datastore(tmp_path / "small")
    assert store.hidden is not None and store.projection is not None
    hidden = np.tanh(keys.astype(np.float64) @ store.hidden[:, :-1].T + store.hidden[:, -1])
    expected = hidden @ store.projection[:, :-1].T + store.projection[:, -1]
    np.testing.assert_allclose(store.keys, expected, rtol=2e-3, atol=2e-3)
    found = Searcher(store, EXACT).search(torch.from_numpy(keys[:9].astype(np.float32)), 5)
    apart = ((expected[:9, None] - expected[None]) ** 2).sum(-1)
    np.testing.assert_allclose(found.distances, np.sort(apart, axis=1)[:, :5], rtol=0.05, atol=0.01)


def test_the_same_seed_gives_the_same_network(store_of: Any, tmp_path: Path) -> None:
    keys, values, _ = blobs(5)
    store_of(tmp_path / "whole", keys, values, EXACT)
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        reduction = Reduction(method="compact_network", dimension=3, updates=5, seed=seed)
        reduce_datastore(tmp_path / "whole", reduction, EXACT, tmp_path / name)
    one, same, other = ((tmp_path / name / "keys.npy").read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


def test_what_it_cannot_learn_from_is_refused(store_of: Any, tmp_path: Path) -> None:
    keys = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float16)
    store_of(tmp_path / "alone", keys, np.arange(6), EXACT)
    with pytest.raises(InkError, match="fewer than two clusters of two keys of one token"):
        reduce_datastore(tmp_path / "alone", COMPACT, EXACT, tmp_path / "small")
    wide = Reduction(method="compact_network", dimension=8)
    with pytest.raises(InkError, match=r"a compact network to 8 dimensions, but the keys .* have 8; take fewer"):
        reduce_datastore(tmp_path / "alone", wide, EXACT, tmp_path / "small")
    assert not (tmp_path / "small").exists()
