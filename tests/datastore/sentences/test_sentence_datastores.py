"""SK-MT: what each sentence's datastore holds, what a search in it finds, and beam search with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.sentence_mixture import SentenceMixture
from ink.config.sections.base_system import BeamSearch
from ink.config.sections.retrieval_systems import SkMt
from ink.datastore.sentences.sentence_datastores import SentenceDatastores
from ink.nmt.generation import generate
from ink.systems.inference import AssembledSystem, Parts, assemble, sentence_files

SETTINGS = SkMt(key="decoder_output", candidates=20, pairs=3, k=4, temperature=50)


def assembled(tiny: Any, settings: SkMt = SETTINGS) -> AssembledSystem:
    return assemble(tiny.domain, Parts(sk_mt=settings), tiny.settings, tiny.settings.index)


@pytest.fixture(scope="module")
def system(tiny: Any) -> AssembledSystem:
    return assembled(tiny)


def datastores_of(system: AssembledSystem) -> SentenceDatastores:
    assert isinstance(system.mixture, SentenceMixture) and isinstance(system.mixture.datastores, SentenceDatastores)
    return system.mixture.datastores


def keys_of(system: AssembledSystem, text: Any, pair: int, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Keys and values of one training pair's target, passed through the model alone."""
    with torch.no_grad():
        batch = text.batch([pair])
        return system.model.teacher_forced(batch, key).keys[0].double().numpy(), batch.target[0].numpy()


@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_a_search_finds_the_nearest_entries_of_the_sentence_s_own_pairs(tiny: Any, key: str) -> None:
    system = assembled(tiny, SETTINGS.model_copy(update={"key": key}))
    datastores, model = datastores_of(system), system.model
    train, test = (model.parallel_text(tiny.domain.data, split) for split in ("train", "test"))
    batch = test.batch([0, 2, 5, 9])
    datastores.begin(batch)
    assert system.mixture is not None and system.mixture.key == key
    # uneven and out of order, as hypotheses of sentences that end earlier leave a batch
    sentences = torch.tensor([2, 0, 0, 1, 2, 2])
    queries = torch.randn(6, model.key_dimension(key), generator=torch.Generator().manual_seed(2))
    found = datastores.search(queries, sentences, 4)
    vocabulary = model.source_vocabulary
    for row, place in enumerate(sentences.tolist()):
        source = batch.source[place].numpy()
        own = source[(source != vocabulary.padding) & (source != vocabulary.end)]
        distances, values, numbers = [], [], []
        for pair in datastores.similar.like(own):
            keys, targets = keys_of(system, train, pair, key)
            distances += ((keys - queries[row].double().numpy()) ** 2).sum(axis=1).tolist()
            values += targets.tolist()
            numbers += range(train.offsets[pair], train.offsets[pair + 1])
        order = np.argsort(distances, kind="stable")[:4]
        np.testing.assert_allclose(found.distances[row], np.array(distances)[order], rtol=1e-4)
        assert found.ids[row].tolist() == np.array(numbers)[order].tolist()
        assert found.values[row].tolist() == np.array(values)[order].tolist()


def test_a_sentence_like_no_other_stays_with_the_model(
    system: AssembledSystem, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixture, datastores = system.mixture, datastores_of(system)
    assert mixture is not None
    batch = system.model.parallel_text(tiny.domain.data, "test").batch([0, 1])
    alike = datastores.similar.like
    answers = iter([[], [7]])
    monkeypatch.setattr(datastores.similar, "like", lambda _: next(answers))
    mixture.begin(batch)
    queries = torch.zeros(2, system.model.key_dimension("decoder_output"))
    log_probs = torch.log_softmax(torch.randn(2, 11), dim=-1)
    neighbours = datastores.search(queries, torch.tensor([0, 1]), 200)
    entries = int(system.model.parallel_text(tiny.domain.data, "train").target_lengths[7])
    assert neighbours.distances.isfinite().sum(dim=-1).tolist() == [0, entries]
    assert neighbours.ids[0].tolist() == [-1] * 200
    monkeypatch.setattr(datastores.similar, "like", alike)
    answers = iter([[], []])
    monkeypatch.setattr(datastores.similar, "like", lambda _: next(answers))
    mixture.begin(batch)
    torch.testing.assert_close(mixture(queries, log_probs, torch.tensor([0, 1])), log_probs)


@pytest.mark.parametrize("beam", [1, 3])
def test_translated_together_or_alone_a_sentence_has_its_own_datastore(
    tiny: Any, system: AssembledSystem, beam: int
) -> None:
    text = system.model.parallel_text(tiny.domain.data, "train").part(range(0, 40, 4))
    decoding = tiny.settings.changed(decoding={"beam": beam, "batch_sentences": 10}).decoding
    alone = decoding.model_copy(update={"batch_sentences": 1})
    batched = generate(system.model, text, decoding, mixture=system.mixture).hypotheses
    one_by_one = generate(system.model, text, alone, mixture=system.mixture).hypotheses
    without = generate(system.model, text, decoding).hypotheses
    limits = decoding.max_len_a, decoding.max_len_b  # that of a batch is its longest sentence's
    short = [len(line.split()) <= limits[0] * int(text.source_lengths.min()) + limits[1] for line in one_by_one]
    assert sum(short) > 3
    assert [one for one, reported in zip(batched, short, strict=True) if reported] == [
        one for one, reported in zip(one_by_one, short, strict=True) if reported
    ]
    assert batched != without


def test_training_sources_give_their_training_targets(tiny: Any) -> None:
    """Their own pair is the most similar, its keys are at distance 0, and lambda is 1 there."""
    system = assembled(tiny, SkMt(key="decoder_output", candidates=20, pairs=1, k=1, temperature=1e-2))
    train = system.model.parallel_text(tiny.domain.data, "train")
    chosen = range(2, 40, 6)
    decoding = BeamSearch(beam=1, length_penalty=1.0, max_len_a=3.0, max_len_b=5)
    search = system.model.beam_search(decoding, system.mixture)
    batch = train.batch(chosen)
    expected = {number: train.batch([number]).target[0].tolist() for number in chosen}
    for number, (best, *_) in zip(batch.sentences.tolist(), search(batch), strict=True):
        assert best.tokens.tolist() == expected[number]


def test_memory_is_that_of_text_and_of_its_index(tiny: Any, system: AssembledSystem) -> None:
    assert [path.name for path in sentence_files(tiny.domain.data)] == list(system.files)
    assert all(path.is_file() for path in system.files.values())
    assert system.in_memory == {"bm25": datastores_of(system).similar.bytes_in_memory}
