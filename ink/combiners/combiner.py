"""What every combiner takes and gives, and the mixture they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from ink.combiners.positions import LabelledPositions, ModelScores, Positions, TrainingContext
from ink.datastore.search import Neighbours, Searcher
from ink.datastore.storage import Datastore
from ink.runtime.errors import InkError

# The logarithm of nothing: finite, so that no gradient through it is NaN, and far below any that counts.
LOG_ZERO = -1e30


@dataclass(frozen=True)
class Weights:
    """What a combiner decides at each position.

    - neighbours: (..., k), log of what each neighbour adds to its value's probability. With one lambda it is log lambda
      plus the log of the neighbour's share of p_kNN; LOG_ZERO where there is no neighbour
    - model: (..., 1), log of what p_NMT is multiplied by: log (1 - lambda)
    """

    neighbours: Tensor
    model: Tensor


class Combiner(ABC):
    """Turns neighbours, queries and the model's distribution into the mixture's.

    `k` is the number of neighbours that it takes. What else it needs:

    - `needs_keys`: the neighbours' keys; distances are recomputed from these and sorted anew
    - `weighs_keys`: the keys themselves too. Where this is false it uses their distances alone, which training keeps,
      so that no key is read twice
    - `needs_log_probs`: the log-probabilities stored with the entries
    - `top_probabilities`: so many of the model's highest probabilities
    - `needs_entropy`: the entropy of the model's distribution
    - `needs_dimension`: the setting "dimension", which is then the length of the datastore's keys and of queries
    - `spare_neighbours`: so many more than k in a training batch, which `training_batch` takes away

    What it learns, if anything, is in `network`.
    """

    k: int
    needs_keys: bool = False
    weighs_keys: bool = True
    needs_log_probs: bool = False
    top_probabilities: int = 0
    needs_entropy: bool = False
    needs_dimension: bool = False
    spare_neighbours: int = 0
    network: nn.Module | None = None

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Make one, untrained, from its section of the config."""

    @abstractmethod
    def weights(self, positions: Positions) -> Weights:
        """Weigh neighbours (..., k) and model at each position."""

    def votes(self, positions: Positions) -> Weights:
        """Weigh neighbours and model as they are mixed: what stands for s entries has s times its share of p_kNN."""
        weights, log_counts = self.weights(positions), positions.neighbours.log_counts
        return weights if log_counts is None else Weights(counted(weights.neighbours, log_counts), weights.model)

    def check_datastore(self, datastore: Datastore) -> None:
        """Raise InkError where it reads keys and those of `datastore` are projected: they are no h_i any more."""
        if self.needs_keys and datastore.projection is not None:
            raise InkError(
                f"the combiner {type(self).__name__} reads keys, but those of datastore {datastore.path} are "
                "projected; use a reduction that leaves them as they are",
                code="combiner/keys-missing",
            )

    def training_batch(self, batch: LabelledPositions, update: int, context: TrainingContext) -> LabelledPositions:
        """Return `batch` as `update`, counted from 0, learns from it; validation sees all of dev as it is."""
        return batch

    def without_keys(self) -> Combiner:
        """Return the same for a datastore whose key file has been removed; InkError where it cannot do without."""
        if self.needs_keys:
            raise InkError(
                f"the combiner {type(self).__name__} cannot do without the datastore's keys",
                code="combiner/keys-missing",
            )
        return self

    def check_vocabulary(self, types: int, where: str) -> None:
        """Raise InkError, which begins with `where`, if it looks at more probabilities than a model has."""
        if (top := self.top_probabilities) > types:
            raise InkError(
                f"{where}: top_probabilities is {top}, but the model's target dictionary has {types} tokens; set it to "
                f"{types} or less",
                code="config/beyond-vocabulary",
            )

    def search(self, searcher: Searcher, queries: Tensor, *, spare: int = 0) -> Neighbours:
        """Find the k nearest neighbours of `queries` (..., dimension), and `spare` more, with what it needs of them."""
        return searcher.search(queries, self.k + spare, keys=self.needs_keys, log_probs=self.needs_log_probs)

    def positions(self, neighbours: Neighbours, queries: Tensor, log_probs: Tensor) -> Positions:
        """Put together what `weights` sees, with what it looks at of the model's log_probs (..., vocabulary)."""
        top = self.top_probabilities
        highest = log_probs.topk(top, dim=-1).values if top else log_probs[..., :0]
        entropy = torch.special.entr(log_probs.exp()).sum(-1) if self.needs_entropy else None
        return Positions(neighbours, queries, ModelScores(log_probs.gather(-1, neighbours.values), highest, entropy))

    def __call__(self, neighbours: Neighbours, queries: Tensor, log_probs: Tensor) -> Tensor:
        """Map log_probs (..., vocabulary) of the model to those of the mixture, of the same shape."""
        positions = self.positions(neighbours, queries, log_probs)
        values, of_values = neighbours.values, positions.scores.value_log_probs
        return mixture(log_probs, self.votes(positions), values, of_values)


def mixture(log_probs: Tensor, weights: Weights, values: Tensor, of_values: Tensor) -> Tensor:
    """Return the log of the mixture, (..., vocabulary), in the type of `log_probs`.

    log_probs: (..., vocabulary) of the model; values: (..., k); of_values: (..., k), log_probs at `values`. Only these
    k places differ from p_NMT times its weight. Neighbours of equal value all carry that value's whole mass, so the
    scatter may take any of them; gradients go through the first of them alone.
    """
    model = weights.model.to(log_probs.dtype)
    at_places = at_values(Weights(weights.neighbours.to(log_probs.dtype), model), values, of_values)
    if at_places.requires_grad:
        # scatter hands a place's gradient to every neighbour that writes there: the mass would count that often
        at_places = torch.where(_first_with_its_value(values), at_places, at_places.detach())
    return (log_probs + model).scatter_(-1, values, at_places)


def _first_with_its_value(values: Tensor) -> Tensor:
    """Tell which of the places hold a value that none before them holds, (..., k)."""
    return ~(values.unsqueeze(-1) == values.unsqueeze(-2)).tril(diagonal=-1).any(-1)


def at_values(weights: Weights, values: Tensor, of_values: Tensor) -> Tensor:
    """Return the log of the mixture at each neighbour's value, (..., k)."""
    return torch.logaddexp(of_values + weights.model, log_mass(weights.neighbours, values))


def log_mass(log_weights: Tensor, values: Tensor) -> Tensor:
    """Return, for each neighbour, the log of the summed weight of all neighbours with its value, (..., k)."""
    same = values.unsqueeze(-1) == values.unsqueeze(-2)
    return torch.logsumexp(log_weights.unsqueeze(-2).masked_fill(~same, LOG_ZERO), dim=-1)


def counted(log_weights: Tensor, log_counts: Tensor) -> Tensor:
    """Return log weights (..., k) times exp(log_counts), whose sum, lambda, stays what it is."""
    votes = log_weights + log_counts
    given = torch.logsumexp(log_weights, dim=-1, keepdim=True)
    return (given + votes - torch.logsumexp(votes, dim=-1, keepdim=True)).clamp(min=LOG_ZERO)


def log_shares(scores: Tensor, present: Tensor) -> Tensor:
    """Return the log of each neighbour's share, softmax(scores) over those present: (..., k), else LOG_ZERO.

    scores: (..., k), finite everywhere. A position without any neighbour gets LOG_ZERO everywhere.
    """
    return torch.log_softmax(scores.masked_fill(~present, LOG_ZERO), dim=-1).masked_fill(~present, LOG_ZERO)


def weights_of(log_lambda: Tensor, log_rest: Tensor, shares: Tensor, present: Tensor) -> Weights:
    """Put together log lambda and log (1 - lambda), (..., 1), and log shares of p_kNN (..., k).

    A position without any neighbour stays with the model.
    """
    any_present = present.any(-1, keepdim=True)
    neighbours = (log_lambda + shares).clamp(min=LOG_ZERO).masked_fill(~present, LOG_ZERO)
    return Weights(neighbours, log_rest.masked_fill(~any_present, 0.0))
