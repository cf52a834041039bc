"""Keys: the contextualised representations at target positions that a datastore holds and decoding queries with."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ink.errors import InkError

KEY_KINDS = ("decoder_output", "ffn_input")


class KeyReader:
    """Reads keys of one kind off a decoder's forward pass.

    decoder_output: what the output layer sees, behind the last layer's adapter if there is one.
    ffn_input: the input of the last decoder layer's feed-forward network (Khandelwal et al. 2021).
    """

    def __init__(self, decoder: nn.Module, kind: str) -> None:
        if kind not in KEY_KINDS:
            raise InkError(f"datastore key kind is {kind!r}; allowed: {', '.join(KEY_KINDS)}")
        self.kind = kind
        self._ffn_input: Tensor | None = None
        self._hook: Any = None
        if kind == "ffn_input":
            self._hook = decoder.layers[-1].fc1.register_forward_pre_hook(self._remember)  # type: ignore[index, union-attr]

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

    def close(self) -> None:
        """Take the hook off the decoder."""
        if self._hook is not None:
            self._hook.remove()
