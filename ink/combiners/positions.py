"""What combiners see of target positions: neighbours, queries and the model's scores; in training, targets as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from ink.datastore.search import Neighbours


@dataclass(frozen=True)
class ModelScores:
    """What the model itself says at each position, as far as combiners look at it.

    value_log_probs: (..., k), log p_NMT(v_i | h_t) of each neighbour's value; top_log_probs: (..., top), its highest
    log p_NMT. On request: entropy (...), that of p_NMT(. | h_t) in nats.
    """

    value_log_probs: Tensor
    top_log_probs: Tensor
    entropy: Tensor | None = None


@dataclass(frozen=True)
class Positions:
    """What a combiner sees: neighbours (..., k); queries (..., dimension), h_t in fp32; the model's scores."""

    neighbours: Neighbours
    queries: Tensor
    scores: ModelScores

    def select(self, ranks: Tensor) -> Self:
        """Keep of each position the neighbours at `ranks` (..., any number), in that order."""
        scores = replace(self.scores, value_log_probs=self.scores.value_log_probs.gather(-1, ranks))
        return replace(self, neighbours=self.neighbours.select(ranks), scores=scores)


@dataclass(frozen=True)
class LabelledPositions(Positions):
    """Positions with their targets, so little of each that a whole dev set fits into memory.

    - neighbours: (positions, k)
    - targets: (positions,)
    - target_log_probs: (positions,), the model's log-probability of the target
    - mean_log_probs: (positions,), the mean of the model's log-probabilities over the vocabulary, for label smoothing
    - vocabulary: the number of target types
    """

    targets: Tensor
    target_log_probs: Tensor
    mean_log_probs: Tensor
    vocabulary: int

    def __len__(self) -> int:
        return self.targets.numel()

    def at(self, rows: Tensor | slice) -> LabelledPositions:
        """Return the positions `rows`."""
        found: LabelledPositions = _combined([self], lambda tensors: tensors[0][rows])
        return found

    def replaced(self, rows: Tensor, new: LabelledPositions) -> LabelledPositions:
        """Return a copy in which `new` stand at `rows` (new,)."""
        found: LabelledPositions = _combined([self, new], lambda tensors: tensors[0].index_copy(0, rows, tensors[1]))
        return found

    def nearest(self, k: int) -> LabelledPositions:
        """Keep the k nearest neighbours of each position."""
        ids = self.neighbours.ids
        if ids.shape[-1] == k:
            return self
        return self.select(torch.arange(k, device=ids.device).expand(len(self), k))


@dataclass(frozen=True)
class TrainingContext:
    """What a combiner may use beside a training batch.

    - generator: for its random draws
    - keys: maps the ids (...) of entries to their keys (..., dimension); -1 gives the key of entry 0
    - log_probs: maps keys (n, dimension) and values (n,) to the model's log p(value | key), (n,)
    """

    generator: torch.Generator
    keys: Callable[[Tensor], Tensor]
    log_probs: Callable[[Tensor, Tensor], Tensor]


def joined(parts: Sequence[LabelledPositions]) -> LabelledPositions:
    """Put positions one after another."""
    found: LabelledPositions = _combined(parts, torch.cat)
    return found


def labelled(positions: Positions, targets: Tensor, log_probs: Tensor) -> LabelledPositions:
    """Keep of the model's log_probs (positions, vocabulary) what training needs; keys are found again by their ids."""
    return LabelledPositions(
        replace(positions.neighbours, keys=None),
        positions.queries,
        positions.scores,
        targets,
        log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1),
        log_probs.mean(-1),
        log_probs.shape[-1],
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
