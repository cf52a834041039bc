"""Keys, probabilities and numbers of Hugging Face models, against what transformers itself gives of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from nmt.small_huggingface import KINDS, begin_of, languages_of, load, network_of, tokeniser_of
from torch import Tensor

from ink.nmt.domain_files import Domain
from ink.nmt.text_loading import load_text
from ink.runtime.whole_files import read_lines

DomainOf = Callable[[str], Domain]
PRE_NORM = ("m2m_100", "nllb", "mbart", "mbart50")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_numbers_are_those_of_the_library_s_tokeniser(tiny: Any, domain_of: DomainOf, kind: str) -> None:
    domain = domain_of(kind)
    model, tokeniser = load(tiny, domain), tokeniser_of(kind, domain)
    text = model.parallel_text(domain.data, "train")
    sources, targets = (read_lines(domain.corpus / f"train.{language}") for language in tiny.languages)
    tag = f"{languages_of(kind).tag} " if languages_of(kind).tag else ""
    for number in (0, 7, 30):
        batch = text.batch([number])
        assert batch.source[0].tolist() == tokeniser(tag + sources[number]).input_ids
        labels = tokeniser(text_target=targets[number]).input_ids
        if kind != "fsmt":  # whose tokeniser knows the source's vocabulary alone
            special = set(begin_of(kind, tokeniser)) | {tokeniser.eos_token_id}
            inner = [label for label in labels if label not in special]
            assert batch.target[0].tolist() == [*inner, tokeniser.eos_token_id]
        names = model.target_vocabulary.text(batch.target[0])
        decoded = load_text(domain.vocabulary, tiny.settings.text, tiny.languages).decode_target(names)
        assert decoded.replace(" ", "") == targets[number].replace(" ", "")
        assert model.target_vocabulary.encode(names.split()).tolist() == batch.target[0].tolist()


@torch.no_grad()
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_keys_and_log_probabilities_are_the_network_s_own(tiny: Any, domain_of: DomainOf, kind: str, key: str) -> None:
    domain = domain_of(kind)
    model, network = load(tiny, domain), network_of(kind, domain)
    text = model.parallel_text(domain.data, "train")
    begin = begin_of(kind, tokeniser_of(kind, domain))
    batch = text.batch([30, 0, 7])  # of different lengths
    assert len(set(batch.source_lengths.tolist())) > 1
    passed = model.teacher_forced(batch, key)
    log_probs = passed.log_probs()
    for row in range(3):
        target = batch.target[row][batch.real[row]]
        expected, own = reference_pass(
            kind, network, batch.source[row][: batch.source_lengths[row]], begin, target, key
        )
        torch.testing.assert_close(passed.keys[row, : len(target)], expected, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(log_probs[row, : len(target)], own, atol=5e-5, rtol=1e-4)
        if key == "decoder_output":
            torch.testing.assert_close(model.log_probs(expected), own, atol=5e-5, rtol=1e-4)
    assert passed.keys.shape[-1] == model.key_dimension(key)


def reference_pass(
    kind: str, network: Any, source: Tensor, begin: list[int], target: Tensor, key: str
) -> tuple[Tensor, Tensor]:
    """One sentence alone through the library's model, and what a norm before the feed-forward network has given."""
    norm = "final_layer_norm" if kind in PRE_NORM else "encoder_attn_layer_norm"
    seen: list[Tensor] = []
    layer = getattr(network.get_decoder().layers[-1], norm)
    hook = layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    read = torch.cat([torch.tensor(begin), target[:-1]])
    output = network(input_ids=source[None], decoder_input_ids=read[None], output_hidden_states=True, use_cache=False)
    hook.remove()
    before = len(begin) - 1
    states = output.decoder_hidden_states[-1][0]
    if key == "ffn_input":
        states = seen[0].transpose(0, 1)[0] if kind == "fsmt" else seen[0][0]
    return states[before:], output.logits[0, before:].log_softmax(-1)


def test_a_model_is_known_by_its_weights_whatever_holds_them(tiny: Any, domain_of: DomainOf, tmp_path: Any) -> None:
    domain = domain_of("marian")
    model = load(tiny, domain)
    network = network_of("marian", domain)
    network.save_pretrained(tmp_path / "safe", safe_serialization=True)
    assert (tmp_path / "safe" / "model.safetensors").exists()
    assert not (domain.base_model / "model.safetensors").exists()
    again = domain.backend.load(tmp_path / "safe", domain.vocabulary, tiny.languages)
    assert again.fingerprint == model.fingerprint
    network.save_pretrained(tmp_path / "parts", safe_serialization=True, max_shard_size="4KB")
    assert (tmp_path / "parts" / "model.safetensors.index.json").exists()
    assert domain.backend.load(tmp_path / "parts", domain.vocabulary, tiny.languages).fingerprint == model.fingerprint
    model.write(tmp_path / "model.pt")
    written = domain.backend.load(tmp_path / "model.pt", domain.vocabulary, tiny.languages)
    assert written.fingerprint == model.fingerprint
    with torch.no_grad():
        network.model.encoder.layers[0].fc1.bias += 1e-3
    network.save_pretrained(tmp_path / "other")
    other = domain.backend.load(tmp_path / "other", domain.vocabulary, tiny.languages)
    assert other.fingerprint != model.fingerprint


def test_dropout_is_set_everywhere_but_in_attention_and_activations(tiny: Any, domain_of: DomainOf) -> None:
    model = load(tiny, domain_of("mbart"))
    model.set_dropout(0.25, 0.125)
    layer = model.network.model.decoder.layers[0]
    assert (layer.dropout, layer.self_attn.dropout, layer.encoder_attn.dropout) == (0.25, 0.125, 0.125)
    assert (model.network.model.encoder.dropout, layer.activation_dropout) == (0.25, 0.0)
    trained = domain_of("mbart").load_model(tiny.settings, dropout=0.3)
    assert trained.network.model.encoder.layers[1].dropout == 0.3
    assert trained.network.model.encoder.layers[1].self_attn.dropout == 0.0
