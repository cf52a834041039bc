"""Beam search as every backend offers it, and the hook through which neighbours take part in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ink.nmt.batches import SourceBatch


class Mixture(Protocol):
    """What the model's distribution is mixed with at every step of beam search."""

    @property
    def key(self) -> str:
        """Of which kind the queries have to be, as `ink.nmt.translation_model` names them."""
        ...

    def begin(self, batch: SourceBatch) -> None:
        """Learn which batch is searched next."""
        ...

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        """Map the model's log_probs (n, vocabulary) fp32 to the mixture's, of the same shape.

        queries: (n, dimension), the keys of the positions whose next token is sought, in the model's precision.
        sentences: (n,) int64, of which sentence of the batch each is: its place there, from 0 on.
        """
        ...


@dataclass(frozen=True)
class Translation:
    """A hypothesis: tokens (length,), end of sentence included; token_log_probs (length,), of each under beam search.

    score: (), their mean, with the length penalty, by which hypotheses are ranked.
    """

    tokens: Tensor
    token_log_probs: Tensor
    score: Tensor


class BeamSearch(Protocol):
    """Translates batches on the model's device, in eval mode."""

    def __call__(self, batch: SourceBatch) -> Sequence[Sequence[Translation]]:
        """Return the hypotheses of each sentence, best first, in the order of the batch."""
        ...
