"""A chosen token's probability taken apart into what the model and what each neighbour contributed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ink.combiners.combiner import LOG_ZERO, Weights
from ink.combiners.knn_mixture import KnnMixture
from ink.datastore.search import Neighbours
from ink.nmt.translation_model import TranslationModel


@dataclass(frozen=True)
class Decomposition:
    """p = lambda p_kNN + (1 - lambda) p_NMT of the chosen token at each position, float64.

    p_nmt, p_knn, interpolation (lambda), log_p: (length,); shares: (length, k), each neighbour's share of p_kNN,
    whatever its value; 0 where lambda is 0, for then no share is ever computed.
    """

    p_nmt: Tensor
    p_knn: Tensor
    interpolation: Tensor
    log_p: Tensor
    shares: Tensor


def decompose(weights: Weights, values: Tensor, chosen: Tensor, of_chosen: Tensor) -> Decomposition:
    """Take the mixture at `chosen` apart.

    weights: a combiner's, (length, k) and (length, 1); values: (length, k); chosen: (length,) tokens; of_chosen:
    (length,), log p_NMT of these. With several lambdas, as in A-kNN, theirs is what is missing to p_NMT's weight.
    """
    added, model, own = weights.neighbours.double(), weights.model.double(), of_chosen.double()
    total = torch.logsumexp(added, dim=-1, keepdim=True)
    shares = torch.where(total > LOG_ZERO / 2, (added - total).exp(), 0.0)
    agrees = values == chosen.unsqueeze(-1)
    mass = torch.logsumexp(added.masked_fill(~agrees, LOG_ZERO), dim=-1)
    return Decomposition(
        own.exp(),
        (shares * agrees).sum(-1),
        -torch.expm1(model.squeeze(-1)),
        torch.logaddexp(own + model.squeeze(-1), mass),
        shares,
    )


@torch.no_grad()
def decompose_translation(
    model: TranslationModel, mixture: KnnMixture, source: Tensor, target: Tensor
) -> tuple[Neighbours, Decomposition]:
    """Pass once over a finished translation, as beam search saw it, and take each of its tokens apart.

    source, target: (length,) token numbers, ends of sentence included. Neighbours are (target's length, k).
    """
    combiner = mixture.combiner
    passed = model.teacher_forced(model.pair(source, target), mixture.key)
    queries, log_probs = passed.keys[0].float(), passed.log_probs()[0]
    neighbours = combiner.search(mixture.searcher, queries)
    weights = combiner.votes(combiner.positions(neighbours, queries, log_probs))
    of_chosen = log_probs.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return neighbours, decompose(weights, neighbours.values, target, of_chosen)
