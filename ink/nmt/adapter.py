"""The adapter of Bapna and Firat (2019), which stands behind a layer that stays untouched, and its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ink import __version__
from ink.nmt.adapter_file import METADATA, architecture_of, metadata_of, open_adapter, origin_in_words
from ink.nmt.weights import check_finite, fingerprint
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_atomically

INITIALISATIONS = ("zero", "default")


class Adapter(nn.Module):
    """z + dropout(W2 relu(W1 LN(z) + b1) + b2), after a whole layer (Bapna and Firat 2019).

    `zero` starts W2 and b2 at zero, so that the adapted model starts as the base model; `default` keeps nn.Linear's
    own initialisation, as the released code of INK does.
    """

    def __init__(self, dimension: int, inner_dimension: int, dropout: float, initialisation: str = "zero") -> None:
        super().__init__()
        if initialisation not in INITIALISATIONS:
            raise InkError(
                f"adapter.initialisation is {initialisation!r}; allowed: {', '.join(INITIALISATIONS)}",
                code="config/value-not-allowed",
            )
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


def adapt_output(adapter: Adapter) -> Any:
    """Make the hook of a layer, which returns its hidden states bare, or first in a tuple as decoder layers may."""

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


def adapted_fingerprint(base_model: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of the base model of that fingerprint together with an adapter of these weights, fp32."""
    return fingerprint({"base." + base_model: torch.zeros(0), **weights})


def read_adapter(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read an adapter's weights and metadata.

    Raises InkError where the file is absent, cut short or no adapter, or holds weights that are not finite.
    """
    with open_adapter(path, "pt") as file:
        metadata = metadata_of(file, path)
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    check_finite(weights, f"adapter {path} {origin_in_words(metadata)}", "its training has diverged: train it again")
    return weights, metadata
