"""Everything that a translation model is used for, with a backend that has nothing of fairseq's."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nmt.toy_backend import ToyBackend, ToyModel

from ink.combiners.combiner_file import read_combiner
from ink.combiners.fitting.learned import train_combiner
from ink.combiners.fitting.vanilla_on_dev import tune_vanilla
from ink.config.sections.base_system import Index
from ink.corpus.segmentation import TextProcessor
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.nmt.adapter import read_adapter
from ink.nmt.domain_files import Domain
from ink.nmt.fairseq import fairseq_model
from ink.nmt.generation import generate
from ink.runtime.whole_files import read_json, read_lines
from ink.systems.inference import Parts, assemble
from ink.tools.explanation.decomposition import decompose_translation
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import Translator
from ink.training.adapter_training import train_adapter
from ink.training.base_model_training import train_base_model
from ink.training.ink_rounds import Rounds, finish_rounds, train_rounds


def settings_of(tiny: Any, **more: Any) -> Any:
    return tiny.settings.changed(
        decoding={"beam": 2, "max_len_a": 0.0, "max_len_b": 6},
        base_model={"train": {"max_epochs": 2, "average_last": 1, "learning_rate": 1e-2}},
        adapter={"max_epochs": 1},
        combiner_training={"max_updates": 20, "best_from": 10, "base_dropout": "released"},
    ).changed(**more)


@pytest.fixture(scope="module")
def domain(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Domain:
    """A domain with a base model that the toy backend has trained."""
    folder = tmp_path_factory.mktemp("toy")
    place = replace(tiny.domain, base_model=folder / "base" / "model.pt", backend=ToyBackend())
    train_base_model(place, settings_of(tiny), 1, folder / "base")
    return place


@pytest.fixture(autouse=True)
def no_fairseq(monkeypatch: pytest.MonkeyPatch, domain: Domain) -> None:
    monkeypatch.setattr(fairseq_model.FairseqModel, "__init__", lambda *_, **__: pytest.fail("a model of fairseq's"))


@pytest.fixture(scope="module")
def stores(tiny: Any, domain: Domain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    model = domain.load_model(settings_of(tiny))
    text = model.parallel_text(domain.data, "train")
    for key in ("decoder_output", "ffn_input"):
        extraction = Extraction(model, text, domain.data.fingerprint, key, 200)
        build_datastore(extraction, folder / key, Index(type="exact"))
    return folder


@torch.no_grad()
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_a_datastore_holds_what_the_model_gives_at_each_target_position(
    tiny: Any, domain: Domain, stores: Path, key: str
) -> None:
    model = domain.load_model(settings_of(tiny))
    assert isinstance(model, ToyModel)
    store, text = open_datastore(stores / key, model=model.fingerprint), model.parallel_text(domain.data, "train")
    assert store.meta.entries == int(text.target_lengths.sum())
    assert store.log_probs is not None
    for sentence in (0, 7, 30):
        batch = text.batch([sentence])
        hidden, both = model.network(batch.source, batch.decoder_input)
        entries = slice(text.offsets[sentence], text.offsets[sentence + 1])
        expected = (hidden if key == "decoder_output" else both)[0].numpy()
        np.testing.assert_allclose(store.keys[entries], expected, atol=1e-3)
        assert store.values[entries].tolist() == batch.target[0].tolist()
        own = model.network.output(hidden)[0].log_softmax(-1)[torch.arange(len(batch.target[0])), batch.target[0]]
        np.testing.assert_allclose(store.log_probs[entries], own.numpy(), atol=1e-4)


def test_vanilla_knn_is_tuned_and_translates_training_sources_into_their_targets(
    tiny: Any, domain: Domain, stores: Path, tmp_path: Path
) -> None:
    settings = settings_of(tiny)
    tune_vanilla(domain, stores / "ffn_input", settings, tmp_path / "tuned.json")
    tried = read_combiner(tmp_path / "tuned.json")["tried"]
    assert len(tried) == 8
    assert all(math.isfinite(choice["log_likelihood"]) for choice in tried)

    settings = settings_of(tiny, v_knn={"k": 2, "lambda": 0.99, "temperature": 1e-3})
    tune_vanilla(domain, stores / "ffn_input", settings, tmp_path / "combiner.json")
    system = assemble(
        domain, Parts(datastore=stores / "ffn_input", combiner=tmp_path / "combiner.json"), settings, settings.index
    )
    text = system.model.parallel_text(domain.data, "train")
    decoding = settings.changed(decoding={"beam": 1, "max_len_a": 3, "max_len_b": 5}).decoding
    chosen = range(0, 60, 5)
    found = generate(system.model, text.part(chosen), decoding, mixture=system.mixture)
    wanted = [system.model.target_vocabulary.text(text.batch([number]).target[0]) for number in chosen]
    assert sum(map(str.__eq__, found.hypotheses, wanted)) >= 10
    alone = generate(system.model, text.part(chosen), decoding)
    assert alone.hypotheses != found.hypotheses


def test_a_robust_combiner_is_trained_on_dev_and_lines_are_translated_and_explained(
    tiny: Any, domain: Domain, stores: Path, tmp_path: Path
) -> None:
    settings = settings_of(tiny)
    train_combiner(domain, ModelDatastore(stores / "decoder_output"), "r_knn", settings, 1, tmp_path / "r_knn")
    record = read_json(tmp_path / "r_knn" / "record.json")
    assert record["best_dev_loss"] < record["start_dev_loss"]
    parts = Parts(datastore=stores / "decoder_output", combiner=tmp_path / "r_knn" / "combiner.json")
    system = assemble(domain, parts, settings, settings.index)
    warnings: list[str] = []
    text = TextProcessor(settings.text, domain.vocabulary / "bpecodes")
    translator = Translator(system, text, settings.decoding, warnings.append)
    lines = [Line(number, line) for number, line in enumerate(read_lines(domain.corpus / "test.xx")[:3], start=1)]
    found = translator.translate(lines)
    assert all(best[0].text for best in found)
    assert not warnings

    (piece,) = translator.pieces(lines[0])
    best = translator.search([piece])[0][0]
    assert system.mixture is not None
    _, explained = decompose_translation(system.model, system.mixture, translator.encode(piece), best.tokens)
    np.testing.assert_allclose(explained.log_p, best.token_log_probs.double(), atol=1e-3)


def test_an_adapter_is_trained_and_leaves_the_base_as_it_is(tiny: Any, domain: Domain, tmp_path: Path) -> None:
    settings = settings_of(tiny)
    train_adapter(domain, settings, 1, tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter.safetensors"
    weights, metadata = read_adapter(path)
    base, adapted = domain.load_model(settings), domain.load_model(settings, adapter=path)
    assert metadata["base_model"] == base.fingerprint == adapted.base_fingerprint != adapted.fingerprint
    assert {name.split(".")[0] for name in weights} == {"encoder_0", "decoder_0"}
    assert all(float(weights[f"{layer}.up.weight"].abs().sum()) > 0 for layer in ("encoder_0", "decoder_0"))
    (epoch,) = read_json(tmp_path / "adapter" / "record.json")["history"]
    assert math.isfinite(epoch["loss"])
    assert epoch["updates"] > 0


def test_rounds_of_ink_are_trained(tiny: Any, domain: Domain, stores: Path, tmp_path: Path) -> None:
    settings = settings_of(tiny)
    train_rounds(domain, settings, 1, Rounds([1, 2], stores / "decoder_output", None, tmp_path / "rounds"))
    first, second = read_json(tmp_path / "rounds" / "record.json")["history"]
    for entry in (first, second):
        assert all(math.isfinite(entry[name]) for name in ("loss", "loss_a", "loss_i", "loss_r"))
    assert "refresh" in second["seconds"]
    finish_rounds(domain, settings, [tmp_path / "rounds"], tmp_path / "ink")
    assert domain.load_model(settings, adapter=tmp_path / "ink" / "adapter.safetensors").adapters is not None
