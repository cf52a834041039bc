"""Choosing k, lambda and T: likelihood against slow loops, and the first of equals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from ink.combiners.fitting.grid import choose_by_bleu, choose_by_likelihood, grid, likelihood_of_target, vanilla_grid
from ink.combiners.vanilla import VanillaCombiner
from ink.config.sections.retrieval_systems import VKnn
from ink.datastore.search import Neighbours

SETTINGS = VKnn(**{"key": "decoder_output", "k": [1, 3, 8], "lambda": [0.0, 0.3, 0.9], "temperature": [1, 50]})


def found(positions: int, seed: int) -> tuple[Neighbours, torch.Tensor, torch.Tensor]:
    """Neighbours (positions, 8), the model's log-probabilities (positions, 12) and targets (positions,)."""
    draw = torch.Generator().manual_seed(seed)
    distances = (40 * torch.rand(positions, 8, generator=draw)).sort(-1).values
    distances[0] = math.inf
    distances[1, 2:] = math.inf
    values = torch.randint(12, (positions, 8), generator=draw)
    neighbours = Neighbours(distances, values, torch.where(distances.isinf(), -1, 0))
    log_probs = torch.randn(positions, 12, generator=draw).log_softmax(-1)
    targets = torch.randint(12, (positions,), generator=draw)
    targets[2:20] = values[2:20, 0]
    return neighbours, log_probs, targets


def slow_likelihood(neighbours: Neighbours, log_probs: torch.Tensor, targets: torch.Tensor, choice: Any) -> float:
    total = 0.0
    for distances, values, own, target in zip(
        neighbours.distances.tolist(), neighbours.values.tolist(), log_probs.tolist(), targets.tolist(), strict=True
    ):
        near = [pair for pair in list(zip(distances, values, strict=True))[: choice["k"]] if pair[0] < math.inf]
        masses = [math.exp(-distance / choice["temperature"]) for distance, _ in near]
        hits = sum(mass for mass, (_, value) in zip(masses, near, strict=True) if value == target)
        share = choice["lambda"] if near else 0.0
        retrieved = hits / sum(masses) if near else 0.0
        total += math.log(share * retrieved + (1 - share) * math.exp(own[target]))
    return total


def test_the_grid_has_every_combination_in_order() -> None:
    choices = vanilla_grid(SETTINGS)
    assert len(choices) == 18
    assert choices[0] == {"k": 1, "lambda": 0.0, "temperature": 1}
    assert choices[-1] == {"k": 8, "lambda": 0.9, "temperature": 50}
    assert len({tuple(choice.values()) for choice in choices}) == 18
    assert vanilla_grid(VKnn(**{"k": 4, "lambda": 0.5, "temperature": [10]})) == [
        {"k": 4, "lambda": 0.5, "temperature": 10}
    ]


def test_grids_have_every_combination() -> None:
    assert grid({"k": [1, 2], "hidden": 8, "temperature": [5.0]}) == [
        {"k": 1, "hidden": 8, "temperature": 5.0},
        {"k": 2, "hidden": 8, "temperature": 5.0},
    ]


def test_likelihood_is_that_of_slow_loops_for_every_choice() -> None:
    neighbours, log_probs, targets = found(40, seed=1)
    choices = vanilla_grid(SETTINGS)
    sums = likelihood_of_target(neighbours, log_probs[torch.arange(40), targets], targets, choices)
    expected = [slow_likelihood(neighbours, log_probs, targets, choice) for choice in choices]
    assert sums.dtype == torch.float64
    assert sums.tolist() == pytest.approx(expected, rel=1e-5)


def test_likelihood_is_that_of_the_combiner_that_decodes() -> None:
    neighbours, log_probs, targets = found(40, seed=2)
    choices = vanilla_grid(SETTINGS)
    sums = likelihood_of_target(neighbours, log_probs[torch.arange(40), targets], targets, choices)
    for value, choice in zip(sums.tolist(), choices, strict=True):
        k = choice["k"]
        nearest = Neighbours(neighbours.distances[:, :k], neighbours.values[:, :k], neighbours.ids[:, :k])
        mixed = VanillaCombiner(k, choice["lambda"], choice["temperature"])(nearest, torch.zeros(40, 1), log_probs)
        assert value == pytest.approx(float(mixed[torch.arange(40), targets].double().sum()), rel=1e-4)


def test_the_likeliest_choice_over_all_batches_is_taken() -> None:
    batches = [found(40, seed=3), found(25, seed=4)]
    choices = vanilla_grid(SETTINGS)
    passed = [(near, log_probs[torch.arange(len(targets)), targets], targets) for near, log_probs, targets in batches]
    best, tried = choose_by_likelihood(iter(passed), choices)
    slow = [sum(slow_likelihood(*batch, choice) for batch in batches) / 65 for choice in choices]
    assert [entry["log_likelihood"] for entry in tried] == pytest.approx(slow, rel=1e-5)
    assert [{name: entry[name] for name in best} for entry in tried] == choices
    assert best == choices[slow.index(max(slow))]


def test_lambda_1_with_a_target_that_no_neighbour_holds_is_possible_and_never_chosen() -> None:
    neighbours, log_probs, targets = found(10, seed=5)
    own = log_probs[torch.arange(10), targets]
    choices = [{"k": 8, "lambda": 1.0, "temperature": 10}, {"k": 8, "lambda": 0.5, "temperature": 10}]
    best, tried = choose_by_likelihood([(neighbours, own, torch.full((10,), 11))], choices)
    assert tried[0]["log_likelihood"] == -math.inf
    assert best["lambda"] == 0.5


def test_bleu_chooses_the_best_and_of_equals_the_first() -> None:
    choices = grid({"k": [1, 2, 4], "lambda": 0.5, "temperature": 10})
    scores = {1: 20.0, 2: 25.5, 4: 25.5}
    best, tried = choose_by_bleu(lambda choice: scores[choice["k"]], choices)
    assert best == choices[1]
    assert tried == [{**choice, "dev_bleu": scores[choice["k"]]} for choice in choices]
