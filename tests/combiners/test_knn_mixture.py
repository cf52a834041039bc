"""kNN inside beam search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore
from ink.nmt.generation import generate

EXACT = Index(type="exact")


@pytest.fixture(scope="module")
def stores(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datastores of the training set, one of each key kind."""
    folder = tmp_path_factory.mktemp("stores")
    model = tiny.domain.load_model(tiny.settings)
    dataset = model.parallel_text(tiny.domain.data, "train")
    for key in ("decoder_output", "ffn_input"):
        build_datastore(Extraction(model, dataset, "corpus", key, 500), folder / key, EXACT)
    return folder


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


def mixture_of(store: Path, combiner: VanillaCombiner) -> KnnMixture:
    return KnnMixture(Searcher(open_datastore(store), EXACT), combiner)


@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_with_lambda_0_hypotheses_are_the_models(tiny: Any, model: Any, stores: Path, key: str) -> None:
    dataset = model.parallel_text(tiny.domain.data, "test")
    expected = generate(model, dataset, tiny.settings.decoding)
    mixture = mixture_of(stores / key, VanillaCombiner(4, 0.0, 10.0))
    found = generate(model, dataset, tiny.settings.decoding, mixture=mixture)
    assert found.hypotheses == expected.hypotheses


@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_with_lambda_near_1_training_sources_give_their_training_targets(
    tiny: Any, model: Any, stores: Path, key: str
) -> None:
    dataset = model.parallel_text(tiny.domain.data, "train")
    mixture = mixture_of(stores / key, VanillaCombiner(2, 0.99, 1e-3))
    # one hypothesis: a wider beam ends once it is full of shorter ones, however unlikely
    decoding = tiny.settings.changed(decoding={"max_len_a": 3, "beam": 1}).decoding
    found = generate(model, dataset.part(range(0, 60, 5)), decoding, mixture=mixture)
    expected = [model.target_vocabulary.text(dataset.batch([index]).target[0]) for index in range(0, 60, 5)]
    assert found.hypotheses == expected


@torch.no_grad()
def test_a_step_mixes_in_the_neighbours_of_its_own_key(tiny: Any, model: Any, stores: Path) -> None:
    dataset = model.parallel_text(tiny.domain.data, "test")
    store = open_datastore(stores / "decoder_output")
    mixture = mixture_of(stores / "decoder_output", VanillaCombiner(5, 0.4, 2.0))
    network = model.beam_search(tiny.settings.decoding, mixture).searched
    batch = dataset.batch([0, 3])
    encoder_out = network.encoder(batch.source, src_lengths=batch.source_lengths)
    prefix = batch.decoder_input[:, :4]
    output = network.decoder(prefix, encoder_out=encoder_out)
    mixed = network.get_normalized_probs(output, log_probs=True)
    assert mixed.shape == (2, 1, len(model.target_vocabulary))
    torch.testing.assert_close(network.get_normalized_probs(output, log_probs=False), mixed.exp())

    features, _ = model.network.decoder.extract_features(prefix, encoder_out=encoder_out)
    for row, query in enumerate(features[:, -1].double().numpy()):
        distances = ((store.keys.astype(np.float64) - query) ** 2).sum(1)
        nearest = np.argsort(distances)[:5]
        masses = np.exp(-distances[nearest] / 2.0)
        logits = model.network.decoder.embed_tokens.weight.double().numpy() @ query
        expected = 0.6 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        for entry, mass in zip(nearest, masses / masses.sum(), strict=True):
            expected[store.values[entry]] += 0.4 * mass
        np.testing.assert_allclose(mixed[row, 0].exp(), expected, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_steps_that_reuse_earlier_states_give_the_same_keys(tiny: Any, model: Any, stores: Path, key: str) -> None:
    dataset = model.parallel_text(tiny.domain.data, "test")
    search = model.beam_search(tiny.settings.decoding, mixture_of(stores / key, VanillaCombiner(5, 0.4, 2.0)))
    network, batch = search.searched, dataset.batch([0, 3])
    encoder_out = network.encoder(batch.source, src_lengths=batch.source_lengths)
    state: dict[str, Any] = {}
    for length in range(1, 6):
        prefix = batch.decoder_input[:, :length]
        with search.reader:
            logits, extra = network.decoder(prefix, encoder_out=encoder_out, incremental_state=state)
            whole_logits, whole_extra = network.decoder(prefix, encoder_out=encoder_out)
        assert extra["keys"].shape == (2, 1, 16)
        torch.testing.assert_close(extra["keys"], whole_extra["keys"], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(logits, whole_logits, atol=1e-5, rtol=1e-5)
