"""Parallel text as a model sees it: token numbers of sentence pairs, in batches of similar length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class SourceBatch:
    """Sentences to translate, padded to the longest, in whatever order and on whichever side the backend pads.

    sentences: (batch,), their numbers in the split; source: (batch, source length) int64, ends of sentence included;
    source_lengths: (batch,), without padding. All are on one device.
    """

    sentences: Tensor
    source: Tensor
    source_lengths: Tensor

    def to(self, device: torch.device) -> Self:
        """Return the batch on `device`."""
        if device.type == "cpu":
            return self
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for name, value in values.items()
        }
        return type(self)(**moved)


@dataclass(frozen=True)
class Batch(SourceBatch):
    """Sentence pairs, as a model learns from them or passes over them with the references as input.

    - decoder_input: (batch, target length) int64, what the decoder reads at each position
    - target: of the same shape, what it is to say there, end of sentence included
    - padding: the number that fills targets up
    """

    decoder_input: Tensor
    target: Tensor
    padding: int

    @property
    def real(self) -> Tensor:
        """Where there is a target and no padding, (batch, length)."""
        return self.target.ne(self.padding)


class ParallelText(ABC):
    """A split of a prepared corpus. source_lengths, target_lengths: (sentences,), ends of sentence included."""

    source_lengths: NDArray[np.int64]
    target_lengths: NDArray[np.int64]

    @abstractmethod
    def batch(self, sentences: Sequence[int]) -> Batch:
        """Put these sentences together, on the CPU; `Batch.sentences` says in which order they are."""

    def __len__(self) -> int:
        return len(self.source_lengths)

    @property
    def longer_sides(self) -> NDArray[np.int64]:
        """How many tokens each sentence has on its longer side, (sentences,)."""
        return np.maximum(self.source_lengths, self.target_lengths)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """The first target position of each sentence and, last, the number of positions: (sentences + 1,)."""
        return np.concatenate([[0], np.cumsum(self.target_lengths)])

    def part(self, sentences: Sequence[int]) -> ParallelText:
        """Return these different sentences as a text of their own, in this order and numbered anew from 0."""
        return _Part(self, sentences)


class _Part(ParallelText):
    def __init__(self, whole: ParallelText, sentences: Sequence[int]) -> None:
        self.whole, self.sentences = whole, np.array(sentences, dtype=np.int64)
        self.source_lengths = whole.source_lengths[self.sentences]
        self.target_lengths = whole.target_lengths[self.sentences]

    def batch(self, sentences: Sequence[int]) -> Batch:
        places = {int(self.sentences[place]): place for place in sentences}
        batch = self.whole.batch(list(places))
        return replace(batch, sentences=torch.tensor([places[number] for number in batch.sentences.tolist()]))


def batches_by_length(text: ParallelText, batch_tokens: int) -> list[list[int]]:
    """Group sentences of similar length so that a batch, padding included, holds about `batch_tokens` tokens a side."""
    sizes = text.longer_sides
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for index in np.argsort(sizes, kind="stable").tolist():
        longest = max(longest, int(sizes[index]))
        if batch and longest * (len(batch) + 1) > batch_tokens:
            batches.append(batch)
            batch, longest = [], int(sizes[index])
        batch.append(index)
    if batch:
        batches.append(batch)
    return batches
