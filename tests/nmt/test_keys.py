"""Keys of both kinds, against the layer's own arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ink.errors import InkError
from ink.nmt.keys import KEY_KINDS, KeyReader


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture
def sample(tiny: Any, model: Any) -> Any:
    dataset = tiny.domain.data.load(model.task, "train")
    return dataset.collater([dataset[index] for index in (2, 9, 17, 30)])["net_input"]


@torch.no_grad()
def decoder_output(network: Any, sample: Any) -> torch.Tensor:
    encoder_out = network.encoder(sample["src_tokens"], src_lengths=sample["src_lengths"])
    return network.decoder.extract_features(sample["prev_output_tokens"], encoder_out=encoder_out)[0]


def test_decoder_output_is_what_the_output_layer_sees(model: Any, sample: Any) -> None:
    output = decoder_output(model.network, sample)
    assert KeyReader(model.network.decoder, "decoder_output").read(output) is output
    with torch.no_grad():
        logits, extra = model.network(**sample)
    assert torch.equal(extra["keys"], output)
    assert torch.equal(model.network.decoder.output_layer(output), logits)


@pytest.mark.parametrize("with_adapters", [False, True])
def test_ffn_input_taken_through_the_rest_of_the_last_layer_is_the_decoder_output(
    model: Any, sample: Any, with_adapters: bool
) -> None:
    if with_adapters:
        model.network.attach_adapters(4, dropout=0.0, initialisation="default")
    reader = KeyReader(model.network.decoder, "ffn_input")
    output = decoder_output(model.network, sample)
    keys = reader.read(output)
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
    reader = KeyReader(model.network.decoder, "ffn_input")
    with pytest.raises(ValueError, match="no forward pass"):
        reader.read(torch.zeros(1))
    output = decoder_output(model.network, sample)
    reader.read(output)
    with pytest.raises(ValueError, match="no forward pass"):
        reader.read(output)


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_closing_leaves_the_decoder_without_a_hook(model: Any, sample: Any, kind: str) -> None:
    def hooks() -> int:
        return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.network.modules())

    before = hooks()
    reader = KeyReader(model.network.decoder, kind)
    assert hooks() == before + (kind == "ffn_input")
    reader.close()
    assert hooks() == before


def test_an_unknown_kind_is_named(model: Any) -> None:
    with pytest.raises(InkError, match=r"'embedding'.*decoder_output, ffn_input"):
        KeyReader(model.network.decoder, "embedding")
