"""R-kNN's perturbation: how often, how far, and that everything that follows from it is recomputed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ink.combiners.adaptive import AdaptiveCombiner
from ink.combiners.positions import LabelledPositions, ModelScores, TrainingContext
from ink.combiners.robust import Perturbation, RobustCombiner
from ink.datastore.search import Neighbours, gather_keys

DIMENSION, ENTRIES = 8, 40
KEYS = np.random.default_rng(0).standard_normal((ENTRIES, DIMENSION)).astype(np.float16)
UNTOUCHED = 5.0  # no recomputed log-probability is positive and below 1000


def recomputed(keys: Tensor, values: Tensor) -> Tensor:
    """Stands for the model: with every query 0 it tells distance and value of what it was asked about."""
    return keys.pow(2).sum(-1) + 1000.0 * (values + 1)


def of_value(values: Tensor) -> Tensor:
    """Stands for f_i, which belongs to a value."""
    return -0.01 * (values + 1.0)


def positions(count: int, k: int, seed: int = 1) -> LabelledPositions:
    """Queries 0, neighbours by distance, each with its entry's number as value; half of the targets held."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.stack([torch.randperm(ENTRIES, generator=generator)[:k] for _ in range(count)])
    distances = torch.from_numpy(KEYS.astype(np.float32))[ids].pow(2).sum(-1)
    order = distances.argsort(-1)
    ids, distances = ids.gather(-1, order), distances.gather(-1, order)
    targets = torch.full((count,), ENTRIES + 3)
    targets[::2] = ids[::2, -1]
    scores = ModelScores(of_value(ids), torch.zeros(count, 8))
    neighbours = Neighbours(distances, ids.clone(), ids, torch.full((count, k), UNTOUCHED))
    queries, nothing = torch.zeros(count, DIMENSION), torch.zeros(count)
    return LabelledPositions(neighbours, queries, scores, targets, of_value(targets), nothing, 50)


def perturbation(
    sigma: float = 0.01, alpha0: float = 1.0, decay: float = 100.0, seed: int = 0
) -> Callable[[LabelledPositions, int], LabelledPositions]:
    generator = torch.Generator().manual_seed(seed)
    context = TrainingContext(generator, lambda ids: gather_keys(KEYS, ids), recomputed)
    perturb = Perturbation(sigma, alpha0, decay)
    return lambda batch, update: perturb(batch, update, context)


def held(found: LabelledPositions) -> Tensor:
    return (found.neighbours.values == found.targets.unsqueeze(-1)).any(-1)


def log_probs_of(found: LabelledPositions) -> Tensor:
    assert found.neighbours.log_probs is not None
    return found.neighbours.log_probs


def test_the_probability_falls_exponentially() -> None:
    chance = Perturbation(0.01, alpha0=0.8, decay=50)
    assert [chance.probability(update) for update in (0, 50, 200)] == pytest.approx(
        [0.8, 0.8 * math.exp(-1), 0.8 * math.exp(-4)]
    )


def test_the_two_draws_come_as_often_as_they_should_and_independently() -> None:
    before = positions(8000, 4)
    after = perturbation(alpha0=0.5, decay=10)(before, 5)
    chance = 0.5 * math.exp(-0.5)
    inserted = held(after) & ~held(before)
    # the last of four is an old neighbour, whether or not one was put first
    noisy = (log_probs_of(after) != UNTOUCHED).sum(-1) == 4
    missing = ~held(before)
    assert int(missing.sum()) == 4000
    assert float(noisy.float().mean()) == pytest.approx(chance, abs=0.02)
    assert float(inserted[missing].float().mean()) == pytest.approx(chance, abs=0.02)
    assert float((noisy & inserted)[missing].float().mean()) == pytest.approx(chance**2, abs=0.02)
    assert not inserted[~missing].any()
    untouched = ~noisy & ~inserted
    assert torch.equal(after.neighbours.distances[untouched], before.neighbours.distances[untouched])
    assert torch.equal(after.neighbours.values[untouched], before.neighbours.values[untouched])


def test_noise_has_mean_0_and_deviation_sigma() -> None:
    before = positions(3000, 2)
    noise = perturbation(sigma=0.3)(before, 0).neighbours.distances.sum(-1) - before.neighbours.distances.sum(-1)
    noise = noise[held(before)]  # the others get a new first neighbour as well
    # E |key + noise|^2 - |key|^2 = dimension sigma^2, of two keys
    assert float(noise.mean()) == pytest.approx(2 * DIMENSION * 0.3**2, rel=0.1)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 3.0])
def test_distances_order_and_log_probabilities_are_recomputed(sigma: float) -> None:
    before = positions(300, 4)
    after = perturbation(sigma=sigma)(before, 0)
    near = after.neighbours
    assert held(after).all()
    assert (near.distances.diff(dim=-1) >= 0).all()
    torch.testing.assert_close(log_probs_of(after), near.distances + 1000.0 * (near.values + 1))
    torch.testing.assert_close(after.scores.value_log_probs, of_value(near.values))
    assert torch.equal(after.scores.top_log_probs, before.scores.top_log_probs)
    assert not near.distances.requires_grad


def test_the_target_comes_first_near_the_query_and_the_farthest_is_dropped() -> None:
    before = positions(40, 4)
    after = perturbation(sigma=0.0)(before, 0)
    new = ~held(before)
    near, old = after.neighbours, before.neighbours
    assert torch.equal(near.values[new, 0], before.targets[new])
    assert (near.distances[new, 0] == 0).all()
    assert torch.equal(near.values[new, 1:], old.values[new, :-1])
    assert torch.equal(near.values[~new], old.values[~new])
    moved = perturbation(sigma=0.1)(before, 0).neighbours
    assert float(moved.distances[new, 0].mean()) == pytest.approx(DIMENSION * 0.1**2, rel=0.5)


def test_where_there_was_no_neighbour_none_appears_but_the_target() -> None:
    before = positions(2, 3)
    ids = torch.tensor([[-1, -1, -1], [4, -1, -1]])
    distances = torch.where(ids < 0, torch.inf, torch.tensor(float((KEYS[4].astype(np.float64) ** 2).sum())))
    near = Neighbours(distances, ids.clamp(min=0), ids, torch.full((2, 3), UNTOUCHED))
    before = replace(before, neighbours=near, targets=torch.tensor([0, 4]))
    after = perturbation(sigma=0.0)(before, 0).neighbours
    # value 0 of an absent neighbour does not hold the target 0
    assert after.distances.isinf().tolist() == [[False, True, True], [False, True, True]]
    assert after.values[:, 0].tolist() == [0, 4]
    assert after.ids.tolist()[0][1:] == [-1, -1]


def test_in_the_end_nothing_is_perturbed() -> None:
    before = positions(50, 4)
    assert perturbation(decay=10)(before, 10_000) is before


def test_no_other_combiner_changes_a_batch() -> None:
    before = positions(5, 4)
    context = TrainingContext(torch.Generator(), lambda ids: gather_keys(KEYS, ids), recomputed)
    for combiner in (AdaptiveCombiner(4, 10.0, hidden=5, dropout=0.0), RobustCombiner(4, 4, 5, top=8)):
        assert combiner.training_batch(before, 0, context) is before


def test_the_seed_decides() -> None:
    before = positions(50, 4)
    first, second, other = (perturbation(sigma=0.5, seed=seed)(before, 0).neighbours.distances for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
