"""Queries of a batch put together by their sentences, so that each sentence's meet its own entries at once."""

from __future__ import annotations

import torch
from torch import Tensor


def grouped(queries: Tensor, sentences: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Put `queries` (n, dimension) of `sentences` (n,) together: (count, most of a sentence, dimension), filled with 0.

    count: how many sentences there are. Also returns the place (n,) of each query in its sentence's row.
    """
    counts = torch.bincount(sentences, minlength=count)
    order = sentences.argsort(stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[sentences[order]]
    rows = queries.new_zeros(count, int(counts.max()), queries.shape[-1])
    rows[sentences, place] = queries
    return rows, place
