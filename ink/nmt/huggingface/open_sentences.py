"""Which sentences of a batch a search still works on: transformers keeps the others in its batch to the last step."""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = -1e9  # what transformers gives the beams that do not exist before the first step


class OpenSentences:
    """Follows beam search step by step, from what each step may go on with.

    A sentence is over when `beam` hypotheses have ended: those that end among the `beam` best continuations of a step.
    Where two continuations have the same score, one may be counted later than transformers counts it, never earlier.
    """

    def __init__(self, sentences: int, beam: int, end: int, device: torch.device) -> None:
        self.beam, self.end = beam, end
        self._ended = torch.zeros(sentences, dtype=torch.int64, device=device)
        self._scores = torch.full((sentences, beam), NEVER, device=device)
        self._scores[:, 0] = 0.0

    def rows(self) -> Tensor:
        """Return the numbers of the rows, `beam` a sentence, of sentences that are not over."""
        return (self._ended < self.beam).repeat_interleave(self.beam).nonzero().squeeze(-1)

    def follow(self, log_probs: Tensor, tokens: Tensor) -> None:
        """Take a step: the best log-probabilities (rows, 2 * beam) of each row's next token, and these tokens' numbers.

        There may be fewer where the vocabulary has fewer.
        """
        sentences, beam = self._scores.shape
        scores = (log_probs.view(sentences, beam, -1) + self._scores.unsqueeze(-1)).flatten(1)
        best = scores.topk(min(2 * beam, scores.shape[1]), dim=-1)
        ends = tokens.view(sentences, -1).gather(-1, best.indices) == self.end
        # of equal scores transformers may have taken another
        surely = best.values > best.values[:, beam : beam + 1]
        self._ended += (ends & surely)[:, :beam].sum(-1)
        self._scores = best.values.masked_fill(ends, NEVER).topk(beam, dim=-1).values
