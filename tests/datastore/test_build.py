"""A datastore holds what the model computes, position by position, or it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.config.sections.base_system import Index
from ink.datastore import build
from ink.datastore.build import Extraction, build_datastore, teacher_forced
from ink.datastore.storage import open_datastore
from ink.nmt.adapter import write_adapter
from ink.nmt.batches import batches_by_length
from ink.runtime.errors import InkError

EXACT = Index(type="exact")


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture
def dataset(tiny: Any, model: Any) -> Any:
    return model.parallel_text(tiny.domain.data, "train")


def give_adapters(model: Any) -> None:
    torch.manual_seed(5)
    model.attach_adapters(4, dropout=0.5)
    for parameter in model.network.adapters.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)


@torch.no_grad()
def entry(model: Any, dataset: Any, key: str, sentence: int, position: int) -> tuple[torch.Tensor, int, float]:
    """Compute the key, value and log p(value | key) of one position from its own prefix alone."""
    network = model.network.eval()
    inputs: list[torch.Tensor] = []
    hook = network.decoder.layers[-1].fc1.register_forward_pre_hook(lambda _, found: inputs.append(found[0][-1, 0]))
    pair = dataset.batch([sentence])
    source, target = pair.source[0], pair.target[0]
    previous = torch.cat([target[-1:], target[:position]])  # </s> leads in
    encoder_out = network.encoder(source[None], src_lengths=torch.tensor([len(source)]))
    hidden = network.decoder.extract_features(previous[None], encoder_out=encoder_out)[0][0, -1]
    hook.remove()
    logits = network.decoder.embed_tokens.weight.double() @ hidden.double()
    value = int(target[position])
    return hidden if key == "decoder_output" else inputs[0], value, float(logits[value] - logits.logsumexp(0))


@pytest.mark.parametrize(
    ("key", "with_adapters"), [("decoder_output", False), ("decoder_output", True), ("ffn_input", True)]
)
def test_entries_are_those_of_a_slow_pass_without_batches_or_padding(
    tiny: Any, model: Any, dataset: Any, tmp_path: Path, key: str, with_adapters: bool
) -> None:
    if with_adapters:
        give_adapters(model)
    model.network.train()  # building is to leave dropout out
    meta = build_datastore(Extraction(model, dataset, "corpus", key, 150), tmp_path / "store", EXACT)
    lengths = dataset.target_lengths.tolist()
    places = [(sentence, position) for sentence, length in enumerate(lengths) for position in range(length)]
    keys, values, log_probs = zip(*(entry(model, dataset, key, *place) for place in places), strict=True)
    store = open_datastore(tmp_path / "store", model=model.fingerprint, corpus="corpus", key=key)
    assert store.meta == meta
    assert (meta.entries, meta.dimension, meta.sentences) == (len(values), 16, 60)
    assert store.offsets.tolist() == [sum(lengths[:sentence]) for sentence in range(61)]
    assert store.values.tolist() == list(values)
    assert (store.values[store.offsets[1:] - 1] == model.target_vocabulary.end).all()
    assert model.target_vocabulary.padding not in store.values
    assert (store.keys.dtype, store.values.dtype, store.log_probs.dtype) == (np.float16, np.int32, np.float32)
    np.testing.assert_allclose(store.keys.astype(np.float32), torch.stack(keys).numpy(), atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(store.log_probs, log_probs, atol=1e-4)


def test_the_batch_size_changes_nothing_but_rounding(model: Any, dataset: Any, tmp_path: Path) -> None:
    for batch_tokens in (1, 100, 10000):
        build_datastore(
            Extraction(model, dataset, "c", "decoder_output", batch_tokens), tmp_path / str(batch_tokens), EXACT
        )
    first, *others = (open_datastore(tmp_path / str(batch_tokens)) for batch_tokens in (1, 100, 10000))
    for other in others:
        assert other.values.tolist() == first.values.tolist()
        np.testing.assert_allclose(other.log_probs, first.log_probs, atol=1e-5)
        np.testing.assert_allclose(other.keys.astype(float), first.keys.astype(float), atol=2e-3, rtol=1e-3)


def test_log_probs_are_left_out_on_request(model: Any, dataset: Any, tmp_path: Path) -> None:
    meta = build_datastore(
        Extraction(model, dataset, "c", "decoder_output", 500), tmp_path / "s", EXACT, log_probs=False
    )
    assert not meta.log_probs
    assert open_datastore(tmp_path / "s").log_probs is None
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        "index.faiss",
        "keys.npy",
        "meta.json",
        "offsets.npy",
        "values.npy",
    ]


def test_a_build_that_fails_leaves_nothing_and_spares_the_older_datastore(
    model: Any, dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_corpus(corpus: str) -> Extraction:
        return Extraction(model, dataset, corpus, "decoder_output", 200)

    passes, batch = [], dataset.batch

    def failing(sentences: Any) -> Any:
        passes.append(len(sentences))
        if len(passes) > 2:
            raise MemoryError("half-way")
        return batch(sentences)

    with monkeypatch.context() as patched:
        patched.setattr(dataset, "batch", failing)
        with pytest.raises(MemoryError):
            build_datastore(of_corpus("c"), tmp_path / "store", EXACT)
    assert list(tmp_path.iterdir()) == []

    build_datastore(of_corpus("older"), tmp_path / "store", EXACT)
    monkeypatch.setattr(build, "build_index", failing)
    with pytest.raises(TypeError):
        build_datastore(of_corpus("newer"), tmp_path / "store", EXACT)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert open_datastore(tmp_path / "store", corpus="older").meta.entries > 0


def test_the_forward_pass_takes_its_hook_away_even_when_it_fails(model: Any, dataset: Any) -> None:
    layer, watched = model.network.decoder.layers[-1], []

    def failing(*_: Any) -> None:
        watched.append(len(layer.fc1._forward_pre_hooks))
        raise MemoryError("half-way")

    layer.fc2.register_forward_hook(failing)
    with pytest.raises(MemoryError):
        next(teacher_forced(model, dataset, "ffn_input", 100, with_log_probs=False, description="test"))
    assert watched == [1]
    assert len(layer.fc1._forward_pre_hooks) == 0


def test_a_datastore_belongs_to_the_checkpoint_that_it_names(
    tiny: Any, model: Any, dataset: Any, tmp_path: Path
) -> None:
    """100 random keys of a round's datastore, recomputed from the adapter on disk by the slow pass."""
    give_adapters(model)
    write_adapter(tmp_path / "adapter.safetensors", model.adapter_weights(), base_model=model.base_fingerprint)
    build_datastore(Extraction(model, dataset, "c", "decoder_output", 300), tmp_path / "store", EXACT)
    loaded = tiny.domain.load_model(tiny.settings, adapter=tmp_path / "adapter.safetensors")
    store = open_datastore(tmp_path / "store", model=loaded.fingerprint)
    base = tiny.domain.load_model(tiny.settings)
    from_base = []
    for number in np.random.default_rng(0).choice(store.meta.entries, 100, replace=False):
        sentence = int(np.searchsorted(store.offsets, number, side="right")) - 1
        place = sentence, int(number - store.offsets[sentence])
        key, value, log_prob = entry(loaded, dataset, "decoder_output", *place)
        np.testing.assert_allclose(store.keys[number].astype(np.float32), key, atol=2e-3, rtol=2e-3)
        assert store.values[number] == value
        assert store.log_probs[number] == pytest.approx(log_prob, abs=1e-4)
        from_base.append(float((entry(base, dataset, "decoder_output", *place)[0] - key).abs().max()))
    assert min(from_base) > 0.05


def test_dimensions_come_from_the_model(model: Any) -> None:
    assert model.key_dimension("decoder_output") == model.key_dimension("ffn_input") == 16


@pytest.mark.parametrize("batch_tokens", [1, 40, 60, 10**6])
def test_batches_hold_every_sentence_once_and_no_more_tokens_than_asked(dataset: Any, batch_tokens: int) -> None:
    batches = batches_by_length(dataset, batch_tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(60))
    sizes = np.maximum(dataset.source_lengths, dataset.target_lengths)
    assert all(len(batch) == 1 or len(batch) * max(sizes[batch]) <= batch_tokens for batch in batches)
    longest = [max(sizes[batch]) for batch in batches]
    assert longest == sorted(longest)


@pytest.mark.failure(
    "Datastores and combiners",
    "a batch of a datastore's pass that does not fit into the device's memory",
    "`datastore: out of memory with 40 sentences of 4000 tokens, ...`: it is passed over in parts, and the "
    "datastore is the same",
)
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_a_pass_that_does_not_fit_at_once_gives_the_same_datastore(
    tiny: Any, model: Any, dataset: Any, tmp_path: Path, out_of_memory_above: Any, key: str
) -> None:
    whole, divided = tmp_path / "whole", tmp_path / "divided"
    build_datastore(Extraction(model, dataset, "corpus", key, 400), whole, EXACT)
    tried = out_of_memory_above(model.network, 90)
    build_datastore(Extraction(model, dataset, "corpus", key, 400), divided, EXACT)
    assert max(tried) > 90
    one, other = open_datastore(whole), open_datastore(divided)
    assert one.meta == other.meta
    assert (one.values == other.values).all()
    assert (one.offsets == other.offsets).all()
    np.testing.assert_allclose(other.keys.astype(np.float32), one.keys.astype(np.float32), atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(other.log_probs, one.log_probs, atol=1e-4)


def test_a_training_sentence_that_does_not_fit_alone_is_named_and_nothing_is_left(
    model: Any, dataset: Any, tmp_path: Path, out_of_memory_above: Any
) -> None:
    longest = int(np.argmax(dataset.source_lengths))
    out_of_memory_above(model.network, int(dataset.source_lengths[longest]) - 1)
    with pytest.raises(InkError, match=r"datastore: sentence \d+ \(counted from 0\), of 31 tokens"):
        build_datastore(Extraction(model, dataset, "corpus", "ffn_input", 400), tmp_path / "store", EXACT)
    assert not (tmp_path / "store").exists()
