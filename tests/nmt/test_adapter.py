"""The adapter's formula, its place behind each whole layer, and the base model that it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from safetensors.torch import save_file
from torch import Tensor

from ink import __version__
from ink.nmt.adapter import Adapter, read_adapter, write_adapter
from ink.runtime.errors import InkError


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture
def base(tiny: Any) -> Any:
    """The same checkpoint as fairseq itself loads it."""
    overrides = {"data": str(tiny.vocabulary), "source_lang": "xx", "target_lang": "yy"}
    models, _, _ = checkpoint_utils.load_model_ensemble_and_task([str(tiny.base_model)], overrides)
    return models[0].eval()


@pytest.fixture
def sample(tiny: Any, model: Any) -> Any:
    """Sentences of different lengths, padding on both sides."""
    dataset = model.parallel_text(tiny.domain.data, "train").dataset
    return dataset.collater([dataset[index] for index in (2, 9, 17, 30)])["net_input"]


def give_weights(network: Any, seed: int = 5) -> None:
    torch.manual_seed(seed)
    for parameter in network.adapters.parameters():
        parameter.data = 0.5 * torch.randn_like(parameter)


def adapted(hidden: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """z + W2 relu(W1 LN(z) + b1) + b2 for one vector, written out."""
    mean = sum(hidden) / len(hidden)
    variance = sum((value - mean) ** 2 for value in hidden) / len(hidden)
    normalised = (hidden - mean) / np.sqrt(variance + 1e-5)
    normalised = normalised * weights["layer_norm.weight"] + weights["layer_norm.bias"]
    rows = zip(weights["down.weight"], weights["down.bias"], strict=True)
    inner = np.array([max(0.0, row @ normalised + bias) for row, bias in rows])
    return hidden + weights["up.weight"] @ inner + weights["up.bias"]


def in_float64(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.detach().double().numpy() for name, tensor in module.state_dict().items()}


def test_the_adapter_is_its_formula() -> None:
    torch.manual_seed(0)
    adapter = Adapter(6, 3, dropout=0.5, initialisation="default").eval()
    for parameter in adapter.parameters():
        parameter.data = torch.randn_like(parameter)
    hidden = torch.randn(2, 4, 6)
    expected = np.array([[adapted(vector, in_float64(adapter)) for vector in row] for row in hidden.double().numpy()])
    np.testing.assert_allclose(adapter(hidden).detach().numpy(), expected, atol=1e-5)


def test_dropout_falls_on_what_is_added_and_nothing_else() -> None:
    torch.manual_seed(0)
    adapter = Adapter(8, 3, dropout=0.5, initialisation="default").train()
    hidden = torch.randn(50, 8)
    added = adapter(hidden) - hidden
    whole = adapter.eval()(hidden) - hidden
    dropped = added.abs() < 1e-6
    assert 0.3 < dropped.float().mean() < 0.7
    torch.testing.assert_close(added[~dropped], 2 * whole[~dropped], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("initialisation", "starts_as_base"), [("zero", True), ("default", False)])
def test_initialisations(initialisation: str, starts_as_base: bool) -> None:
    adapter = Adapter(8, 4, dropout=0.0, initialisation=initialisation)
    hidden = torch.randn(3, 8)
    assert torch.equal(adapter(hidden), hidden) is starts_as_base
    assert adapter.down.weight.abs().sum() > 0


def test_an_unknown_initialisation_is_named() -> None:
    with pytest.raises(InkError, match=r"'random'.*zero, default"):
        Adapter(8, 4, dropout=0.0, initialisation="random")


def test_without_adapters_the_model_is_fairseqs(model: Any, base: Any, sample: Any) -> None:
    with torch.no_grad():
        logits, extra = model.network(**sample)
        expected, _ = base(**sample)
        features, _ = base(**sample, features_only=True)
    assert torch.equal(logits, expected)
    assert torch.equal(extra["keys"], features)
    assert model.network.state_dict().keys() == base.state_dict().keys()


def test_adapters_that_start_at_zero_leave_the_base_models_logits(model: Any, base: Any, sample: Any) -> None:
    model.attach_adapters(8, dropout=0.3)
    with torch.no_grad():
        torch.testing.assert_close(model.network.eval()(**sample)[0], base(**sample)[0], atol=1e-6, rtol=0)


def test_attaching_freezes_the_base_and_leaves_the_adapters_to_train_alone(model: Any, base: Any, sample: Any) -> None:
    network = model.network
    model.attach_adapters(8, dropout=0.0)
    places = {f"{side}_{number}" for side in ("encoder", "decoder") for number in (0, 1)}
    assert {name.split(".")[0] for name in network.state_dict()} == places
    assert network.state_dict().keys() == model.adapter_weights().keys()
    network.train()
    logits, _ = network(**sample)
    logits.logsumexp(-1).sum().backward()
    trained = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert trained == {f"adapters.{name}" for name in network.state_dict()}
    torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1).step()
    for name, parameter in base.named_parameters():
        side, rest = name.split(".", 1)
        assert torch.equal(getattr(network, side).get_parameter(rest), parameter), name


def test_adapters_are_attached_once(model: Any) -> None:
    for call in (model.adapter_weights, lambda: model.load_adapter_weights({})):
        with pytest.raises(ValueError, match="no adapters"):
            call()
    model.attach_adapters(8, dropout=0.0)
    with pytest.raises(ValueError, match="attached already"):
        model.attach_adapters(8, dropout=0.0)


def by_hand(base: Any, adapters: Any, source: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
    """One sentence through a post-norm Transformer, sublayer by sublayer; an adapter after each final layer norm."""
    encoder, decoder = base.encoder, base.decoder
    hidden = encoder.embed_scale * encoder.embed_tokens(source) + encoder.embed_positions(source)
    hidden = hidden.transpose(0, 1)
    for number, layer in enumerate(encoder.layers):
        attended, _ = layer.self_attn(hidden, hidden, hidden, key_padding_mask=None)
        hidden = layer.self_attn_layer_norm(hidden + attended)
        hidden = layer.final_layer_norm(hidden + layer.fc2(torch.relu(layer.fc1(hidden))))
        hidden = through(adapters[f"encoder_{number}"], hidden)
    memory = hidden
    hidden = decoder.embed_scale * decoder.embed_tokens(previous) + decoder.embed_positions(previous)
    hidden = hidden.transpose(0, 1)
    future = torch.full((len(hidden), len(hidden)), -torch.inf).triu(1)
    for number, layer in enumerate(decoder.layers):
        attended, _ = layer.self_attn(hidden, hidden, hidden, attn_mask=future)
        hidden = layer.self_attn_layer_norm(hidden + attended)
        attended, _ = layer.encoder_attn(hidden, memory, memory, static_kv=True)
        hidden = layer.encoder_attn_layer_norm(hidden + attended)
        hidden = layer.final_layer_norm(hidden + layer.fc2(torch.relu(layer.fc1(hidden))))
        hidden = through(adapters[f"decoder_{number}"], hidden)
    keys = hidden.transpose(0, 1)
    return keys @ decoder.embed_tokens.weight.t(), keys


def through(adapter: Any, hidden: Tensor) -> Tensor:
    weights = in_float64(adapter)
    rows = [adapted(vector, weights) for vector in hidden.reshape(-1, hidden.shape[-1]).double().numpy()]
    return torch.from_numpy(np.array(rows)).to(hidden.dtype).reshape(hidden.shape)


def test_the_adapter_sits_behind_each_whole_layer(tiny: Any, model: Any, base: Any) -> None:
    model.attach_adapters(8, dropout=0.2)
    give_weights(model.network)
    model.network.eval()
    dataset = model.parallel_text(tiny.domain.data, "train").dataset
    for index in (0, 8, 21):
        sample = dataset.collater([dataset[index]])["net_input"]
        with torch.no_grad():
            logits, extra = model.network(**sample)
            expected, keys = by_hand(base, model.network.adapters, sample["src_tokens"], sample["prev_output_tokens"])
        torch.testing.assert_close(extra["keys"], keys, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_an_adapter_comes_back_from_disk_as_it_was(tiny: Any, model: Any, sample: Any, tmp_path: Path) -> None:
    model.attach_adapters(8, dropout=0.3)
    give_weights(model.network)
    path = tmp_path / "adapter.safetensors"
    more = {"system": "ink", "domain": "koran", "seed": 1, "averaged": [1, 2]}
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint, **more)
    weights, metadata = read_adapter(path)
    sizes = {"encoder_layers": 2, "decoder_layers": 2, "dimension": 16, "inner_dimension": 8}
    assert metadata == {"base_model": model.base_fingerprint, **sizes, **more, "ink": __version__}
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.adapter_weights().items())
    loaded = tiny.domain.load_model(tiny.settings, adapter=path)
    assert not loaded.network.training
    assert loaded.fingerprint == model.fingerprint
    with torch.no_grad():
        assert torch.equal(loaded.network(**sample)[0], model.network.eval()(**sample)[0])


def test_a_state_dict_is_loaded_strictly_into_the_adapters(model: Any) -> None:
    model.attach_adapters(8, dropout=0.0)
    weights = {name: tensor + 1 for name, tensor in model.network.state_dict().items()}
    model.network.load_state_dict(weights)
    assert torch.equal(model.network.adapters["decoder_1"].up.bias, torch.ones(16))
    del weights["decoder_1.up.bias"]
    with pytest.raises(RuntimeError, match=r"decoder_1\.up\.bias"):
        model.network.load_state_dict(weights)


def test_an_adapter_of_another_base_model_is_refused_and_both_are_named(tiny: Any, model: Any, tmp_path: Path) -> None:
    """With what the file says of itself, and without sizes, which are the same."""
    model.attach_adapters(8, dropout=0.0)
    path = tmp_path / "adapter.safetensors"
    more = {"system": "ink", "domain": "koran", "seed": 3}
    write_adapter(path, model.adapter_weights(), base_model="0123456789abcdef", **more)
    message = (
        rf"adapter\.safetensors \(system ink, domain koran, seed 3\) was trained on base model 0123456789abcdef, "
        rf"but .*model\.pt is {model.base_fingerprint}; use the base model"
    )
    with pytest.raises(InkError, match=message):
        tiny.domain.load_model(tiny.settings, adapter=path)


@pytest.mark.failure(
    "Models and adapters",
    "an adapter of a model of another size",
    "both sizes are named: `... was trained on base model ... with 3 encoder and 1 decoder layers of dimension "
    "24, but model.pt is ... with 2 encoder and ... [adapter/other-base-model]`",
)
@pytest.mark.parametrize("says_its_size", [True, False], ids=["of this version", "of an earlier version"])
def test_an_adapter_of_a_model_of_another_size_is_refused_with_both_sizes(
    tiny: Any, model: Any, tmp_path: Path, says_its_size: bool
) -> None:
    weights = {
        f"{layer}.{name}": tensor
        for layer in ("encoder_0", "encoder_1", "encoder_2", "decoder_0")
        for name, tensor in Adapter(24, 4, dropout=0.0).state_dict().items()
    }
    path = tmp_path / "adapter.safetensors"
    if says_its_size:
        write_adapter(path, weights, base_model="0123456789abcdef", system="adapter", domain="law", seed=1)
    else:
        save_file(weights, path, metadata={"ink": '{"base_model": "0123456789abcdef", "inner_dimension": 4}'})
    with pytest.raises(InkError) as refused:
        tiny.domain.load_model(tiny.settings, adapter=path)
    origin = "system adapter, domain law, seed 1" if says_its_size else "which does not say what it was trained as"
    assert str(refused.value) == (
        f"adapter {path} ({origin}) was trained on base model 0123456789abcdef with 3 encoder and 1 decoder layers of "
        f"dimension 24, but {tiny.base_model} is {model.base_fingerprint} with 2 encoder and 2 decoder layers of "
        "dimension 16; use the base model it was trained on"
    )


def test_an_adapter_of_an_earlier_version_is_attached(tiny: Any, model: Any, tmp_path: Path) -> None:
    """Its file says base model and inner dimension, and no more."""
    model.attach_adapters(8, dropout=0.0)
    give_weights(model.network)
    metadata = json.dumps({"base_model": model.base_fingerprint, "inner_dimension": 8})
    save_file(model.adapter_weights(), tmp_path / "adapter.safetensors", metadata={"ink": metadata})
    loaded = tiny.domain.load_model(tiny.settings, adapter=tmp_path / "adapter.safetensors")
    assert loaded.fingerprint == model.fingerprint


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_an_adapter_cut_short_is_refused(model: Any, tmp_path: Path, share: float) -> None:
    model.attach_adapters(8, dropout=0.0)
    path = tmp_path / "adapter.safetensors"
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InkError, match=r"adapter.safetensors is not a whole"):
        read_adapter(path)


def test_an_adapter_of_other_layers_is_refused(tiny: Any, model: Any, tmp_path: Path) -> None:
    """Whatever its metadata say."""
    model.attach_adapters(8, dropout=0.0)
    weights, path = model.adapter_weights(), tmp_path / "adapter.safetensors"
    fewer = {name: tensor for name, tensor in weights.items() if not name.startswith("decoder_1")}
    wider = {name: torch.cat([tensor, tensor]) for name, tensor in weights.items()}
    for other in (fewer, {**weights, "decoder_2.up.bias": torch.zeros(16)}, wider):
        write_adapter(path, other, base_model=model.base_fingerprint)
        with pytest.raises(
            InkError, match=r"adapter\.safetensors \(.*\) does not fit the layers of .*model\.pt: "
        ) as refused:
            tiny.domain.load_model(tiny.settings, adapter=path)
        assert "\n" not in str(refused.value)


def test_an_absent_adapter_and_one_of_another_programme_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="does not exist"):
        read_adapter(tmp_path / "adapter.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "adapter.safetensors")
    with pytest.raises(InkError, match="not written by ink"):
        read_adapter(tmp_path / "adapter.safetensors")


@pytest.mark.failure(
    "Models and adapters",
    "an adapter with weights that are NaN or infinite",
    "`adapter ... (system ink, domain koran, seed 1): 1 of the numbers in decoder_1.up.bias are NaN or infinite; its "
    "training has diverged: train it again [model/not-finite]`",
)
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_an_adapter_whose_weights_are_no_numbers_is_refused(
    tiny: Any, model: Any, tmp_path: Path, broken: float
) -> None:
    model.attach_adapters(8, dropout=0.0)
    model.network.adapters["decoder_1"].up.bias.data[3] = broken
    path, origin = tmp_path / "a.safetensors", {"system": "ink", "domain": "koran", "seed": 1}
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint, inner_dimension=8, **origin)
    with pytest.raises(InkError) as error:
        tiny.domain.load_model(tiny.settings, adapter=path)
    assert str(error.value) == (
        f"adapter {path} (system ink, domain koran, seed 1): 1 of the numbers in decoder_1.up.bias are NaN or "
        "infinite; its training has diverged: train it again"
    )


def test_an_adapter_beyond_half_precision_is_refused_there_alone(tiny: Any, model: Any, tmp_path: Path) -> None:
    model.attach_adapters(8, dropout=0.0)
    model.network.adapters["encoder_0"].down.weight.data[0, 0] = 1e6
    path = tmp_path / "a.safetensors"
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint)
    for precision in ("fp32", "bf16"):
        assert tiny.domain.load_model(tiny.settings.changed(precision=precision), adapter=path) is not None
    with pytest.raises(InkError, match=r"a\.safetensors in fp16: 1 of the numbers in encoder_0\.down\.weight"):
        tiny.domain.load_model(tiny.settings.changed(precision="fp16"), adapter=path)
