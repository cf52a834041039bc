"""Every system with Hugging Face models, through the code that fairseq's models go through."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nmt.small_huggingface import KINDS

from ink.combiners.combiner_file import read_combiner
from ink.combiners.fitting.learned import train_combiner
from ink.combiners.fitting.vanilla_on_dev import tune_vanilla
from ink.config.sections.base_system import Index
from ink.config.sections.retrieval_systems import SkMt
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import store_neighbours
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.metrics.knn_accuracy import measure_knn_accuracy
from ink.nmt.adapter import read_adapter
from ink.nmt.domain_files import Domain
from ink.nmt.fairseq import fairseq_model
from ink.nmt.generation import generate
from ink.nmt.huggingface.hub_record import HubRecord
from ink.nmt.model_loading import BaseModelFiles
from ink.nmt.text_loading import load_text
from ink.runtime.whole_files import read_json, read_lines
from ink.systems.inference import Parts, assemble
from ink.tools.explanation.decomposition import decompose_translation
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import Translator
from ink.training.adapter_training import train_adapter
from ink.training.ink_rounds import Rounds, finish_rounds, train_rounds
from ink.training.knn_kd_training import TeacherFiles, train_knn_kd

DomainOf = Callable[[str], Domain]


def settings_of(tiny: Any, **more: Any) -> Any:
    return tiny.settings.changed(
        decoding={"beam": 2, "max_len_a": 0.0, "max_len_b": 6},
        adapter={"max_epochs": 1},
        knn_kd={"max_epochs": 2},
        training={"average_last": 1, "dev_sentences": 2},
        combiner_training={"max_updates": 20, "best_from": 10, "base_dropout": "released"},
    ).changed(**more)


@pytest.fixture(autouse=True)
def no_fairseq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairseq_model.FairseqModel, "__init__", lambda *_, **__: pytest.fail("a model of fairseq's"))


@pytest.fixture(scope="module")
def stores_of(tiny: Any, domain_of: DomainOf, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def make(kind: str) -> Path:
        folder, domain = tmp_path_factory.mktemp(f"stores-{kind}"), domain_of(kind)
        model = domain.load_model(settings_of(tiny))
        text = model.parallel_text(domain.data, "train")
        for key in ("decoder_output", "ffn_input"):
            extraction = Extraction(model, text, domain.data.fingerprint, key, 200)
            build_datastore(extraction, folder / key, Index(type="exact"))
        return folder

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_make_training_sources_into_their_targets(
    tiny: Any, domain_of: DomainOf, stores_of: Callable[[str], Path], kind: str, tmp_path: Path
) -> None:
    domain, store = domain_of(kind), stores_of(kind) / "ffn_input"
    settings = settings_of(tiny, v_knn={"k": 2, "lambda": 0.99, "temperature": 1e-2})
    tune_vanilla(domain, store, settings, tmp_path / "combiner.json")
    assert read_combiner(tmp_path / "combiner.json")["tried"]
    parts = Parts(datastore=store, combiner=tmp_path / "combiner.json")
    system = assemble(domain, parts, settings, settings.index)
    text = system.model.parallel_text(domain.data, "train")
    entries = open_datastore(store, model=system.model.fingerprint).meta.entries
    # ends of sentence are entries, tags of languages are not
    lines = read_lines(domain.data.path / f"train.bpe.{tiny.languages.target}")
    assert entries == sum(len(line.split()) + 1 for line in lines) == int(text.target_lengths.sum())
    decoding = settings.changed(decoding={"beam": 1, "max_len_a": 3, "max_len_b": 5}).decoding
    chosen = range(0, 60, 5)
    found = generate(system.model, text.part(chosen), decoding, mixture=system.mixture)
    wanted = [lines[number] for number in chosen]
    assert sum(map(str.__eq__, found.hypotheses, wanted)) >= 9
    assert generate(system.model, text.part(chosen), decoding).hypotheses != found.hypotheses


@pytest.mark.parametrize("kind", ["marian", "nllb"])
def test_sk_mt_gives_each_sentence_of_a_batch_its_own_datastore(tiny: Any, domain_of: DomainOf, kind: str) -> None:
    domain, settings = domain_of(kind), settings_of(tiny)
    sk_mt = SkMt(key="decoder_output", candidates=20, pairs=1, k=1, temperature=1e-2)
    system = assemble(domain, Parts(sk_mt=sk_mt), settings, settings.index)
    text = system.model.parallel_text(domain.data, "train")
    lines = read_lines(domain.data.path / f"train.bpe.{tiny.languages.target}")
    decoding = settings.changed(decoding={"beam": 1, "max_len_a": 3, "max_len_b": 5}).decoding
    chosen = range(2, 60, 7)
    found = generate(system.model, text.part(chosen), decoding, mixture=system.mixture).hypotheses
    assert sum(map(str.__eq__, found, [lines[number] for number in chosen])) >= 7


@pytest.mark.parametrize("kind", ["marian", "nllb"])
def test_a_robust_combiner_is_trained_on_dev_and_lines_are_translated_and_explained(
    tiny: Any, domain_of: DomainOf, stores_of: Callable[[str], Path], kind: str, tmp_path: Path
) -> None:
    domain, settings, store = domain_of(kind), settings_of(tiny), stores_of(kind) / "decoder_output"
    train_combiner(domain, ModelDatastore(store), "r_knn", settings, 1, tmp_path / "r_knn")
    record = read_json(tmp_path / "r_knn" / "record.json")
    assert record["best_dev_loss"] < record["start_dev_loss"]
    parts = Parts(datastore=store, combiner=tmp_path / "r_knn" / "combiner.json")
    system = assemble(domain, parts, settings, settings.index)
    warnings: list[str] = []
    text = load_text(domain.vocabulary, settings.text, tiny.languages)
    translator = Translator(system, text, settings.decoding, warnings.append)
    lines = [Line(number, line) for number, line in enumerate(read_lines(domain.corpus / "test.xx")[:3], start=1)]
    assert len(translator.translate([*lines, Line(4, "")])) == 4
    assert not warnings
    (piece,) = translator.pieces(lines[0])
    best = translator.search([piece])[0][0]
    assert system.mixture is not None
    _, explained = decompose_translation(system.model, system.mixture, translator.encode(piece), best.tokens)
    np.testing.assert_allclose(explained.log_p, best.token_log_probs.double(), atol=1e-3)

    long = Line(5, " ".join(line.text or "" for line in lines * 8))
    pieces = translator.pieces(long)
    assert len(pieces) > 1
    positions = system.model.network.config.max_position_embeddings
    assert positions // 2 < max(len(translator.encode(piece)) for piece in pieces) <= positions
    assert "translated in" in warnings[0]


@pytest.mark.parametrize("kind", KINDS)
def test_adapter_ink_and_accuracy(
    tiny: Any, domain_of: DomainOf, stores_of: Callable[[str], Path], kind: str, tmp_path: Path
) -> None:
    domain, settings = domain_of(kind), settings_of(tiny)
    shutil.copytree(domain.base_model, tmp_path / "model")
    HubRecord("owner/name", "main", "0" * 40, None, {"config.json": 2}).write(tmp_path / "model")
    domain = replace(domain, base_model=tmp_path / "model")
    train_adapter(domain, settings, 1, tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter.safetensors"
    weights, metadata = read_adapter(path)
    assert metadata["hub"] == read_json(path.with_name("record.json"))["hub"] == f"owner/name@{'0' * 40}"
    base, adapted = domain.load_model(settings), domain.load_model(settings, adapter=path)
    assert metadata["base_model"] == base.fingerprint == adapted.base_fingerprint != adapted.fingerprint
    assert {name.split(".")[0] for name in weights} == {"encoder_0", "encoder_1", "decoder_0", "decoder_1"}

    store = stores_of(kind) / "decoder_output"
    train_rounds(domain, settings, 1, Rounds([1, 2], store, None, tmp_path / "rounds"))
    first, second = read_json(tmp_path / "rounds" / "record.json")["history"]
    for entry in (first, second):
        assert all(math.isfinite(entry[name]) for name in ("loss", "loss_a", "loss_i", "loss_r"))
    assert "refresh" in second["seconds"]
    finish_rounds(domain, settings, [tmp_path / "rounds"], tmp_path / "ink")
    assert domain.load_model(settings, adapter=tmp_path / "ink" / "adapter.safetensors").adapters is not None
    assert read_adapter(tmp_path / "ink" / "adapter.safetensors")[1]["hub"] == metadata["hub"]

    files = BaseModelFiles(domain.base_model, domain.vocabulary, tiny.languages, domain.backend)
    stores = {"base_nmt": ModelDatastore(store)}
    measure_knn_accuracy(files, domain.data, stores, 1, settings, tmp_path / "accuracy.json")
    measured = read_json(tmp_path / "accuracy.json")
    special = measured["positions"]["special_symbols"]
    ends = {"</s>": len(read_lines(domain.corpus / "dev.xx"))}
    assert {name: count for name, count in special.items() if name != "<unk>"} == ends


def test_a_student_of_the_same_architecture_is_taught_by_neighbours(
    tiny: Any, domain_of: DomainOf, stores_of: Callable[[str], Path], tmp_path: Path
) -> None:
    domain, settings = domain_of("fsmt"), settings_of(tiny)
    store = stores_of("fsmt") / "decoder_output"
    store_neighbours(open_datastore(store), settings.index, 6, tmp_path / "neighbours")
    train_knn_kd(domain, settings, 1, TeacherFiles(store, tmp_path / "neighbours"), tmp_path / "student")
    student = replace(domain, base_model=tmp_path / "student" / "model.pt").load_model(settings)
    base = domain.load_model(settings)
    assert student.fingerprint != base.fingerprint
    assert student.network.state_dict().keys() == base.network.state_dict().keys()


def test_half_precision_gives_what_full_precision_gives_to_its_digits(tiny: Any, domain_of: DomainOf) -> None:
    domain = domain_of("mbart")
    full, half = (domain.load_model(settings_of(tiny, precision=precision)) for precision in ("fp32", "bf16"))
    batch = full.parallel_text(domain.data, "train").batch([0, 7, 30])
    one, other = (model.teacher_forced(batch, "ffn_input") for model in (full, half))
    assert other.keys.dtype == torch.bfloat16
    assert float((one.keys - other.keys.float()).abs().max()) < 0.1 * float(one.keys.abs().max())
    assert full.fingerprint == half.fingerprint
