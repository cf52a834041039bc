"""Lambda by distance: SK-MT's equations, position by position in float64."""

from __future__ import annotations

import numpy as np
import torch

from ink.combiners.distance_aware import DistanceAwareCombiner
from ink.combiners.known_combiners import find_combiner
from ink.datastore.search import Neighbours

VOCABULARY, TEMPERATURE = 7, 20.0
INF = float("inf")
# the fourth position's nearest is beyond T, the last one has no neighbour
DISTANCES = [[0.0, 5.0, 9.0], [1.5, 1.5, 30.0], [12.0, 19.0, INF], [20.5, 21.0, 22.0], [INF, INF, INF]]
VALUES = [[1, 2, 1], [3, 3, 3], [6, 0, 0], [4, 5, 6], [0, 0, 0]]


def expected(distances: list[float], values: list[int], own: np.ndarray) -> np.ndarray:
    present = [(distance, value) for distance, value in zip(distances, values, strict=True) if distance < INF]
    weight = max(0.0, 1 - present[0][0] / TEMPERATURE) if present else 0.0
    mixed = (1 - weight) * own
    masses = [np.exp(-distance / TEMPERATURE) for distance, _ in present]
    for (_, value), mass in zip(present, masses, strict=True):
        mixed[value] += weight * mass / sum(masses)
    return mixed


def test_the_mixture_is_the_equations() -> None:
    log_probs = torch.log_softmax(2 * torch.randn(5, VOCABULARY, generator=torch.Generator().manual_seed(1)), dim=-1)
    neighbours = Neighbours(torch.tensor(DISTANCES), torch.tensor(VALUES), torch.tensor(VALUES))
    found = DistanceAwareCombiner(3, TEMPERATURE)(neighbours, torch.zeros(5, 2), log_probs).exp().double().numpy()
    for row, own in enumerate(log_probs.double().exp().numpy()):
        np.testing.assert_allclose(found[row], expected(DISTANCES[row], VALUES[row], own), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_own_systems_may_name_it() -> None:
    made = find_combiner("distance_aware").from_settings({"k": 2, "temperature": 100})
    assert made == DistanceAwareCombiner(2, 100)
