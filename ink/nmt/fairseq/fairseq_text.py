"""fairseq's dictionaries and datasets as vocabularies and parallel text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from fairseq.data import Dictionary, LanguagePairDataset
from torch import Tensor

from ink.nmt.batches import Batch, ParallelText
from ink.nmt.translation_model import Vocabulary


class FairseqVocabulary(Vocabulary):
    """A fairseq dictionary."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self.end, self.padding, self.special = dictionary.eos(), dictionary.pad(), dictionary.nspecial

    def __len__(self) -> int:
        return len(self.dictionary)

    def token(self, number: int) -> str:
        return str(self.dictionary[number])

    def encode(self, tokens: Sequence[str]) -> Tensor:
        encoded: Tensor = self.dictionary.encode_line(
            " ".join(tokens), line_tokenizer=str.split, add_if_not_exist=False
        ).long()
        return encoded

    def text(self, numbers: Tensor) -> str:
        return str(self.dictionary.string(numbers.int().cpu()))


class FairseqText(ParallelText):
    """A fairseq dataset of sentence pairs."""

    def __init__(self, dataset: LanguagePairDataset) -> None:
        self.dataset = dataset
        self.source_lengths = np.asarray(dataset.src_sizes, dtype=np.int64)
        self.padding = int(dataset.tgt_dict.pad())
        self.target_lengths = np.asarray(dataset.tgt_sizes, dtype=np.int64)

    def batch(self, sentences: Sequence[int]) -> Batch:
        return batch_of(self.dataset.collater([self.dataset[number] for number in sentences]), self.padding)


def batch_of(sample: Mapping[str, Any], padding: int) -> Batch:
    """Return fairseq's batch of sentence pairs as ink knows one."""
    given = sample["net_input"]
    source, lengths, decoder_input = (given[name] for name in ("src_tokens", "src_lengths", "prev_output_tokens"))
    return Batch(sample["id"], source, lengths, decoder_input, sample["target"], padding)
