"""The adapter of Bapna and Firat (2019), attached to an untouched fairseq Transformer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq.models import FairseqEncoderDecoderModel
from safetensors.torch import save_file
from torch import Tensor, nn

from ink import __version__
from ink.errors import InkError
from ink.files import write_atomically
from ink.nmt.adapter_file import METADATA, architecture_of, metadata_of, open_adapter, origin_in_words
from ink.nmt.finite import check_finite
from ink.nmt.precision import dtype_of

INITIALISATIONS = ("zero", "default")

# Gives adapters' fp32 weights by name where the network itself has them in half precision.
FullPrecision = Callable[[], Mapping[str, Tensor]]


class Adapter(nn.Module):
    """z + dropout(W2 relu(W1 LN(z) + b1) + b2), after a whole layer (Bapna and Firat 2019).

    `zero` starts W2 and b2 at zero, so that the adapted model starts as the base model; `default` keeps nn.Linear's
    own initialisation, as the released code of INK does.
    """

    def __init__(self, dimension: int, inner_dimension: int, dropout: float, initialisation: str = "zero") -> None:
        super().__init__()
        if initialisation not in INITIALISATIONS:
            raise InkError(f"adapter.initialisation is {initialisation!r}; allowed: {', '.join(INITIALISATIONS)}")
        self.layer_norm = nn.LayerNorm(dimension)
        self.down = nn.Linear(dimension, inner_dimension)
        self.up = nn.Linear(inner_dimension, dimension)
        self.dropout = nn.Dropout(dropout)
        if initialisation == "zero":
            nn.init.zeros_(self.up.weight)
            nn.init.zeros_(self.up.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map `hidden` (..., dimension) to the same shape."""
        return hidden + self.dropout(self.up(torch.relu(self.down(self.layer_norm(hidden)))))


class AdaptedTransformer(FairseqEncoderDecoderModel):
    """A fairseq Transformer whose layers may carry adapters, and whose forward pass also returns the keys.

    Adapters are forward hooks on the layers: the base model's modules, parameter names and code stay as they are.
    With adapters attached the base is frozen and `state_dict` holds the adapters alone, so a training checkpoint
    is as small as what it trains.
    """

    def __init__(self, base: FairseqEncoderDecoderModel) -> None:
        super().__init__(base.encoder, base.decoder)
        self.adapters: nn.ModuleDict | None = None
        self._full_precision: FullPrecision | None = None

    @property
    def has_adapters(self) -> bool:
        return self.adapters is not None

    def attach_adapters(self, inner_dimension: int, dropout: float, initialisation: str = "zero") -> None:
        """Put an adapter behind every encoder and decoder layer and freeze everything else."""
        if self.adapters is not None:
            raise ValueError("adapters are attached already")
        self.requires_grad_(False)
        adapters = nn.ModuleDict()
        for side in ("encoder", "decoder"):
            for number, layer in enumerate(getattr(self, side).layers):
                dimension = layer.fc2.out_features
                adapter = Adapter(dimension, inner_dimension, dropout, initialisation)
                adapters[f"{side}_{number}"] = adapter
                layer.register_forward_hook(_adapt_output(adapter))
        self.adapters = adapters

    def adapter_weights(self) -> dict[str, Tensor]:
        """Return the adapters' weights by name, in fp32 in whatever precision the network computes."""
        if self.adapters is None:
            raise ValueError("no adapters are attached")
        if self._full_precision is not None:
            return {name: tensor.detach() for name, tensor in self._full_precision().items()}
        return {name: tensor.detach() for name, tensor in self.adapters.state_dict().items()}

    @property
    def adapter_parameters(self) -> int | None:
        """How many parameters the adapters have; None without them."""
        return None if self.adapters is None else sum(weights.numel() for weights in self.adapters.parameters())

    def load_adapter_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take these weights; a network in half precision rounds them and keeps them beside as they are."""
        if self.adapters is None:
            raise ValueError("no adapters are attached")
        self.adapters.load_state_dict(dict(weights), strict=True)
        kept = dict(weights)
        self._full_precision = None if dtype_of(self) == torch.float32 else lambda: kept

    def take_adapter_weights_from(self, full_precision: FullPrecision) -> None:
        """Let `adapter_weights` ask `full_precision` from now on: a training in half precision that holds them."""
        self._full_precision = full_precision

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor, prev_output_tokens: Tensor, **_: Any
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return logits (batch, length, vocabulary) and extras, in which "keys" is (batch, length, dimension)."""
        encoder_out = self.encoder(src_tokens, src_lengths=src_lengths)
        keys, extra = self.decoder.extract_features(prev_output_tokens, encoder_out=encoder_out)
        return self.decoder.output_layer(keys), {**extra, "keys": keys}

    def state_dict(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        if self.adapters is None:
            return super().state_dict(*arguments, **options)
        return self.adapters.state_dict(*arguments, **options)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, model_cfg: Any = None, args: Any = None
    ) -> Any:
        if self.adapters is None:
            return super().load_state_dict(state_dict, strict=strict, model_cfg=model_cfg, args=args)
        return self.adapters.load_state_dict(state_dict, strict=strict)


def _adapt_output(adapter: Adapter) -> Any:
    """Make the hook: a decoder layer returns its hidden states first in a tuple, an encoder layer mostly bare."""

    def hook(_layer: nn.Module, _inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (adapter(output[0]), *output[1:])
        return adapter(output)

    return hook


def write_adapter(path: Path, weights: Mapping[str, Tensor], *, base_model: str, **metadata: Any) -> None:
    """Write adapters as one safetensors file that says what it is: `ink.nmt.adapter_file.metadata_of` lists what.

    The same weights and metadata give the same bytes.
    """
    architecture = architecture_of({name: tensor.shape for name, tensor in weights.items()})
    described = {"base_model": base_model, **architecture, **metadata, "ink": __version__}
    plain = {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in weights.items()}
    with write_atomically(path) as temporary:
        save_file(plain, temporary, metadata={METADATA: json.dumps(described)})


def read_adapter(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read an adapter's weights and metadata.

    Raises InkError where the file is absent, cut short or no adapter, or holds weights that are no numbers.
    """
    with open_adapter(path, "pt") as file:
        metadata = metadata_of(file, path)
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    check_finite(weights, f"adapter {path} {origin_in_words(metadata)}", "its training has diverged: train it again")
    return weights, metadata
