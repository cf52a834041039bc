"""Losses over neighbours, on positions of a batch without padding: INK's terms (Zhu et al. 2023, equations 3 to 5), and
the divergence from p_kNN that it shares with kNN-KD (Yang et al. 2022).

INK's kernel is kappa(a, b) = exp(cos(a, b)); p_kNN(y) is the share of kernel mass on neighbours with value y. Gradients
reach the queries h_t through every term; stored keys get none.

Shapes: queries (positions, dimension); keys (positions, k, dimension); values (positions, k); present (positions, k),
false where the index returned fewer than k; log_probs (positions, vocabulary) of the model; targets (positions,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ink.combiners.combiner import LOG_ZERO, log_mass, log_shares

# The released code takes no more neighbours than this into L_i.
RELEASED_NEIGHBOURS_OF_L_I = 8


def smoothed_cross_entropy(
    log_probs: Tensor, target: Tensor, real: Tensor, label_smoothing: float
) -> tuple[Tensor, Tensor]:
    """Return label-smoothed cross-entropy and negative log-likelihood, summed over positions, operation by operation
    as fairseq does.

    (1 - eps - eps') (-log p(y_t)) + eps' sum over y of -log p(y), with eps' = eps / (vocabulary - 1). log_probs:
    (batch * length, vocabulary); target: (batch, length); real: (batch, length), true where not padding.
    """
    padding = ~real.reshape(-1, 1)
    likelihood = -log_probs.gather(dim=-1, index=target.view(-1, 1))
    everywhere = -log_probs.sum(dim=-1, keepdim=True)
    likelihood.masked_fill_(padding, 0.0)
    everywhere.masked_fill_(padding, 0.0)
    nll_loss, smooth_loss = likelihood.sum(), everywhere.sum()
    each = label_smoothing / (log_probs.shape[-1] - 1)
    return (1.0 - label_smoothing - each) * nll_loss + each * smooth_loss, nll_loss


def cosines(queries: Tensor, keys: Tensor) -> Tensor:
    """Return cos(h_t, h_i), (positions, k)."""
    return functional.cosine_similarity(queries.unsqueeze(1), keys, dim=-1)


def l_i(similarities: Tensor, values: Tensor, present: Tensor, log_probs: Tensor, variant: str = "paper") -> Tensor:
    """KL(p_kNN || p_NMT), summed over positions; a position without neighbours counts 0.

    `paper`: all k neighbours, weights softmax(cos). `released`: the first 8, weights softmax(exp(cos)).
    """
    if variant == "released":
        first = slice(0, RELEASED_NEIGHBOURS_OF_L_I)
        similarities, values, present = similarities[:, first].exp(), values[:, first], present[:, first]
    return divergence(similarities, values, present, log_probs.gather(-1, values))


def divergence(scores: Tensor, values: Tensor, present: Tensor, log_model: Tensor) -> Tensor:
    """KL(p_kNN || p), summed over positions; a position without neighbours counts 0.

    p_kNN(y) is proportional to the sum of exp(score) over the neighbours with value y. scores: (positions, k);
    log_model: (positions, k), the model's log p of each neighbour's value.
    """
    logs = log_shares(scores, present)
    log_retrieved = log_mass(logs, values)
    # p_kNN has at most k distinct values: summing over neighbours with their shares sums over the vocabulary
    terms = logs.exp() * (log_retrieved.masked_fill(~present, 0.0) - log_model)
    return terms.masked_fill(~present, 0.0).sum()


def distance_scores(distances: Tensor, temperature: float) -> Tensor:
    """Return -d / T, (positions, k), up to a constant a position, from squared L2 distances, nearest first.

    The nearest one's is 0, so that a small T cannot make all of them infinite.
    """
    return (distances[:, :1] - distances) / temperature


def l_r(similarities: Tensor, values: Tensor, present: Tensor, targets: Tensor) -> Tensor:
    """-log of the kernel mass share of neighbours with the target as value, summed over the positions that have one."""
    logs = log_shares(similarities, present)
    hit = (values == targets.unsqueeze(-1)) & present
    defined = hit.any(-1)
    return -torch.logsumexp(logs[defined].masked_fill(~hit[defined], LOG_ZERO), dim=-1).sum()


@dataclass(frozen=True)
class Retrieved:
    """The positions of a batch, with their neighbours, nearest first; `similarities` are their cosines to h_t."""

    queries: Tensor
    keys: Tensor
    similarities: Tensor
    values: Tensor
    present: Tensor
    log_probs: Tensor
    targets: Tensor
    variant: str


@dataclass(frozen=True)
class Term:
    """A term of INK's loss: its curve's name, the setting of section `ink` that weighs it, its sum over positions."""

    name: str
    setting: str
    loss: Callable[[Retrieved], Tensor]


# what INK adds to label-smoothed cross-entropy, in this order
INK_TERMS = (
    Term(
        "loss_i", "alpha", lambda near: l_i(near.similarities, near.values, near.present, near.log_probs, near.variant)
    ),
    Term("loss_r", "beta", lambda near: l_r(near.similarities, near.values, near.present, near.targets)),
)
