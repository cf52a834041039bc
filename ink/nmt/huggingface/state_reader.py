"""Reading keys of either kind off a network's forward passes, in training as in beam search."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from ink.nmt.huggingface.architectures import NetworkParts
from ink.nmt.translation_model import check_kind


class StateReader:
    """Reads keys of one kind off the forward passes that are made inside `with`.

    It looks at what goes into a layer: the output layer for decoder_output, the last decoder layer's feed-forward
    network for ffn_input.
    """

    def __init__(self, parts: NetworkParts, kind: str) -> None:
        check_kind(kind)
        self._time_first = parts.time_first and kind == "ffn_input"
        self._layer: nn.Module = parts.last_ffn if kind == "ffn_input" else parts.projection
        self._seen: Tensor | None = None
        self._hook: Any = None

    def __enter__(self) -> Self:
        self._hook = self._layer.register_forward_pre_hook(self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the hook off the layer."""
        self._hook.remove()
        self._seen = None

    def read(self) -> Tensor:
        """Return the keys (batch, length, dimension) of the last forward pass."""
        if self._seen is None:
            raise ValueError("no forward pass since the reader was made")
        keys, self._seen = self._seen, None
        return keys.transpose(0, 1) if self._time_first else keys

    def _remember(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._seen = inputs[0]
