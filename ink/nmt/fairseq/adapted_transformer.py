"""A fairseq Transformer that adapters may be attached to, in the shape in which fairseq's Trainer takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairseq.models import FairseqEncoderDecoderModel
from torch import Tensor, nn


class AdaptedTransformer(FairseqEncoderDecoderModel):
    """A fairseq Transformer whose layers may carry adapters, and whose forward pass also returns the keys.

    The base model's modules, parameter names and code stay as they are. With adapters attached `state_dict` holds
    these alone, so that a training checkpoint is as small as what it trains.
    """

    def __init__(self, base: FairseqEncoderDecoderModel) -> None:
        super().__init__(base.encoder, base.decoder)
        self.adapters: nn.ModuleDict | None = None

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
