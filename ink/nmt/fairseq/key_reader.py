"""Reading keys of either kind off a fairseq decoder's forward pass."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from ink.nmt.translation_model import check_kind


class KeyReader:
    """Reads keys of one kind off the forward passes of a decoder that are made inside `with`."""

    def __init__(self, decoder: nn.Module, kind: str) -> None:
        check_kind(kind)
        self.kind = kind
        self.decoder = decoder
        self._ffn_input: Tensor | None = None
        self._hook: Any = None

    def __enter__(self) -> Self:
        if self.kind == "ffn_input":
            layers: Any = self.decoder.layers
            self._hook = layers[-1].fc1.register_forward_pre_hook(self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the hook off the decoder."""
        if self._hook is not None:
            self._hook.remove()
        self._ffn_input = None

    def _remember(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._ffn_input = inputs[0]

    def read(self, decoder_output: Tensor) -> Tensor:
        """Return the keys (batch, length, dimension) of the forward pass that gave `decoder_output` of that shape."""
        if self.kind == "decoder_output":
            return decoder_output
        if self._ffn_input is None:
            raise ValueError("no forward pass since the reader was made")
        keys, self._ffn_input = self._ffn_input.transpose(0, 1), None
        return keys
