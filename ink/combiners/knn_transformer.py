"""A Transformer whose distribution is a combiner's mixture, in the shape that fairseq's beam search takes."""

from __future__ import annotations

from typing import Any

from fairseq.models import FairseqEncoderDecoderModel, FairseqIncrementalDecoder
from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.datastore.search import Searcher
from ink.nmt.keys import KeyReader


class _KeyedDecoder(FairseqIncrementalDecoder):
    """The model's decoder, which also hands out the keys of its last position."""

    def __init__(self, decoder: FairseqIncrementalDecoder, key: str) -> None:
        super().__init__(decoder.dictionary)
        self.decoder = decoder
        self.reader = KeyReader(decoder, key)

    def forward(
        self, prev_output_tokens: Tensor, encoder_out: Any = None, incremental_state: Any = None, **options: Any
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the last position's logits (batch, 1, vocabulary) and, in the extras, keys (batch, 1, dimension)."""
        output, extra = self.decoder.extract_features(
            prev_output_tokens, encoder_out=encoder_out, incremental_state=incremental_state, **options
        )
        keys = self.reader.read(output)[:, -1:]
        return self.decoder.output_layer(output[:, -1:]), {**extra, "keys": keys}

    def max_positions(self) -> int:
        return int(self.decoder.max_positions())


class KnnTransformer(FairseqEncoderDecoderModel):
    """Wraps a model so that each decoding step searches the datastore and mixes in p_kNN."""

    def __init__(self, model: FairseqEncoderDecoderModel, searcher: Searcher, combiner: Combiner) -> None:
        super().__init__(model.encoder, _KeyedDecoder(model.decoder, searcher.datastore.meta.key))
        self.searcher = searcher
        self.combiner = combiner

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Any = None) -> Tensor:
        """Return the mixture's log-probabilities (or probabilities), (batch, length, vocabulary)."""
        logits, extra = net_output
        own = self.decoder.decoder.get_normalized_probs((logits, extra), True, sample)
        queries = extra["keys"].float()
        mixed = self.combiner(self.combiner.search(self.searcher, queries), queries, own)
        return mixed if log_probs else mixed.exp()

    def close(self) -> None:
        """Leave the wrapped model as it was."""
        self.decoder.reader.close()
