"""The cache: what a query takes of an earlier one, against the rule written out in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.strategies.cached_neighbours import CachedNeighbours
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.search import Neighbours, Searcher
from ink.datastore.storage import open_datastore
from ink.nmt.batches import SourceBatch
from ink.nmt.generation import generate

ENTRIES, DIMENSION, VOCABULARY, STEPS, ROWS = 50, 4, 8, 12, 6
K, LAMBDA, TEMPERATURE = 3, 0.6, 2.0
EXACT = Index(type="exact")
BATCH = SourceBatch(torch.tensor([0]), torch.tensor([[4, 2]]), torch.tensor([2]))


@pytest.fixture
def searcher(tmp_path: Path, store_of: Callable[..., Any]) -> Searcher:
    drawn = np.random.default_rng(5)
    keys = drawn.normal(size=(ENTRIES, DIMENSION)).astype(np.float16)
    return Searcher(store_of(tmp_path / "store", keys, drawn.integers(VOCABULARY, size=ENTRIES)), EXACT)


def steps(seed: int = 6) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Queries and the model's log-probabilities of a search's steps."""
    drawn = torch.Generator().manual_seed(seed)
    queries = torch.randn(STEPS, ROWS, DIMENSION, generator=drawn)
    return [*zip(queries, torch.randn(STEPS, ROWS, VOCABULARY, generator=drawn).log_softmax(-1), strict=True)]


def p_knn(searcher: Searcher, query: np.ndarray) -> np.ndarray:
    store = searcher.datastore
    distances = ((store.keys.astype(np.float64) - query) ** 2).sum(axis=1)
    nearest = np.argsort(distances)[:K]
    masses = np.exp(-distances[nearest] / TEMPERATURE)
    return np.bincount(store.values[nearest], masses / masses.sum(), minlength=VOCABULARY)


@pytest.mark.parametrize("distance", [0.4, 1.0, 1.8])
def test_a_step_takes_the_distribution_of_the_nearest_query_within_the_distance(
    searcher: Searcher, distance: float
) -> None:
    mixture = KnnMixture(searcher, VanillaCombiner(K, LAMBDA, TEMPERATURE), CachedNeighbours(distance))
    searched = 0
    for seed in (6, 7):  # two batches: nothing of the first is left in the second
        mixture.begin(BATCH)
        kept: list[tuple[np.ndarray, np.ndarray]] = []
        for queries, log_probs in steps(seed):
            found, new = mixture(queries, log_probs).exp().double().numpy(), []
            for row, query in enumerate(queries.double().numpy()):
                apart = [float(np.linalg.norm(query - key)) for key, _ in kept]
                if apart and min(apart) <= distance:
                    retrieved = kept[int(np.argmin(apart))][1]
                else:
                    retrieved = p_knn(searcher, query)
                    new.append((query, retrieved))
                own = log_probs[row].double().exp().numpy()
                np.testing.assert_allclose(found[row], LAMBDA * retrieved + (1 - LAMBDA) * own, atol=1e-5)
            kept += new
        searched += len(kept)
    assert mixture.searched == searched
    assert ROWS < searched < mixture.positions == 2 * STEPS * ROWS


def test_all_that_a_combiner_may_ask_for_is_kept() -> None:
    def search(queries: torch.Tensor) -> Neighbours:
        of_row = queries[:, :1].expand(-1, K)
        return Neighbours(of_row, of_row.long(), of_row.long(), of_row + 1, queries.unsqueeze(-2), of_row + 2)

    strategy = CachedNeighbours(0.5)
    strategy.begin(BATCH)
    strategy.neighbours(torch.tensor([[1.0, 0.0], [9.0, 0.0]]), search)
    found = strategy.neighbours(torch.tensor([[9.25, 0.25], [5.0, 0.0], [1.25, 0.0]]), search)
    expected = search(torch.tensor([[9.0, 0.0], [5.0, 0.0], [1.0, 0.0]]))
    for name in ("distances", "values", "ids", "log_probs", "keys", "log_counts"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
    without = strategy.neighbours(torch.tensor([[5.1, 0.0]]), search)
    assert without.distances.tolist() == [[5.0] * K]
    strategy.begin(BATCH)
    bare = strategy.neighbours(torch.zeros(1, 2), lambda queries: replace(search(queries), keys=None, log_probs=None))
    assert bare.keys is bare.log_probs is None


def test_in_beam_search_a_small_distance_changes_nothing_and_a_large_one_searches_once(
    tiny: Any, tmp_path: Path
) -> None:
    model = tiny.domain.load_model(tiny.settings)
    train, test = (model.parallel_text(tiny.domain.data, split) for split in ("train", "test"))
    build_datastore(Extraction(model, train, "corpus", "decoder_output", 500), tmp_path / "store", EXACT)
    searcher = Searcher(open_datastore(tmp_path / "store"), EXACT)
    decoding = tiny.settings.decoding
    combiner = VanillaCombiner(4, 0.9, 1.0)
    always = generate(model, test, decoding, mixture=KnnMixture(searcher, combiner)).hypotheses
    small = KnnMixture(searcher, combiner, CachedNeighbours(1e-6))
    assert generate(model, test, decoding, mixture=small).hypotheses == always
    large = KnnMixture(searcher, combiner, CachedNeighbours(1e6))
    assert generate(model, test, decoding, mixture=large).hypotheses != always
    # the first step of each batch
    assert large.searched == decoding.beam * len(test) < small.searched <= small.positions
