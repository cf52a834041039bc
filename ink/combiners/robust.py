"""R-kNN (Jiang et al. 2022): lambda, temperature and a correction of every neighbour from confidence as well.

Its training is robust: neighbours of the batches are perturbed, less and less often.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from ink.combiners.adaptive import input_layer
from ink.combiners.combiner import Combiner, Weights, log_shares, weights_of
from ink.combiners.features import distinct_counts, present_neighbours, with_farthest_repeated
from ink.combiners.positions import LabelledPositions, Positions, TrainingContext
from ink.datastore.search import exact_distances


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


@dataclass(frozen=True)
class Perturbation:
    """Perturbs the neighbours of a training batch, without gradient.

    Each position is drawn twice, independently, with probability alpha0 exp(-update / decay):

    1. N(0, sigma^2) is added to all its keys.
    2. Only where no neighbour holds the target, (h_t + noise, y_t) is put first and the farthest neighbour dropped.

    Distances, their order, and the log-probabilities of the entries are then recomputed.
    """

    sigma: float
    alpha0: float
    decay: float

    def probability(self, update: int) -> float:
        """Return the probability of either draw in an update, counted from 0."""
        return min(1.0, self.alpha0 * math.exp(-update / self.decay))

    @torch.no_grad()
    def __call__(self, batch: LabelledPositions, update: int, context: TrainingContext) -> LabelledPositions:
        """Return the batch as this update sees it."""
        probability = self.probability(update)
        noisy = self._draw(batch, probability, context.generator)
        neighbours = batch.neighbours
        held = (neighbours.values == batch.targets.unsqueeze(-1)) & (neighbours.ids >= 0)
        inserted = self._draw(batch, probability, context.generator) & ~held.any(-1)
        rows = (noisy | inserted).nonzero().squeeze(-1)
        if not rows.numel():
            return batch
        return batch.replaced(rows, self._perturbed(batch.at(rows), noisy[rows], inserted[rows], context))

    def _perturbed(
        self, positions: LabelledPositions, noisy: Tensor, inserted: Tensor, context: TrainingContext
    ) -> LabelledPositions:
        """Perturb these positions: `noisy` says where draw (1) came out, `inserted` where (2) did, (positions,)."""
        near, queries, scores = positions.neighbours, positions.queries, positions.scores
        if near.log_probs is None:
            raise ValueError("R-kNN's training needs the entries' log-probabilities")
        keys = context.keys(near.ids).to(queries.dtype)
        changed = noisy.unsqueeze(-1).expand(near.ids.shape)
        keys = torch.where(changed.unsqueeze(-1), keys + self._noise(keys, context.generator), keys)

        inserting = inserted.unsqueeze(-1)
        moved = queries + self._noise(queries, context.generator)
        keys = _put_first(inserting.unsqueeze(-1), moved.unsqueeze(1), keys)
        values = _put_first(inserting, positions.targets.unsqueeze(-1), near.values)
        present = _put_first(inserting, torch.ones_like(inserting), near.ids >= 0)
        changed = _put_first(inserting, torch.ones_like(inserting), changed)
        of_entries = _put_first(inserting, torch.zeros_like(queries[:, :1]), near.log_probs)
        of_values = _put_first(inserting, positions.target_log_probs.unsqueeze(-1), scores.value_log_probs)
        counts = near.log_counts
        if counts is not None:
            counts = _put_first(inserting, torch.zeros_like(counts[:, :1]), counts)
        # an entry that is not of the datastore has no number; none is needed any more but to tell it from an absent one
        ids = _put_first(inserting, torch.zeros_like(near.ids[:, :1]), near.ids)

        again = changed & present
        recomputed = context.log_probs(keys[again], values[again])
        of_entries = of_entries.masked_scatter(again, recomputed.to(of_entries.dtype))
        distances = exact_distances(queries, keys, present)
        perturbed = replace(
            positions,
            neighbours=replace(
                near, distances=distances, values=values, ids=ids, log_probs=of_entries, log_counts=counts
            ),
            scores=replace(scores, value_log_probs=of_values),
        )
        return perturbed.select(distances.argsort(dim=-1, stable=True))

    def _draw(self, positions: LabelledPositions, probability: float, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(len(positions), generator=generator, device=generator.device)
        return (drawn < probability).to(positions.targets.device)

    def _noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.randn(like.shape, generator=generator, device=generator.device, dtype=like.dtype)
        return self.sigma * drawn.to(like.device)


def _put_first(where: Tensor, first: Tensor, rest: Tensor) -> Tensor:
    """Put `first` (positions, 1, ...) before `rest` (positions, k, ...) and drop the last, where `where` says so."""
    return torch.where(where, torch.cat([first.to(rest.dtype), rest[:, :-1]], dim=1), rest)


class RobustCombiner(Combiner):
    """p = lambda p_kNN + (1 - lambda) p_NMT, with shares of p_kNN softmax(-d_i tau + c_i).

    Distances are recomputed from the keys; R-kNN-dagger is the same with the index's own distances, without the keys.
    perturbation: what its training does to batches, if anything.
    """

    needs_keys = True
    weighs_keys = False
    needs_log_probs = True

    def __init__(
        self, k: int, hidden_calibration: int, hidden_weight: int, top: int, perturbation: Perturbation | None = None
    ) -> None:
        self.k = k
        self.perturbation = perturbation
        self.top_probabilities = top
        self.network: RobustNetwork = RobustNetwork(k, hidden_calibration, hidden_weight, top)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(
            settings["max_k"],
            settings["hidden_calibration"],
            settings["hidden_weight"],
            settings["top_probabilities"],
            Perturbation(settings["sigma"], settings["alpha0"], settings["decay"]),
        )

    def without_keys(self) -> Combiner:
        keyless = copy.copy(self)
        keyless.needs_keys = False
        return keyless

    def training_batch(self, batch: LabelledPositions, update: int, context: TrainingContext) -> LabelledPositions:
        return batch if self.perturbation is None else self.perturbation(batch, update, context)

    def weights(self, positions: Positions) -> Weights:
        neighbours, scores = positions.neighbours, positions.scores
        if neighbours.log_probs is None:
            raise ValueError("R-kNN was given neighbours without their log-probabilities")
        present = present_neighbours(neighbours.distances)
        distances = with_farthest_repeated(neighbours.distances, present)
        log_lambda_and_rest, tau, corrections = self.network(
            distances,
            distinct_counts(neighbours.values, present).to(distances.dtype),
            with_farthest_repeated(neighbours.log_probs, present),
            with_farthest_repeated(scores.value_log_probs, present),
            scores.top_log_probs,
        )
        shares = log_shares(-distances * tau + corrections, present)
        log_lambda, log_rest = log_lambda_and_rest.split(1, dim=-1)
        return weights_of(log_lambda, log_rest, shares, present)


COMBINER = RobustCombiner
