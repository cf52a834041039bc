"""What training a combiner needs of target positions, so little that a whole dev set fits into memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from ink.combiners.combiner import Combiner, Evidence
from ink.datastore.search import Neighbours


@dataclass(frozen=True)
class Positions:
    """Neighbours, what the model says, and the target, of each position; nothing as wide as the vocabulary.

    neighbours: (positions, k); evidence: (positions, ...); targets: (positions,); target_log_probs: (positions,), the
    model's of the target; mean_log_probs: (positions,), its mean over the vocabulary, for label smoothing;
    vocabulary: how many tokens that has; queries: (positions, dimension), h_t, where a combiner needs keys.
    """

    neighbours: Neighbours
    evidence: Evidence
    targets: Tensor
    target_log_probs: Tensor
    mean_log_probs: Tensor
    vocabulary: int
    queries: Tensor | None = None

    def __len__(self) -> int:
        return self.targets.numel()

    def at(self, rows: Tensor | slice) -> Positions:
        """Return the positions `rows`."""
        found: Positions = _combined([self], lambda tensors: tensors[0][rows])
        return found

    def replaced(self, rows: Tensor, others: Positions) -> Positions:
        """Return a copy in which `others` stand at `rows` (others,)."""
        found: Positions = _combined([self, others], lambda tensors: tensors[0].index_copy(0, rows, tensors[1]))
        return found


def joined(parts: Sequence[Positions]) -> Positions:
    """Put positions one after another."""
    found: Positions = _combined(parts, torch.cat)
    return found


def positions_of(
    combiner: Combiner, neighbours: Neighbours, queries: Tensor, targets: Tensor, log_probs: Tensor
) -> Positions:
    """Keep of the model's log_probs (positions, vocabulary) what training needs; keys are found again by their ids."""
    kept = Neighbours(neighbours.distances, neighbours.values, neighbours.ids, neighbours.log_probs)
    return Positions(
        kept,
        combiner.evidence(log_probs, neighbours.values),
        targets,
        log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1),
        log_probs.mean(-1),
        log_probs.shape[-1],
        queries if combiner.needs_keys else None,
    )


def _combined(values: Sequence[Any], function: Any) -> Any:
    """Apply `function` to the lists of tensors that stand in the same place; what is no tensor is the same in all."""
    first: Any = values[0]
    if isinstance(first, Tensor):
        return function(list(values))
    if not is_dataclass(first):
        return values[0]
    parts = {
        field.name: _combined([getattr(value, field.name) for value in values], function) for field in fields(first)
    }
    kind: Any = type(first)
    return kind(**parts)
