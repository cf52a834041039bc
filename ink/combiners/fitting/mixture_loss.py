"""The loss of a combiner: label-smoothed cross-entropy of the mixture, without a tensor as wide as the vocabulary."""

from __future__ import annotations

import torch
from torch import Tensor

from ink.combiners.combiner import LOG_ZERO, Weights, at_values
from ink.combiners.features import first_occurrences, present_neighbours
from ink.combiners.positions import LabelledPositions


def smoothed_loss(weights: Weights, positions: LabelledPositions, label_smoothing: float) -> Tensor:
    """Return fairseq's label-smoothed cross-entropy of the mixture, summed over positions.

    (1 - eps - eps') (-log p(y_t)) + eps' sum over y of -log p(y), with eps' = eps / (vocabulary - 1).
    """
    each = label_smoothing / (positions.vocabulary - 1)
    likelihood = target_log_probs(weights, positions)
    loss = -(1 - label_smoothing - each) * likelihood
    if label_smoothing:
        loss = loss - each * log_prob_sums(weights, positions)
    return loss.sum()


def target_log_probs(weights: Weights, positions: LabelledPositions) -> Tensor:
    """Return the mixture's log p(y_t), (positions,)."""
    holds_target = positions.neighbours.values == positions.targets.unsqueeze(-1)
    retrieved = torch.logsumexp(weights.neighbours.masked_fill(~holds_target, LOG_ZERO), dim=-1)
    return torch.logaddexp(positions.target_log_probs + weights.model.squeeze(-1), retrieved)


def log_prob_sums(weights: Weights, positions: LabelledPositions) -> Tensor:
    """Return the sum over the vocabulary of the mixture's log p, (positions,).

    Everywhere but at the neighbours' values the mixture is p_NMT times its weight. So the sum is that of p_NMT, plus
    the weight's log for every token, plus what the distinct values change.
    """
    values, own = positions.neighbours.values, positions.scores.value_log_probs
    changed = at_values(weights, values, own) - (own + weights.model)
    once = first_occurrences(values, present_neighbours(positions.neighbours.distances))
    everywhere = positions.vocabulary * (positions.mean_log_probs + weights.model.squeeze(-1))
    return everywhere + changed.masked_fill(~once, 0.0).sum(-1)
