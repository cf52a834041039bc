"""Chunks: schedule, cache and distribution against the method written out in float64, entry by entry."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.confidence import ConfidenceCombiner
from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.strategies.chunks_of_neighbours import ChunksOfNeighbours
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.search import Neighbours, Searcher
from ink.datastore.storage import ReducedFrom, open_datastore
from ink.nmt.batches import SourceBatch
from ink.nmt.generation import generate
from ink.runtime.errors import InkError

OFFSETS = [0, 7, 8, 8, 20, 33, 36, 50]  # sentences of 7 tokens, of 1, of none, ..
DIMENSION, VOCABULARY, STEPS, ROWS = 4, 8, 14, 3
K, LAMBDA, TEMPERATURE = 3, 0.6, 2.0
EXACT = Index(type="exact")
COMBINER = VanillaCombiner(K, LAMBDA, TEMPERATURE)


def batch_of(source_tokens: int) -> SourceBatch:
    return SourceBatch(torch.tensor([0]), torch.full((1, source_tokens), 4), torch.tensor([source_tokens]))


@pytest.fixture
def searcher(tmp_path: Path, store_of: Callable[..., Any]) -> Searcher:
    drawn = np.random.default_rng(5)
    keys = drawn.normal(size=(OFFSETS[-1], DIMENSION)).astype(np.float16)
    values = drawn.integers(VOCABULARY, size=OFFSETS[-1])
    return Searcher(store_of(tmp_path / "store", keys, values, offsets=OFFSETS), EXACT)


def steps(seed: int = 6) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Queries and the model's log-probabilities of a search's steps."""
    drawn = torch.Generator().manual_seed(seed)
    queries = torch.randn(STEPS, ROWS, DIMENSION, generator=drawn)
    return [*zip(queries, torch.randn(STEPS, ROWS, VOCABULARY, generator=drawn).log_softmax(-1), strict=True)]


def chunk(entry: int, tokens: int) -> list[int]:
    """The entry and those that follow it, one by one, until its sentence or the chunk ends."""
    found = [entry]
    while len(found) < tokens and found[-1] + 1 not in OFFSETS:
        found.append(found[-1] + 1)
    return found


def nearest(store: Any, query: np.ndarray, among: list[int]) -> list[tuple[float, int]]:
    """The k nearest of some entries: squared distance and entry."""
    keys = store.keys.astype(np.float64)
    return sorted((float(((keys[entry] - query) ** 2).sum()), entry) for entry in among)[:K]


def mixed(store: Any, own: np.ndarray, found: list[tuple[float, int]]) -> np.ndarray:
    masses = [math.exp(-distance / TEMPERATURE) for distance, _ in found]
    expected = (1 - LAMBDA) * own
    for (_, entry), mass in zip(found, masses, strict=True):
        expected[store.values[entry]] += LAMBDA * mass / sum(masses)
    return expected


@pytest.mark.parametrize(
    ("shortest", "longest", "source_tokens", "expected"),
    [
        # i_min 2^(i_max t / 2|x|) is 2 at 0, 3.17 at 2, 6.35 at 5, 25.4 at 11
        (2, 8, 12, [0, 2, 5, 11, 19, 27]),
        (1, 4, 6, [0, 1, 2, 3, 5, 8, 12, 16]),
        (3, 3, 1, [0, 3, 6, 9]),
        (1, 1, 5, [0, 1, 2, 3]),
        (1, 5000, 1, [0, 1, 5001, 10001]),
    ],
)
def test_intervals_grow_up_to_the_longest(shortest: int, longest: int, source_tokens: int, expected: list[int]) -> None:
    strategy, found = ChunksOfNeighbours(4, shortest, longest), [0]
    while len(found) < len(expected):
        found.append(found[-1] + strategy.interval(found[-1], source_tokens))
    assert found == expected


@pytest.mark.parametrize("tokens", [1, 3, 1000])
@pytest.mark.parametrize(("shortest", "longest"), [(1, 4), (2, 8), (5, 5)])
def test_between_searches_neighbours_are_the_nearest_tokens_of_the_chunks_found(
    searcher: Searcher, tokens: int, shortest: int, longest: int
) -> None:
    store, source_tokens = searcher.datastore, 9
    mixture = KnnMixture(searcher, COMBINER, ChunksOfNeighbours(tokens, shortest, longest))
    searches = 0
    for seed in (6, 7):  # two batches: nothing of the first is left in the second
        mixture.begin(batch_of(source_tokens))
        cache: set[int] = set()
        next_search = 0
        for step, (queries, log_probs) in enumerate(steps(seed)):
            found = mixture(queries, log_probs).exp().double().numpy()
            searching = step == next_search
            among = [*range(OFFSETS[-1])] if searching else [*cache]
            for row, query in enumerate(queries.double().numpy()):
                neighbours = nearest(store, query, among)
                expected = mixed(store, log_probs[row].double().exp().numpy(), neighbours)
                np.testing.assert_allclose(found[row], expected, atol=1e-5)
                if searching:
                    cache |= {following for _, entry in neighbours for following in chunk(entry, tokens)}
            if searching:
                searches += 1
                growing = shortest * 2 ** (longest * step / (2 * source_tokens))
                next_search = step + math.floor(min(longest, growing))
    assert mixture.searched == searches * ROWS < mixture.positions == 2 * STEPS * ROWS


def test_a_beam_that_is_reordered_and_shrinks_sees_the_same_cache(searcher: Searcher) -> None:
    order = torch.tensor([2, 0, 1])
    as_they_stood, reordered = (KnnMixture(searcher, COMBINER, ChunksOfNeighbours(3, 2, 4)) for _ in range(2))
    for mixture in (as_they_stood, reordered):
        mixture.begin(batch_of(7))
    for step, (queries, log_probs) in enumerate(steps()):
        # hypotheses change places after the first search, and one ends before the last step, which does not search
        kept = order[:1] if step == STEPS - 1 else order if step else torch.arange(ROWS)
        expected = as_they_stood(queries, log_probs)[kept]
        torch.testing.assert_close(reordered(queries[kept], log_probs[kept]), expected)
    assert reordered.searched == as_they_stood.searched < as_they_stood.positions
    assert reordered.positions == as_they_stood.positions - 2


def test_neighbours_come_nearest_first_with_their_entries(searcher: Searcher) -> None:
    strategy = ChunksOfNeighbours(2, 2, 2)
    strategy.search_in(searcher.datastore, COMBINER)
    strategy.begin(batch_of(5))
    (first, _), (second, _), *_ = steps()
    searched = strategy.neighbours(first, lambda queries: searcher.search(queries, K))
    cache = {following for entry in searched.ids.flatten().tolist() for following in chunk(entry, 2)}
    found = strategy.neighbours(second, lambda queries: pytest.fail("it searched"))
    for row, query in enumerate(second.double().numpy()):
        expected = nearest(searcher.datastore, query, [*cache])
        assert found.ids[row].tolist() == [entry for _, entry in expected]
        assert found.distances[row].tolist() == pytest.approx([distance for distance, _ in expected], rel=1e-5)
        assert found.values[row].tolist() == [searcher.datastore.values[entry] for _, entry in expected]


@pytest.mark.parametrize("present", [0, 1])
def test_where_a_search_found_less_than_k_there_is_less_to_look_among(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch, present: int
) -> None:
    search = Searcher.search

    def poor(self: Searcher, queries: torch.Tensor, k: int, **more: Any) -> Neighbours:
        found = search(self, queries, k, **more)
        absent = torch.arange(k) >= present
        return replace(
            found, distances=found.distances.masked_fill(absent, torch.inf), ids=found.ids.masked_fill(absent, -1)
        )

    monkeypatch.setattr(Searcher, "search", poor)
    mixture = KnnMixture(searcher, COMBINER, ChunksOfNeighbours(1, 2, 2))
    mixture.begin(batch_of(5))
    (first, log_probs), *_ = steps()
    for _ in range(2):  # a search, and a step with the one entry that it found
        found = mixture(first[:1], log_probs[:1]).exp()[0].double().numpy()
        own = log_probs[0].double().exp().numpy()
        neighbours = nearest(searcher.datastore, first[0].double().numpy(), [*range(OFFSETS[-1])])[:present]
        np.testing.assert_allclose(found, mixed(searcher.datastore, own, neighbours) if present else own, atol=1e-5)


def test_what_has_no_chunks_and_who_cannot_use_them(searcher: Searcher) -> None:
    with pytest.raises(InkError, match="the combiner ConfidenceCombiner cannot search by chunks, which are for V-kNN"):
        KnnMixture(searcher, ConfidenceCombiner(K, LAMBDA, TEMPERATURE, "entropy"), ChunksOfNeighbours(3, 2, 4))
    store = searcher.datastore
    store.meta = replace(store.meta, reduced=ReducedFrom("random", 60, DIMENSION, counts=False))
    with pytest.raises(InkError, match="store is a reduced datastore, whose entries need not follow one another"):
        KnnMixture(searcher, COMBINER, ChunksOfNeighbours(3, 2, 4))


def test_in_beam_search_an_interval_of_1_changes_nothing_and_a_longer_one_searches_less(
    tiny: Any, tmp_path: Path
) -> None:
    model = tiny.domain.load_model(tiny.settings)
    train, test = (model.parallel_text(tiny.domain.data, split) for split in ("train", "test"))
    build_datastore(Extraction(model, train, "corpus", "decoder_output", 500), tmp_path / "store", EXACT)
    searcher = Searcher(open_datastore(tmp_path / "store"), EXACT)
    decoding = tiny.settings.decoding
    combiner = VanillaCombiner(4, 0.9, 1.0)
    always = generate(model, test, decoding, mixture=KnnMixture(searcher, combiner)).hypotheses
    each = KnnMixture(searcher, combiner, ChunksOfNeighbours(4, 1, 1))
    assert generate(model, test, decoding, mixture=each).hypotheses == always
    assert each.searched == each.positions
    once = KnnMixture(searcher, combiner, ChunksOfNeighbours(4, 1000, 1000))
    generate(model, test, decoding, mixture=once)
    # the first step of each batch
    assert once.searched == decoding.beam * len(test) < once.positions
    # where the cache has the whole datastore, a step without a search finds what a search would
    everything = KnnMixture(searcher, VanillaCombiner(searcher.datastore.meta.entries, 0.9, 1.0))
    cached = replace(everything, strategy=ChunksOfNeighbours(1, 1000, 1000))
    found = [generate(model, test, decoding, mixture=mixture).hypotheses for mixture in (everything, cached)]
    assert found[0] == found[1]
    assert cached.searched == decoding.beam * len(test)
