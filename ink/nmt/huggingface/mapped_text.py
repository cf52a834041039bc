"""A split of a prepared corpus in the numbers of a Hugging Face model, mapped from the disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ink.corpus.indexed_tokens import map_tokens
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.corpus.token_list import TokenList
from ink.nmt.batches import Batch, ParallelText


class MappedText(ParallelText):
    """Sentence pairs as they are on the disk; padding stands on the right, and sentences in the order asked for.

    source, target: the model's tokens.
    """

    def __init__(self, data: PreparedCorpus, split: str, source: TokenList, target: TokenList) -> None:
        self.source, self.target = source, target
        lengths = [data.check_whole(split, language).astype(np.int64) for language in data.languages]
        self.source_lengths, self.target_lengths = lengths
        self._starts = [np.concatenate([[0], np.cumsum(of_side)]) for of_side in lengths]
        files = [[data.file(split, language, kind) for kind in ("bin", "idx")] for language in data.languages]
        # an empty file cannot be mapped
        self._tokens = [map_tokens(*of_side) if len(lengths[0]) else np.empty(0, np.int64) for of_side in files]

    def batch(self, sentences: Sequence[int]) -> Batch:
        sources, targets = ([self._sentence(side, number) for number in sentences] for side in (0, 1))
        return batch_of(torch.tensor([*sentences], dtype=torch.int64), sources, targets, self.source, self.target)

    def _sentence(self, side: int, number: int) -> Tensor:
        place = slice(self._starts[side][number], self._starts[side][number + 1])
        return torch.from_numpy(self._tokens[side][place].astype(np.int64))


def batch_of(
    numbers: Tensor, sources: Sequence[Tensor], targets: Sequence[Tensor], source: TokenList, target: TokenList
) -> Batch:
    """Put sentence pairs, whose `numbers` are (pairs,), together on their device."""
    # what the decoder has read before its first token, it reads first
    inputs = [torch.cat([one.new_tensor(target.start[-1:]), one[:-1]]) for one in targets]
    lengths = sources[0].new_tensor([len(one) for one in sources])
    return Batch(
        numbers.to(lengths.device),
        padded(sources, source.padding),
        lengths,
        padded(inputs, target.padding),
        padded(targets, target.padding),
        target.padding,
    )


def padded(rows: Sequence[Tensor], padding: int) -> Tensor:
    """Return rows of numbers as one tensor, (rows, longest)."""
    return pad_sequence([*rows], batch_first=True, padding_value=padding)
