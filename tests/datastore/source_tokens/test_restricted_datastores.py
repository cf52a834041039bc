"""Fast kNN-MT from its definition in float64: what a sentence's words point at, and what a search there finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.combiner_file import write_combiner
from ink.combiners.sentence_mixture import SentenceMixture
from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.source_tokens import restricted_datastores
from ink.datastore.source_tokens.restricted_datastores import RestrictedDatastores
from ink.datastore.source_tokens.token_store import SourceTokens, open_source_tokens
from ink.datastore.source_tokens.token_storing import store_source_tokens
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.batches import ParallelText
from ink.nmt.generation import generate
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.systems.inference import AssembledSystem, Parts, assemble

EXACT = Index(type="exact")
V_KNN = {"k": 4, "lambda": 0.6, "temperature": 20.0}
TESTED = [0, 2, 5, 9]  # the last one is empty


@dataclass(frozen=True)
class Whole:
    """A model with its datastore and source tokens, and the folder that they are in."""

    model: TranslationModel
    datastore: Datastore
    stored: SourceTokens
    folder: Path


def training(tiny: Any, model: TranslationModel) -> ParallelText:
    """The training text, in which no sentence is there twice: occurrences are all of different distance."""
    return model.parallel_text(tiny.domain.data, "train").part(range(1, 60))


@pytest.fixture(scope="module")
def whole(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("tokens")
    model, data = tiny.domain.load_model(tiny.settings), tiny.domain.data
    train = training(tiny, model)
    build_datastore(Extraction(model, train, data.fingerprint, "decoder_output", 500), folder / "store", EXACT)
    store_source_tokens(model, train, data.fingerprint, folder / "tokens", batch_tokens=300)
    write_combiner(folder / "combiner.json", "vanilla", V_KNN, chosen=V_KNN, tried=[V_KNN])
    stored = open_source_tokens(folder / "tokens", model=model.fingerprint, corpus=data.fingerprint)
    return Whole(model, open_datastore(folder / "store"), stored, folder)


def assembled(tiny: Any, whole: Whole, occurrences: int) -> AssembledSystem:
    folder = whole.folder
    files = {"datastore": folder / "store", "combiner": folder / "combiner.json", "source_tokens": folder / "tokens"}
    return assemble(tiny.domain, Parts(**files, occurrences=occurrences), tiny.settings, EXACT)


def datastores_of(system: AssembledSystem) -> RestrictedDatastores:
    assert isinstance(system.mixture, SentenceMixture) and isinstance(system.mixture.datastores, RestrictedDatastores)
    return system.mixture.datastores


def encoded(model: TranslationModel, source: torch.Tensor) -> np.ndarray:
    """What the encoder makes of a sentence's tokens, passed through it alone."""
    with torch.no_grad():
        return model.encode(model.source_batch([source]))[0].double().numpy()


@dataclass(frozen=True)
class Occurrence:
    """A source token of the training text, what the encoder makes of it, and the entries aligned with it."""

    token: int
    state: np.ndarray
    entries: set[int]


@pytest.fixture(scope="module")
def occurrences(tiny: Any, whole: Whole) -> list[Occurrence]:
    """Every occurrence, in the order of the text, whose links are read off the store."""
    train = training(tiny, whole.model)
    found = []
    seen: dict[int, int] = {}
    for number in range(len(train)):
        source = train.batch([number]).source[0]
        for token, state in zip(source.tolist(), encoded(whole.model, source), strict=True):
            place = whole.stored.occurrences(token)[seen.get(token, 0)]
            seen[token] = seen.get(token, 0) + 1
            start, end = whole.stored.link_starts[place : place + 2]
            found.append(Occurrence(token, state, set(whole.stored.entries[start:end].tolist())))
    return found


def pointed_at(whole: Whole, occurrences: list[Occurrence], source: torch.Tensor, c: int) -> set[int]:
    """The entries that a sentence searches: those aligned with the c nearest occurrences of each of its tokens."""
    entries: set[int] = set()
    for token, state in zip(source.tolist(), encoded(whole.model, source), strict=True):
        of_type = [one for one in occurrences if one.token == token]
        # as they are stored
        units = [(one.state / np.linalg.norm(one.state)).astype(np.float16).astype(np.float64) for one in of_type]
        cosines = [unit @ state for unit in units]
        for place in np.argsort(-np.array(cosines), kind="stable")[:c]:
            entries |= of_type[place].entries
    return entries


def test_occurrences_and_their_links_are_those_of_the_text(
    tiny: Any, whole: Whole, occurrences: list[Occurrence]
) -> None:
    stored, model = whole.stored, whole.model
    train = training(tiny, model)
    assert stored.meta.tokens == len(occurrences) == int(train.source_lengths.sum())
    linked = [entry for one in occurrences for entry in one.entries]
    assert len(linked) == len(set(linked)) == stored.meta.links > 0.8 * whole.datastore.meta.entries
    first = 0
    for number in range(len(train)):
        source = train.batch([number]).source[0].tolist()
        entries = range(*map(int, train.offsets[number : number + 2]))
        own = occurrences[first : first + len(source)]
        assert [one.token for one in own] == source
        assert {entry for one in own for entry in one.entries} <= set(entries)
        # ends of sentence are each other's
        assert own[-1].token == model.source_vocabulary.end and own[-1].entries == {entries[-1]}
        first += len(source)
    for token in {one.token for one in occurrences}:
        states = [one.state / np.linalg.norm(one.state) for one in occurrences if one.token == token]
        places = stored.occurrences(token)
        np.testing.assert_allclose(stored.representations[places.start : places.stop], states, atol=2e-3)


def test_what_is_said_of_a_word_is_found_by_it(whole: Whole) -> None:
    """Every sentence of the training text ends with a full stop on either side."""
    source, target = whole.model.source_vocabulary, whole.model.target_vocabulary
    stop = next(number for number in range(len(source)) if source.token(number) == ".")
    entries = whole.stored.aligned(np.array(whole.stored.occurrences(stop)))
    tokens = [target.token(int(whole.datastore.values[entry])) for entry in entries]
    assert tokens.count(".") > 0.95 * max(len(tokens), 59)


@pytest.mark.parametrize("compared", [7, 65_536])
@pytest.mark.parametrize("c", [1, 5, 1000])
def test_a_sentence_searches_what_its_words_point_at(
    tiny: Any, whole: Whole, occurrences: list[Occurrence], monkeypatch: pytest.MonkeyPatch, c: int, compared: int
) -> None:
    monkeypatch.setattr(restricted_datastores, "COMPARED", compared)
    datastores = datastores_of(assembled(tiny, whole, c))
    batch = whole.model.parallel_text(tiny.domain.data, "test").batch(TESTED)
    datastores.begin(batch)
    sources = [row[row != whole.model.source_vocabulary.padding] for row in batch.source]
    expected = [pointed_at(whole, occurrences, source, c) for source in sources]
    assert [set(found.tolist()) for found in datastores.candidates(batch)] == expected
    assert datastores.counts == {"sentences": len(TESTED), "entries": sum(map(len, expected))}
    assert min(map(len, expected)) > 0 and sum(map(len, expected)) < len(TESTED) * whole.datastore.meta.entries


def test_the_distribution_is_v_knn_s_over_the_nearest_of_these(
    tiny: Any, whole: Whole, occurrences: list[Occurrence]
) -> None:
    mixture, store = assembled(tiny, whole, 3).mixture, whole.datastore
    assert mixture is not None
    batch = whole.model.parallel_text(tiny.domain.data, "test").batch(TESTED)
    mixture.begin(batch)
    # uneven and out of order, as hypotheses of sentences that end earlier leave a batch
    sentences = torch.tensor([2, 0, 0, 1, 2, 2])
    drawn = torch.Generator().manual_seed(2)
    queries = torch.from_numpy(store.keys[torch.randint(len(store.keys), (6,), generator=drawn).numpy()]).float()
    queries += 0.1 * torch.randn(queries.shape, generator=drawn)
    log_probs = torch.randn(6, len(whole.model.target_vocabulary), generator=drawn).log_softmax(-1)
    found = mixture(queries, log_probs, sentences).exp().double().numpy()
    with_all = RestrictedDatastores(whole.model, store, whole.stored, 3, keys=True, log_probs=True)
    with_all.begin(batch)
    neighbours = with_all.search(queries, sentences, 4)
    assert neighbours.keys is not None and neighbours.log_probs is not None
    for row, place in enumerate(sentences.tolist()):
        source = batch.source[place]
        own = source[source != whole.model.source_vocabulary.padding]
        entries = np.array(sorted(pointed_at(whole, occurrences, own, 3)))
        distances = ((store.keys[entries].astype(np.float64) - queries[row].double().numpy()) ** 2).sum(axis=1)
        nearest = np.argsort(distances, kind="stable")[: V_KNN["k"]]
        ids = entries[nearest]
        assert neighbours.ids[row].tolist() == ids.tolist()
        np.testing.assert_allclose(neighbours.distances[row], distances[nearest], rtol=1e-4)
        np.testing.assert_array_equal(neighbours.keys[row], store.keys[ids])
        assert store.log_probs is not None
        np.testing.assert_array_equal(neighbours.log_probs[row], store.log_probs[ids])
        masses = np.exp(-distances[nearest] / V_KNN["temperature"])
        expected = (1 - V_KNN["lambda"]) * log_probs[row].double().exp().numpy()
        np.add.at(expected, store.values[ids], V_KNN["lambda"] * masses / masses.sum())
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_a_sentence_of_unknown_words_stays_with_the_model(
    tiny: Any, whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = assembled(tiny, whole, 3)
    mixture, datastores = system.mixture, datastores_of(system)
    assert mixture is not None
    batch = whole.model.parallel_text(tiny.domain.data, "test").batch([0, 1])
    nothing = np.empty(0, np.int64)
    log_probs = torch.randn(2, len(whole.model.target_vocabulary)).log_softmax(-1)
    queries, both = torch.zeros(2, whole.datastore.meta.dimension), torch.tensor([0, 1])
    for found, finite in (([nothing, np.array([7])], [0, 1]), ([nothing, nothing], [0, 0])):
        monkeypatch.setattr(datastores, "candidates", lambda _, found=found: found)
        mixture.begin(batch)
        neighbours = datastores.search(queries, both, 4)
        assert neighbours.distances.isfinite().sum(-1).tolist() == finite
        assert (neighbours.ids >= 0).sum(-1).tolist() == finite
    torch.testing.assert_close(mixture(queries, log_probs, both), log_probs)


@pytest.mark.parametrize("beam", [1, 3])
def test_translated_together_or_alone_a_sentence_searches_its_own(tiny: Any, whole: Whole, beam: int) -> None:
    system = assembled(tiny, whole, 2)
    text = system.model.parallel_text(tiny.domain.data, "train").part(range(0, 40, 4))
    decoding = tiny.settings.changed(decoding={"beam": beam, "batch_sentences": 10}).decoding
    # as long as may be, which depends on the longest source of a batch
    decoding = decoding.model_copy(update={"max_len_a": 0.0, "max_len_b": 12})
    batched = generate(system.model, text, decoding, mixture=system.mixture).hypotheses
    alone = decoding.model_copy(update={"batch_sentences": 1})
    assert generate(system.model, text, alone, mixture=system.mixture).hypotheses == batched
    assert generate(system.model, text, decoding).hypotheses != batched


def test_memory_is_that_of_keys_and_source_tokens_and_not_of_the_index(tiny: Any, whole: Whole) -> None:
    system = assembled(tiny, whole, 2)
    tokens = ["representations.npy", "type_starts.npy", "link_starts.npy", "entries.npy"]
    assert list(system.files) == ["values.npy", "keys.npy", *tokens]
    assert all(path.is_file() for path in system.files.values())


@pytest.mark.failure(
    "Datastores and combiners",
    "source tokens of another model or corpus",
    "`source tokens ... were stored with model ..., but ... is in use; store the source tokens again "
    "[datastore/other-origin]`",
)
def test_source_tokens_of_another_origin_are_refused(whole: Whole) -> None:
    meta, place = whole.stored.meta, whole.folder / "tokens"
    with pytest.raises(InkError, match=r"stored with model .*, but other is in use; store the source tokens again"):
        open_source_tokens(place, model="other", corpus=meta.corpus)
    with pytest.raises(InkError, match=r"stored with corpus .*, but other is in use; store the source tokens again"):
        open_source_tokens(place, model=meta.model, corpus="other")
