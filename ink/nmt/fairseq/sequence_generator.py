"""Beam search with fairseq's own SequenceGenerator, the mixture inside it where there is one."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoder, FairseqEncoderDecoderModel, FairseqIncrementalDecoder
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from ink.config.sections import base_system
from ink.nmt.batches import SourceBatch
from ink.nmt.beam_search import Mixture, Translation
from ink.nmt.fairseq.key_reader import KeyReader
from ink.runtime.errors import InkError

# what SequenceGenerator asserts when the longest length is reached
NO_HYPOTHESIS_ENDED = re.compile(r"\d+ < \d+")


class FairseqBeamSearch:
    """fairseq's beam search for `network` from the config's section `decoding`."""

    def __init__(
        self,
        network: FairseqEncoderDecoderModel,
        target_dictionary: Dictionary,
        decoding: base_system.BeamSearch,
        mixture: Mixture | None = None,
    ) -> None:
        self.network = network
        self.reader = None if mixture is None else KeyReader(network.decoder, mixture.key)
        self.mixture, self.searched = mixture, network
        if mixture is not None and self.reader is not None:
            self.searched = MixedTransformer(network, self.reader, mixture)
        self.generator = SequenceGenerator(
            [self.searched],
            target_dictionary,
            beam_size=decoding.beam,
            max_len_a=decoding.max_len_a,
            max_len_b=decoding.max_len_b,
            len_penalty=decoding.length_penalty,
        )

    def __call__(self, batch: SourceBatch) -> list[list[Translation]]:
        """Return the hypotheses of each sentence, best first, in the order of the batch."""
        if self.mixture is not None:
            self.mixture.begin(batch)
        sample = {"net_input": {"src_tokens": batch.source, "src_lengths": batch.source_lengths}}
        with self.reader or nullcontext():
            return _translations(self._generate(sample))

    def _generate(self, sample: Any) -> Any:
        """Search; InkError where no hypothesis can end, since fairseq takes NaN for -inf."""
        try:
            return self.generator.generate([], sample)
        except AssertionError as error:
            if NO_HYPOTHESIS_ENDED.fullmatch(str(error)) is None:
                raise
            raise InkError(
                "the model's scores are NaN, so no translation ends: weights of the checkpoint are damaged or too "
                "large for the precision; use another checkpoint, or precision: fp32",
                code="model/not-finite",
            ) from None


class _NumberedEncoder(FairseqEncoder):
    """The model's encoder, whose output also says of which sentence of the batch each row is."""

    def __init__(self, encoder: FairseqEncoder) -> None:
        super().__init__(encoder.dictionary)
        self.encoder = encoder

    def forward(self, src_tokens: Tensor, **options: Any) -> dict[str, list[Tensor]]:
        """Return what the encoder does, and the numbers of the rows, (batch,)."""
        numbers = torch.arange(len(src_tokens), device=src_tokens.device)
        return {**self.encoder(src_tokens, **options), "sentences": [numbers]}

    def reorder_encoder_out(self, encoder_out: dict[str, list[Tensor]], new_order: Tensor) -> dict[str, list[Tensor]]:
        """Keep the rows `new_order`, in that order."""
        numbers = encoder_out["sentences"][0].index_select(0, new_order)
        return {**self.encoder.reorder_encoder_out(encoder_out, new_order), "sentences": [numbers]}

    def max_positions(self) -> int:
        return int(self.encoder.max_positions())


class _KeyedDecoder(FairseqIncrementalDecoder):
    """The model's decoder, which also hands out the keys of its last position."""

    def __init__(self, decoder: FairseqIncrementalDecoder, reader: KeyReader) -> None:
        super().__init__(decoder.dictionary)
        self.decoder = decoder
        self.reader = reader

    def forward(
        self, prev_output_tokens: Tensor, encoder_out: Any = None, incremental_state: Any = None, **options: Any
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the last position's logits (batch, 1, vocabulary) and, in the extras, keys (batch, 1, dimension) and
        the numbers of the rows' sentences (batch,).
        """
        output, extra = self.decoder.extract_features(
            prev_output_tokens, encoder_out=encoder_out, incremental_state=incremental_state, **options
        )
        keys = self.reader.read(output)[:, -1:]
        return self.decoder.output_layer(output[:, -1:]), {
            **extra,
            "keys": keys,
            "sentences": encoder_out["sentences"][0],
        }

    def max_positions(self) -> int:
        return int(self.decoder.max_positions())


class MixedTransformer(FairseqEncoderDecoderModel):
    """A model whose distribution is the mixture's, at the last position of each prefix."""

    def __init__(self, model: FairseqEncoderDecoderModel, reader: KeyReader, mixture: Mixture) -> None:
        super().__init__(_NumberedEncoder(model.encoder), _KeyedDecoder(model.decoder, reader))
        self.mixture = mixture

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Any = None) -> Tensor:
        """Return the mixture's log-probabilities (or probabilities), (batch, 1, vocabulary)."""
        logits, extra = net_output
        own = self.decoder.decoder.get_normalized_probs((logits, extra), True, sample)
        mixed = self.mixture(extra["keys"].squeeze(1), own.squeeze(1), extra["sentences"]).unsqueeze(1)
        return mixed if log_probs else mixed.exp()


def _translations(found: Any) -> list[list[Translation]]:
    return [
        [Translation(one["tokens"], one["positional_scores"], one["score"]) for one in hypotheses]
        for hypotheses in found
    ]
