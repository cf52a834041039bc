"""Which of transformers' encoder-decoders ink works with, and what differs among them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import (
    FSMTConfig,
    FSMTForConditionalGeneration,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
    PretrainedConfig,
    PreTrainedModel,
)

from ink.runtime.errors import InkError


class FSMT(FSMTForConditionalGeneration):
    """transformers' FSMT, whose decoder is given the whole prefix at every step of beam search.

    The decoder takes the last token of it on its own, after it has seen which position that has. transformers 4.57
    hands it the last token alone, which then always stands at the first position.
    """

    def prepare_inputs_for_generation(self, input_ids: Tensor, **kwargs: Any) -> dict[str, Any]:
        """Return what one step of beam search is computed from; input_ids: (beams, length), the prefixes."""
        named = ("past_key_values", "attention_mask", "encoder_outputs", "use_cache", "cache_position")
        return {"input_ids": None, "decoder_input_ids": input_ids, **{name: kwargs.get(name) for name in named}}


@dataclass(frozen=True)
class Architecture:
    """One of transformers' models.

    tokenisers: transformers' classes of its tokenisers, by name, the usual one first. bounded: whether it has no
    positions beyond those that it was made with. unsaved: endings of weights that a checkpoint may lack, for they
    follow from the settings. norm_first: whether its layers normalise before each block, and not after.
    """

    config: type[PretrainedConfig]
    network: type[PreTrainedModel]
    tokenisers: tuple[str, ...]
    bounded: bool
    unsaved: tuple[str, ...] = ()
    norm_first: bool = False


ARCHITECTURES = {
    "fsmt": Architecture(FSMTConfig, FSMT, ("FSMTTokenizer",), False, ("embed_positions.weight",)),
    "marian": Architecture(
        MarianConfig, MarianMTModel, ("MarianTokenizer",), True, ("embed_positions.weight", "final_logits_bias")
    ),
    "m2m_100": Architecture(
        M2M100Config, M2M100ForConditionalGeneration, ("M2M100Tokenizer", "NllbTokenizer"), False, norm_first=True
    ),
    "mbart": Architecture(
        MBartConfig,
        MBartForConditionalGeneration,
        ("MBartTokenizer", "MBart50Tokenizer"),
        True,
        ("final_logits_bias",),
        norm_first=True,
    ),
}
SUPPORTED = "use one of FSMT, Marian (OPUS-MT), M2M100, NLLB or mBART"


def architecture_of(config: Mapping[str, Any], origin: Path) -> Architecture:
    """Return the architecture that a model's config.json names.

    Raises InkError where ink does not work with it, or the model brings code of its own.
    """
    if config.get("auto_map") or config.get("custom_pipelines"):
        raise InkError(
            f"{origin} brings Python code of its own (auto_map), which is not run; {SUPPORTED}", code="model/unsafe"
        )
    named = config.get("model_type")
    if named in ARCHITECTURES:
        return ARCHITECTURES[named]
    if config.get("is_encoder_decoder") is not True:
        raise InkError(
            f"{origin} is of the type {named!r}, which is no encoder-decoder; {SUPPORTED}", code="model/unsupported"
        )
    raise InkError(f"{origin} is of the type {named!r}, which is not supported; {SUPPORTED}", code="model/unsupported")


class NetworkParts:
    """Where a network has what keys, adapters and probabilities are of.

    projection: the output layer, without a bias that is added to its logits. projects_inside: whether the decoder's own
    forward pass goes through it. time_first: whether its layers have (length, batch, dimension).
    """

    def __init__(self, network: Any) -> None:
        self.encoder, self.decoder = network.get_encoder(), network.get_decoder()
        self.projects_inside = self.time_first = isinstance(network, FSMTForConditionalGeneration)
        self.projection = self.decoder.output_projection if self.projects_inside else network.lm_head
        self._network = network

    @property
    def last_ffn(self) -> Any:
        """What the last decoder layer's feed-forward network begins with."""
        return self.decoder.layers[-1].fc1

    def project(self, decoder_output: Tensor) -> Tensor:
        """Return the logits (..., vocabulary) of (..., dimension)."""
        logits: Tensor = self.projection(decoder_output)
        bias = getattr(self._network, "final_logits_bias", None)
        return logits if bias is None else logits + bias.to(logits.dtype)

    def decoder_output(self, **inputs: Any) -> Tensor:
        """Pass through encoder and decoder and return what the output layer reads, (batch, length, dimension)."""
        if self.projects_inside:
            self.projection.forward = types.MethodType(_unprojected, self.projection)
        try:
            found: Tensor = self._network.model(**inputs, use_cache=False, return_dict=True).last_hidden_state
        finally:
            if self.projects_inside:
                del self.projection.forward
        return found


def _unprojected(_projection: Any, hidden: Tensor) -> Tensor:
    return hidden
