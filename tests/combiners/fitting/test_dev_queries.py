"""What is kept of the base model's queries, against a pass over each sentence by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ink.combiners.combiner import Combiner
from ink.combiners.fitting.dev_queries import DevQueries
from ink.combiners.robust import RobustCombiner
from ink.config.sections.base_system import Index
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore

EXACT = Index(type="exact")


class Queried:
    def __init__(self, tiny: Any, store: Path, base_dropout: str) -> None:
        self.model = tiny.domain.load_model(tiny.settings)
        self.dataset = self.model.parallel_text(tiny.domain.data, "dev")
        self.searcher = Searcher(open_datastore(store), EXACT)
        torch.manual_seed(0)
        self.combiner: Combiner = RobustCombiner(3, 4, 8, top=8)
        self.queries = DevQueries(self.model, self.dataset, self.searcher, self.combiner, base_dropout, 100)


@pytest.fixture(scope="module")
def once(tiny: Any, store: Path) -> Queried:
    return Queried(tiny, store, "none")


@torch.no_grad()
def test_a_batch_is_its_sentences_position_by_position(once: Queried) -> None:
    sentences = [4, 0, 5]
    batch = once.queries.batch(sentences)
    place = 0
    for number in sentences:
        one = once.dataset.batch([number])
        logits, extra = once.model.network(one.source, one.source_lengths, one.decoder_input)
        targets, own = one.target[0], logits[0].log_softmax(-1)
        found = once.searcher.search(extra["keys"][0], 3, keys=True, log_probs=True)
        rows = slice(place, place := place + len(targets))
        part = batch.at(rows)
        assert part.targets.tolist() == targets.tolist()
        assert part.neighbours.log_probs is not None
        assert found.log_probs is not None
        torch.testing.assert_close(part.queries, extra["keys"][0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(part.neighbours.distances, found.distances, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(part.neighbours.log_probs, found.log_probs)
        assert torch.equal(part.neighbours.values, found.values)
        torch.testing.assert_close(part.scores.value_log_probs, own.gather(-1, found.values), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(part.scores.top_log_probs, own.sort(-1, descending=True).values[:, :8])
        torch.testing.assert_close(part.target_log_probs, own[torch.arange(len(targets)), targets])
        torch.testing.assert_close(part.mean_log_probs, own.mean(-1))
    assert place == len(batch)


def test_the_model_is_asked_once_and_nothing_is_as_wide_as_the_vocabulary(once: Queried) -> None:
    calls: list[int] = []
    hook = once.model.network.encoder.register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        first, second = once.queries.batch([1, 2]), once.queries.batch([1, 2])
    finally:
        hook.remove()
    assert calls == []
    assert torch.equal(first.neighbours.distances, second.neighbours.distances)
    stored = once.queries.stored
    assert len(stored) == int(sum(once.dataset.target_lengths))
    assert stored.vocabulary == len(once.model.target_vocabulary)
    assert stored.neighbours.keys is None
    assert stored.scores.top_log_probs.shape == (len(stored), 8)


def test_with_the_released_dropout_every_batch_is_asked_anew_and_validation_has_none(
    tiny: Any, store: Path, once: Queried
) -> None:
    released = Queried(tiny, store, "released")
    modes: list[bool] = []
    layer = released.model.network.decoder.layers[0]
    layer.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    first, second = released.queries.batch([1, 2]), released.queries.batch([1, 2])
    assert modes == [True, True]
    assert not released.model.network.training
    assert first.targets.tolist() == second.targets.tolist()
    assert sorted(first.targets.tolist()) == sorted(once.queries.batch([1, 2]).targets.tolist())
    assert not torch.equal(first.target_log_probs, second.target_log_probs)
    torch.testing.assert_close(released.queries.stored.target_log_probs, once.queries.stored.target_log_probs)


def test_dropout_is_set_in_and_outside_of_attention(tiny: Any) -> None:
    model = tiny.domain.load_model(tiny.settings)
    model.set_dropout(0.2, 0.1)
    layer = model.network.decoder.layers[0]
    assert (layer.dropout_module.p, layer.self_attn.dropout_module.p, layer.encoder_attn.dropout_module.p) == (
        0.2,
        0.1,
        0.1,
    )
    assert model.network.encoder.dropout_module.p == 0.2
    assert layer.activation_dropout_module.p == 0.0


@pytest.mark.parametrize("base_dropout", ["none", "released"])
def test_queries_that_do_not_fit_at_once_are_the_same(
    tiny: Any, store: Path, once: Queried, out_of_memory_above: Any, base_dropout: str
) -> None:
    little = Queried(tiny, store, base_dropout)
    tried = out_of_memory_above(little.model.network, 40)
    if base_dropout == "released":
        found = little.queries.batch([0, 1, 2, 3])
        assert sorted(found.targets.tolist()) == sorted(once.queries.batch([0, 1, 2, 3]).targets.tolist())
    else:
        again = DevQueries(little.model, little.dataset, little.searcher, little.combiner, base_dropout, 100)
        torch.testing.assert_close(again.stored.target_log_probs, once.queries.stored.target_log_probs)
        assert torch.equal(again.stored.targets, once.queries.stored.targets)
    assert max(tried) > 40
