"""R-kNN (Jiang et al. 2022): lambda, temperature and a correction of every neighbour from confidence as well."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from ink.combiners.adaptive import input_layer
from ink.combiners.combiner import Combiner, Evidence, Weights, log_shares, weights_of
from ink.combiners.features import distinct_counts, present_neighbours, with_farthest_repeated
from ink.datastore.search import Neighbours


class RobustNetwork(nn.Module):
    """The two networks: distribution calibration (c_i) and weight prediction (lambda, and tau in place of 1 / T).

    The layer over distances and counts starts as A-kNN's, whose input it has; every other as nn.Linear does.
    """

    def __init__(self, k: int, hidden_calibration: int, hidden_weight: int, top: int) -> None:
        super().__init__()
        self.calibration = nn.Sequential(nn.Linear(2, hidden_calibration), nn.Tanh(), nn.Linear(hidden_calibration, 1))
        self.retrieval = nn.Sequential(input_layer(k, hidden_weight), nn.Tanh(), nn.Linear(hidden_weight, 2))
        self.model = nn.Linear(2 * k + top, 1)

    def forward(
        self, distances: Tensor, counts: Tensor, of_entries: Tensor, of_values: Tensor, highest: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return log [lambda, 1 - lambda] (..., 2), tau (..., 1) and c_i (..., k); inputs (..., k), highest (..., top).

        of_entries: e_i = log p_NMT(v_i | h_i); of_values: f_i = log p_NMT(v_i | h_t).
        """
        corrections = self.calibration(torch.stack([of_entries, of_values], dim=-1)).squeeze(-1)
        retrieval, tau = self.retrieval(torch.cat([distances, counts], dim=-1)).split(1, dim=-1)
        model = self.model(torch.cat([highest, of_entries, of_values], dim=-1))
        return torch.log_softmax(torch.cat([retrieval, model], dim=-1), dim=-1), torch.sigmoid(tau), corrections


class RobustCombiner(Combiner):
    """p = lambda p_kNN + (1 - lambda) p_NMT, with shares of p_kNN softmax(-d_i tau + c_i).

    Distances are recomputed from the keys; R-kNN-dagger is the same with the index's own distances, without the keys.
    """

    needs_keys = True
    weighs_keys = False
    needs_log_probs = True

    def __init__(self, k: int, hidden_calibration: int, hidden_weight: int, top: int) -> None:
        self.k = k
        self.top_probabilities = top
        self.network: RobustNetwork = RobustNetwork(k, hidden_calibration, hidden_weight, top)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(
            settings["max_k"],
            settings["hidden_calibration"],
            settings["hidden_weight"],
            settings["top_probabilities"],
        )

    def without_keys(self) -> Combiner:
        twin = copy.copy(self)
        twin.needs_keys = False
        return twin

    def weights(self, neighbours: Neighbours, evidence: Evidence) -> Weights:
        if neighbours.log_probs is None:
            raise ValueError("R-kNN was given neighbours without their log-probabilities")
        present = present_neighbours(neighbours.distances)
        distances = with_farthest_repeated(neighbours.distances, present)
        log_lambda_and_rest, tau, corrections = self.network(
            distances,
            distinct_counts(neighbours.values, present).to(distances.dtype),
            with_farthest_repeated(neighbours.log_probs, present),
            with_farthest_repeated(evidence.of_values, present),
            evidence.highest,
        )
        shares = log_shares(-distances * tau + corrections, present)
        log_lambda, log_rest = log_lambda_and_rest.split(1, dim=-1)
        return weights_of(log_lambda, log_rest, shares, present)


COMBINER = RobustCombiner
