"""Lambda by the model's confidence: a plain baseline, which learns nothing, for combiners that do.

Where the model is sure of a token its neighbours hardly count, and where it is not they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch

from ink.combiners.combiner import LOG_ZERO, Combiner, Weights, weights_of
from ink.combiners.features import present_neighbours
from ink.combiners.positions import Positions
from ink.combiners.vanilla import vanilla_log_shares
from ink.runtime.errors import InkError

MEASURES = ("probability", "entropy")


class ConfidenceCombiner(Combiner):
    """p = lambda_t p_kNN + (1 - lambda_t) p_NMT with lambda_t = lambda (1 - c_t), and V-kNN's p_kNN.

    c_t is the model's confidence at h_t, from 0 to 1: its highest probability, max over y of p_NMT(y | h_t)
    (probability), or exp(-H), H the entropy of p_NMT(. | h_t) in nats (entropy), which is 1/n where the model is as
    unsure as between n tokens of equal probability. `interpolation`, lambda, is the largest that lambda_t can be.

    No paper proposes it. He et al. (2021, "Efficient Nearest Neighbor Language Models") hand both numbers to the
    network that predicts their lambda, Jiang et al. (2022) the highest probabilities to R-kNN's.
    """

    def __init__(self, k: int, interpolation: float, temperature: float, measure: str) -> None:
        if measure not in MEASURES:
            raise InkError(
                f"confidence is {measure!r}; allowed: {', '.join(MEASURES)}", code="config/value-not-allowed"
            )
        if not 0 <= interpolation <= 1:
            raise InkError(f"lambda is {interpolation}; allowed: a share, from 0 to 1", code="config/value-not-allowed")
        self.k = k
        self.interpolation = interpolation
        self.temperature = temperature
        self.top_probabilities = 1 if measure == "probability" else 0
        self.needs_entropy = measure == "entropy"

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(settings["k"], settings["lambda"], settings["temperature"], settings["confidence"])

    def weights(self, positions: Positions) -> Weights:
        scores, distances = positions.scores, positions.neighbours.distances
        log_confidence = scores.top_log_probs[..., :1] if scores.entropy is None else -scores.entropy.unsqueeze(-1)
        # a logarithm may be above 0 by rounding
        share = self.interpolation * -torch.expm1(log_confidence.clamp(max=0.0))
        shares = vanilla_log_shares(distances, self.temperature)
        log_lambda, log_rest = share.log().clamp(min=LOG_ZERO), torch.log1p(-share).clamp(min=LOG_ZERO)
        return weights_of(log_lambda, log_rest, shares, present_neighbours(distances))


COMBINER = ConfidenceCombiner
