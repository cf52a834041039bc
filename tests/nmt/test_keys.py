"""Keys of both kinds, against the layer's own arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ink.nmt.fairseq.key_reader import KeyReader
from ink.nmt.translation_model import KEY_KINDS
from ink.runtime.errors import InkError


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture
def sample(tiny: Any, model: Any) -> Any:
    return model.parallel_text(tiny.domain.data, "train").batch([2, 9, 17, 30])


@torch.no_grad()
def decoder_output(network: Any, sample: Any) -> torch.Tensor:
    encoder_out = network.encoder(sample.source, src_lengths=sample.source_lengths)
    return network.decoder.extract_features(sample.decoder_input, encoder_out=encoder_out)[0]


def test_decoder_output_is_what_the_output_layer_sees(model: Any, sample: Any) -> None:
    output = decoder_output(model.network, sample)
    assert KeyReader(model.network.decoder, "decoder_output").read(output) is output
    with torch.no_grad():
        logits, extra = model.network(sample.source, sample.source_lengths, sample.decoder_input)
        passed = model.teacher_forced(sample, "decoder_output")
    assert torch.equal(extra["keys"], output)
    assert torch.equal(passed.keys, output)
    assert torch.equal(model.project(output), logits)


@torch.no_grad()
def test_log_probabilities_are_computed_where_they_are_asked_for(model: Any, sample: Any) -> None:
    passed = model.teacher_forced(sample, "ffn_input")
    whole = passed.log_probs()
    logits, _ = model.network(sample.source, sample.source_lengths, sample.decoder_input)
    torch.testing.assert_close(whole, logits.log_softmax(-1))
    chosen = sample.target == sample.target[0, 0]
    rows = []
    hook = model.network.decoder.output_projection.register_forward_pre_hook(lambda _, given: rows.append(given[0]))
    torch.testing.assert_close(passed.log_probs(chosen), whole[chosen])
    torch.testing.assert_close(model.log_probs(passed.decoder_output[chosen]), whole[chosen])
    hook.remove()
    assert [len(row) for row in rows] == [int(chosen.sum())] * 2


@pytest.mark.parametrize("with_adapters", [False, True])
def test_ffn_input_taken_through_the_rest_of_the_last_layer_is_the_decoder_output(
    model: Any, sample: Any, with_adapters: bool
) -> None:
    if with_adapters:
        model.attach_adapters(4, dropout=0.0, initialisation="default")
    with KeyReader(model.network.decoder, "ffn_input") as reader:
        output = decoder_output(model.network, sample)
        keys = reader.read(output)
    with torch.no_grad():
        assert torch.equal(model.teacher_forced(sample, "ffn_input").keys, keys)
    assert keys.shape == output.shape
    assert not torch.allclose(keys, output, atol=1e-3)
    layer = model.network.decoder.layers[-1]
    with torch.no_grad():
        inner = torch.relu(keys @ layer.fc1.weight.t() + layer.fc1.bias)
        expected = layer.final_layer_norm(keys + inner @ layer.fc2.weight.t() + layer.fc2.bias)
        if with_adapters:
            expected = model.network.adapters["decoder_1"](expected)
    torch.testing.assert_close(expected, output, atol=1e-5, rtol=1e-5)


def test_ffn_input_belongs_to_one_forward_pass(model: Any, sample: Any) -> None:
    with KeyReader(model.network.decoder, "ffn_input") as reader:
        with pytest.raises(ValueError, match="no forward pass"):
            reader.read(torch.zeros(1))
        output = decoder_output(model.network, sample)
        reader.read(output)
        with pytest.raises(ValueError, match="no forward pass"):
            reader.read(output)


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_the_decoder_is_left_without_a_hook(model: Any, sample: Any, kind: str) -> None:
    def hooks() -> int:
        return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.network.modules())

    before = hooks()
    with KeyReader(model.network.decoder, kind):
        assert hooks() == before + (kind == "ffn_input")
    assert hooks() == before


def test_an_unknown_kind_is_named(model: Any) -> None:
    with pytest.raises(InkError, match=r"'embedding'.*decoder_output, ffn_input"):
        KeyReader(model.network.decoder, "embedding")
