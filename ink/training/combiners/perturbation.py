"""R-kNN's robust training (Jiang et al. 2022): neighbours are perturbed, less and less often."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ink.combiners.combiner import Evidence
from ink.datastore.search import exact_distances, gather_keys
from ink.training.combiners.positions import Positions


class RobustPerturbation:
    """Perturbs the neighbours of training positions, without gradient.

    Each position is drawn twice, independently, with probability alpha0 exp(-update / decay): (1) N(0, sigma^2) is
    added to all its keys; (2) only where no neighbour holds the target, (h_t + noise, y_t) is put first and the
    farthest neighbour dropped. Distances, their order, and the log-probabilities of the entries are then recomputed.
    `log_probs` maps keys (n, dimension) and values (n,) to the model's log p(value | key), (n,).
    """

    def __init__(
        self,
        keys: NDArray[np.float16],
        log_probs: Callable[[Tensor, Tensor], Tensor],
        *,
        sigma: float,
        alpha0: float,
        decay: float,
        generator: torch.Generator,
    ) -> None:
        self.keys, self.log_probs = keys, log_probs
        self.sigma, self.alpha0, self.decay = sigma, alpha0, decay
        self.generator = generator

    def probability(self, update: int) -> float:
        """Return the probability of either draw in an update, counted from 0."""
        return min(1.0, self.alpha0 * math.exp(-update / self.decay))

    @torch.no_grad()
    def __call__(self, positions: Positions, update: int) -> Positions:
        """Return the positions as this update sees them."""
        probability = self.probability(update)
        noisy = self._draw(positions, probability)
        neighbours = positions.neighbours
        held = (neighbours.values == positions.targets.unsqueeze(-1)) & (neighbours.ids >= 0)
        inserted = self._draw(positions, probability) & ~held.any(-1)
        rows = (noisy | inserted).nonzero().squeeze(-1)
        if not rows.numel():
            return positions
        return positions.replaced(rows, self._perturbed(positions.at(rows), noisy[rows], inserted[rows]))

    def _perturbed(self, positions: Positions, noisy: Tensor, inserted: Tensor) -> Positions:
        """Perturb these positions: `noisy` says where draw (1) came out, `inserted` where (2) did, (positions,)."""
        near, queries = positions.neighbours, positions.queries
        if queries is None or near.log_probs is None:
            raise ValueError("R-kNN's training needs queries and the entries' log-probabilities")
        keys = gather_keys(self.keys, near.ids).to(queries.dtype)
        changed = noisy.unsqueeze(-1).expand(near.ids.shape)
        keys = torch.where(changed.unsqueeze(-1), keys + self._noise(keys), keys)

        here = inserted.unsqueeze(-1)
        keys = _put_first(here.unsqueeze(-1), (queries + self._noise(queries)).unsqueeze(1), keys)
        values = _put_first(here, positions.targets.unsqueeze(-1), near.values)
        present = _put_first(here, torch.ones_like(here), near.ids >= 0)
        changed = _put_first(here, torch.ones_like(here), changed)
        of_entries = _put_first(here, torch.zeros_like(queries[:, :1]), near.log_probs)
        of_values = _put_first(here, positions.target_log_probs.unsqueeze(-1), positions.evidence.of_values)
        # an entry that is not of the datastore has no number; none is needed any more but to tell it from an absent one
        ids = _put_first(here, torch.zeros_like(near.ids[:, :1]), near.ids)

        again = changed & present
        of_entries = of_entries.masked_scatter(again, self.log_probs(keys[again], values[again]).to(of_entries.dtype))
        distances = exact_distances(queries, keys, present)
        order = distances.argsort(dim=-1, stable=True)
        perturbed = replace(
            near,
            distances=distances.gather(-1, order),
            values=values.gather(-1, order),
            ids=ids.gather(-1, order),
            log_probs=of_entries.gather(-1, order),
        )
        evidence = Evidence(of_values.gather(-1, order), positions.evidence.highest)
        return replace(positions, neighbours=perturbed, evidence=evidence)

    def _draw(self, positions: Positions, probability: float) -> Tensor:
        drawn = torch.rand(len(positions), generator=self.generator, device=self.generator.device)
        return (drawn < probability).to(positions.targets.device)

    def _noise(self, like: Tensor) -> Tensor:
        drawn = torch.randn(like.shape, generator=self.generator, device=self.generator.device, dtype=like.dtype)
        return self.sigma * drawn.to(like.device)


def _put_first(where: Tensor, first: Tensor, others: Tensor) -> Tensor:
    """Put `first` (positions, 1, ...) before `others` (positions, k, ...) and drop the last, where `where` says so."""
    return torch.where(where, torch.cat([first.to(others.dtype), others[:, :-1]], dim=1), others)
