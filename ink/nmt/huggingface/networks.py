"""A network of transformers' from its settings and weights, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, PretrainedConfig
from transformers.utils import logging

from ink.nmt.huggingface.architectures import SUPPORTED, Architecture, NetworkParts, architecture_of
from ink.nmt.weights import check_finite, fingerprint
from ink.runtime.errors import InkError

# what older versions saved and nothing reads: tables of sines, and version numbers
_LEFT_OVER = ("embed_positions.weights", "embed_positions._float_tensor", ".version")
_EMBEDDINGS = ("shared.weight", "embed_tokens.weight")
# the settings that say how large a network is
_SIZES = (
    *("d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim", "decoder_ffn_dim"),
    *("encoder_attention_heads", "decoder_attention_heads", "max_position_embeddings"),
)
# Of a model that is trained here every layer takes part in every update: adapters stand behind each.
_NO_LAYERS_DROPPED = {"encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0}
_NOT_BUILT_FROM = ("generation", "torch_dtype", "dtype", "attn_implementation", "quantization_config")
_LARGEST = 1 << 20


def load_network(
    origin: Path, settings: Mapping[str, Any], weights: Mapping[str, Tensor], dropout: float | None
) -> tuple[Architecture, Any]:
    """Return the architecture and the network, in fp32, of a model that has been read from `origin`.

    `dropout` takes the place of the settings' own. Raises InkError where ink does not work with the model, or the
    weights do not belong to its settings or are no numbers.
    """
    architecture = architecture_of(settings, origin)
    _check_sizes(origin, settings, weights)
    given = {} if dropout is None else {"dropout": dropout}
    network = make_network(origin, settings, given)
    _load(origin, network, architecture, weights)
    check_finite(network.state_dict(), f"checkpoint {origin}", "the file is damaged: fetch the model again")
    return architecture, network


def make_network(origin: Path, settings: Mapping[str, Any], changed: Mapping[str, Any]) -> Any:
    """Make a network with fresh weights from a model's settings, some of them changed."""
    architecture = architecture_of(settings, origin)
    # how to compute is chosen here, and an implementation that a stranger names may be code from elsewhere
    stated = {
        name: value for name, value in settings.items() if not name.startswith("_") and name not in _NOT_BUILT_FROM
    }
    try:
        logging.set_verbosity_error()
        config: PretrainedConfig = architecture.config.from_dict({**stated, **_NO_LAYERS_DROPPED, **changed})
        network: Any = architecture.network(config)
    except Exception as error:  # whatever a stranger's settings make of transformers' code
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InkError(
            f"{origin}: no network can be built from its settings ({reason}); {SUPPORTED}", code="model/unsupported"
        ) from None
    parts = NetworkParts(network)
    # by this name beam search asks how many types the target has, which a model of two vocabularies has by another
    network.config.vocab_size = parts.projection.weight.shape[0]
    # of beam search nothing is taken from the model's own settings but what is asked for
    network.generation_config = GenerationConfig()
    return network.float()


def network_fingerprint(network: Any) -> str:
    """Return the fingerprint of a network's weights; one that several modules share has the first of their names."""
    found: dict[int, str] = {}
    weights = network.state_dict()
    for name, tensor in weights.items():
        found.setdefault(tensor.data_ptr(), name)
    return fingerprint({name: weights[name] for name in found.values()})


def _check_sizes(origin: Path, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Refuse settings of a network that is larger than the weights, before it is built."""
    for name in _SIZES:
        if type(value := settings.get(name)) is not int or not 0 < value < _LARGEST:
            raise InkError(
                f"{origin}: {name} in its settings is {value!r}, and should be a number; {SUPPORTED}",
                code="model/unsupported",
            )
    for side in ("encoder", "decoder"):
        numbers = [int(found.group(1)) for name in weights if (found := re.search(rf"{side}\.layers\.(\d+)\.", name))]
        if (held := max(numbers, default=-1) + 1) != (stated := settings[f"{side}_layers"]):
            raise InkError(
                f"{origin}: its settings say {stated} {side} layers, and it has weights of {held}; fetch the model "
                "again",
                code="model/weights-mismatch",
            )
    embeddings = {tuple(tensor.shape) for name, tensor in weights.items() if name.endswith(_EMBEDDINGS)}
    sizes = [settings.get(name) for name in ("vocab_size", "src_vocab_size", "tgt_vocab_size", "decoder_vocab_size")]
    expected = {(size, settings["d_model"]) for size in sizes if type(size) is int}
    if not embeddings or not embeddings <= expected:
        held_in = " and ".join("x".join(map(str, shape)) for shape in sorted(embeddings)) or "none"
        raise InkError(
            f"{origin}: its embeddings are {held_in}, and its settings say otherwise; fetch the model again",
            code="model/weights-mismatch",
        )


def _load(origin: Path, network: Any, architecture: Architecture, weights: Mapping[str, Tensor]) -> None:
    expected = network.state_dict()
    kind = type(network).__name__
    for name, tensor in weights.items():
        if name in expected and tensor.shape != expected[name].shape:
            found, wanted = ("x".join(map(str, shape)) for shape in (tensor.shape, expected[name].shape))
            raise InkError(
                f"{origin}: {name} is {found} and should be {wanted}, as its settings say; fetch the model again",
                code="model/weights-mismatch",
            )
    if more := [name for name in weights if name not in expected and not name.endswith(_LEFT_OVER)]:
        raise InkError(
            f"{origin} holds weights for which {kind} has no place: {more[0]}; {SUPPORTED}",
            code="model/weights-mismatch",
        )
    # a weight that is tied to another is one tensor under several names
    loaded: dict[int, str] = {}
    for name in weights.keys() & expected.keys():
        first = loaded.setdefault(expected[name].data_ptr(), name)
        if first != name and not torch.equal(weights[first], weights[name]):
            raise InkError(
                f"{origin}: {first} and {name} differ, and are one in a {kind} of its settings; {SUPPORTED}",
                code="model/weights-mismatch",
            )
    fewer = [
        name
        for name, tensor in expected.items()
        if name not in weights and tensor.data_ptr() not in loaded and not name.endswith(architecture.unsaved)
    ]
    if fewer:
        raise InkError(
            f"{origin} lacks weights of {kind}: {fewer[0]}; fetch the model again", code="model/weights-mismatch"
        )
    network.load_state_dict({name: tensor for name, tensor in weights.items() if name in expected}, strict=False)
