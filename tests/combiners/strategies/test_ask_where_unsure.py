"""Asking only where the model is unsure: p_NMT alone where it is sure, and the whole system elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.strategies.ask_where_unsure import AskWhereUnsure
from ink.combiners.strategies.known_strategies import STRATEGIES, make_strategy
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections.base_system import Index
from ink.config.sections.search_strategies import NEEDED, SearchStrategy
from ink.datastore.search import Searcher
from ink.systems.search_methods import METHODS, SOURCE_TOKENS

ENTRIES, DIMENSION, VOCABULARY, QUERIES = 60, 6, 9, 40
K, LAMBDA, TEMPERATURE = 4, 0.7, 3.0


@pytest.fixture
def searcher(tmp_path: Path, store_of: Callable[..., Any]) -> Searcher:
    drawn = np.random.default_rng(3)
    keys = drawn.normal(size=(ENTRIES, DIMENSION)).astype(np.float16)
    store = store_of(tmp_path / "store", keys, drawn.integers(VOCABULARY, size=ENTRIES))
    return Searcher(store, Index(type="exact"))


@pytest.fixture
def queries() -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(4)
    log_probs = torch.log_softmax(3 * torch.randn(QUERIES, VOCABULARY, generator=drawn), dim=-1)
    return torch.randn(QUERIES, DIMENSION, generator=drawn), log_probs


def expected_probabilities(searcher: Searcher, query: np.ndarray, own: np.ndarray, below: float) -> np.ndarray:
    """p(y) at one position in float64: p_NMT where its highest is not below the threshold, else V-kNN's mixture."""
    if own.max() >= below:
        return own
    store = searcher.datastore
    distances = ((store.keys.astype(np.float64) - query) ** 2).sum(axis=1)
    nearest = np.argsort(distances)[:K]
    masses = np.exp(-distances[nearest] / TEMPERATURE)
    expected = (1 - LAMBDA) * own
    for entry, mass in zip(nearest, masses / masses.sum(), strict=True):
        expected[store.values[entry]] += LAMBDA * mass
    return expected


@pytest.mark.parametrize("below", [0.3, 0.55, 0.8, 1])
def test_the_distribution_is_what_the_threshold_says(searcher: Searcher, queries: Any, below: float) -> None:
    requested, log_probs = queries
    mixture = KnnMixture(searcher, VanillaCombiner(K, LAMBDA, TEMPERATURE), AskWhereUnsure(below))
    found = mixture(requested, log_probs).exp().double().numpy()
    own = log_probs.double().exp().numpy()
    for row in range(QUERIES):
        expected = expected_probabilities(searcher, requested[row].double().numpy(), own[row], below)
        np.testing.assert_allclose(found[row], expected, atol=1e-5)
    assert (mixture.positions, mixture.searched) == (QUERIES, int((own.max(axis=1) < below).sum()))


def test_where_the_model_is_sure_the_datastore_is_not_searched(
    searcher: Searcher, queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested, log_probs = queries
    searched: list[int] = []
    search = Searcher.search

    def counted(self: Searcher, queries: torch.Tensor, k: int, **more: Any) -> Any:
        searched.append(len(queries))
        return search(self, queries, k, **more)

    monkeypatch.setattr(Searcher, "search", counted)
    unsure = int((log_probs.exp().amax(dim=-1) < 0.5).sum())
    assert 0 < unsure < QUERIES
    combiner = VanillaCombiner(K, LAMBDA, TEMPERATURE)
    KnnMixture(searcher, combiner, AskWhereUnsure(0.5))(requested, log_probs)
    assert searched == [unsure]
    never = KnnMixture(searcher, combiner, AskWhereUnsure(1 / VOCABULARY))
    torch.testing.assert_close(never(requested, log_probs), log_probs, rtol=0, atol=0)
    assert (searched, never.searched) == ([unsure], 0)


def test_with_a_threshold_of_1_it_is_the_whole_system(searcher: Searcher, queries: Any) -> None:
    combiner = VanillaCombiner(K, LAMBDA, TEMPERATURE)
    always = KnnMixture(searcher, combiner)(*queries)
    torch.testing.assert_close(KnnMixture(searcher, combiner, AskWhereUnsure(1))(*queries), always, rtol=0, atol=0)


def test_every_method_has_a_strategy_and_settings() -> None:
    assert {*STRATEGIES, SOURCE_TOKENS} == set(NEEDED) == set(METHODS)
    made = make_strategy("unsure_half", SearchStrategy(below=0.5))
    assert made == AskWhereUnsure(0.5)
