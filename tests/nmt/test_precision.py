"""A model in half precision is the same model: files, fingerprints and distributions are fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore, teacher_forced
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore
from ink.nmt.adapter import read_adapter, write_adapter
from ink.nmt.device import dtype_of, torch_dtype
from ink.runtime.errors import InkError

EXACT = Index(type="exact")


def load(tiny: Any, precision: str, adapter: Path | None = None) -> Any:
    return tiny.domain.load_model(tiny.settings.changed(precision=precision), adapter=adapter)


def write(tiny: Any, path: Path, change: float = 0.0) -> Path:
    """Random adapters, one weight of them changed."""
    model = load(tiny, "fp32")
    model.attach_adapters(4, dropout=0.0)
    drawn = torch.Generator().manual_seed(5)
    for parameter in model.network.adapters.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=drawn)
    model.network.adapters["decoder_1"].up.weight.data[0, 0] += change
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint)
    return path


def build(tiny: Any, model: Any, path: Path) -> Any:
    dataset = model.parallel_text(tiny.domain.data, "train")
    build_datastore(Extraction(model, dataset, "corpus", "decoder_output", 200), path, EXACT)
    return open_datastore(path)


def test_the_config_s_names_are_torch_s_types() -> None:
    names = ("fp32", "fp16", "bf16")
    assert [torch_dtype(name) for name in names] == [torch.float32, torch.float16, torch.bfloat16]
    with pytest.raises(InkError, match=r"precision is 'fp8'; allowed: fp32, fp16, bf16"):
        torch_dtype("fp8")


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_weights_are_in_the_precision_and_fingerprints_are_not(tiny: Any, tmp_path: Path, precision: str) -> None:
    model, same = load(tiny, precision), load(tiny, "fp32")
    assert dtype_of(model.network) == torch_dtype(precision)
    assert model.fingerprint == same.fingerprint == same.base_fingerprint

    path = write(tiny, tmp_path / "a.safetensors")
    adapted, same = load(tiny, precision, path), load(tiny, "fp32", path)
    assert {parameter.dtype for parameter in adapted.network.parameters()} == {torch_dtype(precision)}
    assert adapted.fingerprint == same.fingerprint != model.fingerprint
    weights = read_adapter(path)[0]
    kept = adapted.adapter_weights()
    assert kept.keys() == weights.keys()
    assert all(torch.equal(kept[name], weights[name]) for name in weights)
    write_adapter(tmp_path / "b.safetensors", kept, base_model=adapted.base_fingerprint)
    assert all(torch.equal(read_adapter(tmp_path / "b.safetensors")[0][name], weights[name]) for name in weights)


def test_adapters_that_half_precision_cannot_tell_apart_still_have_two_fingerprints(tiny: Any, tmp_path: Path) -> None:
    one = load(tiny, "bf16", write(tiny, tmp_path / "a.safetensors"))
    other = load(tiny, "bf16", write(tiny, tmp_path / "b.safetensors", change=1e-6))
    rounded, others = one.network.state_dict(), other.network.state_dict()
    assert all(torch.equal(rounded[name], others[name]) for name in rounded)
    assert one.fingerprint != other.fingerprint


def test_other_weights_take_the_place_of_those_kept_in_fp32(tiny: Any, tmp_path: Path) -> None:
    model = load(tiny, "bf16", write(tiny, tmp_path / "a.safetensors"))
    before = model.fingerprint
    doubled = {name: 2 * tensor for name, tensor in model.adapter_weights().items()}
    model.load_adapter_weights(doubled)
    assert model.fingerprint != before
    assert all(torch.equal(model.adapter_weights()[name], doubled[name]) for name in doubled)
    assert all(torch.equal(tensor, doubled[name].bfloat16()) for name, tensor in model.network.state_dict().items())


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_datastore_of_one_precision_is_known_again_in_another(tiny: Any, tmp_path: Path, precision: str) -> None:
    half, full = load(tiny, precision), load(tiny, "fp32")
    store = build(tiny, half, tmp_path / "half")
    opened = open_datastore(tmp_path / "half", model=full.fingerprint, corpus="corpus")
    exact = build(tiny, full, tmp_path / "full")
    assert (store.values == exact.values).all()
    # layer norms make keys of about 1; two bytes have three digits (fp16) or two (bf16)
    tolerance = {"fp16": 0.02, "bf16": 0.15}[precision]
    np.testing.assert_allclose(opened.keys.astype(np.float32), exact.keys.astype(np.float32), atol=tolerance)
    assert not (opened.keys == exact.keys).all()
    np.testing.assert_allclose(store.log_probs, exact.log_probs, atol=3 * tolerance)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_log_probabilities_are_softmaxes_in_fp32(tiny: Any, precision: str) -> None:
    model = load(tiny, precision)
    dataset = model.parallel_text(tiny.domain.data, "dev")
    parts = teacher_forced(model, dataset, "decoder_output", 100, with_log_probs=True, description="dev")
    for _, keys, _, log_probs in parts:
        assert keys.dtype == torch_dtype(precision)
        assert log_probs is not None
        assert log_probs.dtype == torch.float32
        # sums of numbers rounded to two bytes would be off by a hundredth
        torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(len(log_probs)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_beam_search_adds_up_scores_in_fp32(tiny: Any, tmp_path: Path, precision: str) -> None:
    model = load(tiny, precision)
    store = build(tiny, model, tmp_path / "store")
    mixture = KnnMixture(Searcher(store, EXACT), VanillaCombiner(4, 0.5, 10.0))
    dataset = model.parallel_text(tiny.domain.data, "test")
    for mixed in (None, mixture):
        search = model.beam_search(tiny.settings.decoding, mixed)
        for translations in search(dataset.batch(range(4))):
            scores = translations[0].token_log_probs
            assert scores.dtype == torch.float32
            assert scores.isfinite().all()
            # numbers that were rounded to two bytes on their way would all stay as they are
            assert not torch.equal(scores, scores.to(torch_dtype(precision)).float())


@torch.no_grad()
def test_distances_and_the_mixture_are_fp32(tiny: Any, tmp_path: Path) -> None:
    model = load(tiny, "bf16")
    store = build(tiny, model, tmp_path / "store")
    searcher = Searcher(store, EXACT)
    mixture = KnnMixture(searcher, VanillaCombiner(4, 0.5, 10.0))
    batch = model.parallel_text(tiny.domain.data, "dev").batch(range(3))
    passed = model.teacher_forced(batch, "decoder_output")
    keys = passed.keys[:, -1]
    assert model.project(keys).dtype == keys.dtype == torch.bfloat16
    found = searcher.search(keys, 4, keys=True)
    assert found.distances.dtype == torch.float32
    wide = (keys.double().unsqueeze(-2) - found.keys.double()).pow(2).sum(-1)
    torch.testing.assert_close(found.distances.double(), wide, atol=1e-5, rtol=1e-5)
    mixed = mixture(keys, passed.log_probs()[:, -1]).exp()
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed.sum(-1), torch.ones(mixed.shape[:-1]), atol=1e-5, rtol=0)


@pytest.mark.failure(
    "Datastores and combiners",
    "keys beyond what half precision holds",
    "`datastore ...: the key of entry 31, in training sentence 2, has a number of 1.2e+06, not finite in half "
    "precision, in which keys are stored and which ends at 65,504; ... [datastore/not-finite]`; nothing is left",
)
def test_keys_beyond_half_precision_are_refused(tiny: Any, tmp_path: Path) -> None:
    model = load(tiny, "fp32")
    model.network.decoder.layers[-1].final_layer_norm.weight.data *= 1e6
    with pytest.raises(InkError, match="not finite in half precision"):
        build(tiny, model, tmp_path / "store")
    assert not (tmp_path / "store").exists()
