"""Entries that stand for several count as often: against the same entries written out as often as they count."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ink.combiners.combiner import LOG_ZERO, counted
from ink.combiners.confidence import ConfidenceCombiner
from ink.combiners.fitting.grid import likelihood_of_target
from ink.combiners.known_combiners import find_combiner
from ink.combiners.positions import LabelledPositions, TrainingContext, labelled
from ink.combiners.robust import Perturbation
from ink.combiners.vanilla import VanillaCombiner
from ink.datastore.search import Neighbours

VOCABULARY = 7
QUERIES = torch.zeros(2, 1)


@st.composite
def merged(draw: Any) -> tuple[Neighbours, Tensor, list[list[int]]]:
    """Two positions' neighbours with how often each counts, float64, and the model's log-probabilities."""
    k = draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    counts = [draw(st.lists(st.integers(1, 5), min_size=k, max_size=k)) for _ in range(2)]
    distances = (30 * torch.rand(2, k, generator=generator, dtype=torch.float64)).sort(-1).values
    values = torch.randint(VOCABULARY, (2, k), generator=generator)
    log_counts = torch.tensor(counts, dtype=torch.float64).log()
    found = Neighbours(distances, values, torch.arange(2 * k).reshape(2, k), log_counts=log_counts)
    return found, torch.randn(2, VOCABULARY, generator=generator, dtype=torch.float64).log_softmax(-1), counts


def written_out(found: Neighbours, row: int, counts: list[int]) -> Neighbours:
    """One position's neighbours, each as often as it counts."""
    times = torch.tensor(counts)
    parts = (found.distances[row], found.values[row], found.ids[row])
    return Neighbours(*(part.repeat_interleave(times).unsqueeze(0) for part in parts))


@given(found=merged(), temperature=st.sampled_from([1.0, 10.0]))
def test_p_knn_counts_s_i_times(found: tuple[Neighbours, Tensor, list[list[int]]], temperature: float) -> None:
    neighbours, log_probs, counts = found
    k = neighbours.values.shape[-1]
    for make in (
        lambda k: VanillaCombiner(k, 0.6, temperature),
        lambda k: ConfidenceCombiner(k, 0.6, temperature, "entropy"),
    ):
        mixed = make(k)(neighbours, QUERIES, log_probs)
        for row in range(2):
            once = written_out(neighbours, row, counts[row])
            expected = make(sum(counts[row]))(once, QUERIES[row : row + 1], log_probs[row : row + 1])
            torch.testing.assert_close(mixed[row : row + 1].exp(), expected.exp())


@given(found=merged())
def test_so_they_do_where_v_knn_is_chosen_by_likelihood(found: tuple[Neighbours, Tensor, list[list[int]]]) -> None:
    neighbours, log_probs, _ = found
    targets = neighbours.values[:, 0]
    choices = [{"k": k, "lambda": 0.4, "temperature": 10.0} for k in range(1, neighbours.values.shape[-1] + 1)]
    own = log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    sums = likelihood_of_target(neighbours, own, targets, choices)
    for choice, found_sum in zip(choices, sums, strict=True):
        nearest = neighbours.select(torch.arange(choice["k"]).expand(2, choice["k"]))
        mixed = VanillaCombiner(choice["k"], 0.4, 10.0)(nearest, QUERIES, log_probs)
        expected = mixed.gather(-1, targets.unsqueeze(-1)).sum()
        assert float(found_sum) == pytest.approx(float(expected), rel=1e-5)


def test_lambda_stays_and_what_is_absent_stays_so() -> None:
    weights = torch.tensor([[math.log(0.3), math.log(0.1), LOG_ZERO], [LOG_ZERO, LOG_ZERO, LOG_ZERO]])
    found = counted(weights, torch.tensor([[0.0, math.log(6), 2.0], [0.0, 1.0, 2.0]]))
    torch.testing.assert_close(found.exp(), torch.tensor([[0.4 / 3, 0.8 / 3, 0.0], [0.0, 0.0, 0.0]]))
    assert (found[:, -1] == LOG_ZERO).all() and found.isfinite().all()


@pytest.mark.parametrize("name", ["adaptive", "robust", "kernel_smoothed"])
def test_networks_give_lambda_and_counts_change_the_shares_alone(name: str) -> None:
    settings: dict[str, dict[str, Any]] = {
        "adaptive": {"max_k": 2, "temperature": 10, "hidden": 4, "dropout": 0.0},
        "robust": {
            **{"max_k": 2, "hidden_calibration": 4, "hidden_weight": 4, "top_probabilities": 2},
            **{"sigma": 0.01, "alpha0": 1.0, "decay": 10},
        },
        "kernel_smoothed": {"k": 2, "dimension": 3, "kernel": "gaussian", "retrieval_dropout": 1},
    }
    torch.manual_seed(0)
    combiner = find_combiner(name).from_settings(settings[name])
    queries, keys = torch.randn(1, 3), torch.randn(1, 2, 3)
    distances = torch.tensor([[1.0, 2.0]])
    near = Neighbours(distances, torch.tensor([[3, 5]]), torch.tensor([[0, 1]]), torch.zeros(1, 2), keys)
    log_probs = torch.randn(1, VOCABULARY).log_softmax(-1)
    plain = combiner.votes(combiner.positions(near, queries, log_probs))
    more = replace(near, log_counts=torch.tensor([[0.0, math.log(3)]]))
    voted = combiner.votes(combiner.positions(more, queries, log_probs))
    assert torch.equal(voted.model, plain.model)
    before, after = plain.neighbours.detach().exp()[0], voted.neighbours.detach().exp()[0]
    assert float(after.sum()) == pytest.approx(float(before.sum()), rel=1e-5)
    assert float(after[1] / after[0]) == pytest.approx(3 * float(before[1] / before[0]), rel=1e-4)


def test_the_entry_that_r_knn_s_training_puts_first_counts_once() -> None:
    near = Neighbours(
        torch.tensor([[1.0, 4.0]]),
        torch.tensor([[3, 5]]),
        torch.tensor([[0, 1]]),
        torch.zeros(1, 2),
        log_counts=torch.tensor([[math.log(2), math.log(9)]]),
    )
    log_probs = torch.zeros(1, VOCABULARY).log_softmax(-1)
    combiner = VanillaCombiner(2, 0.5, 10.0)
    batch: LabelledPositions = labelled(
        combiner.positions(near, torch.zeros(1, 2), log_probs), torch.tensor([6]), log_probs
    )
    keys = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    context = TrainingContext(torch.Generator().manual_seed(0), lambda ids: keys[ids], lambda *_: torch.zeros(1))
    changed = Perturbation(sigma=0.0, alpha0=1.0, decay=1e9)(
        batch, 0, replace(context, log_probs=lambda some, values: torch.zeros(len(some)))
    )
    assert changed.neighbours.values.tolist() == [[6, 3]]
    assert changed.neighbours.log_counts is not None
    torch.testing.assert_close(changed.neighbours.log_counts.exp(), torch.tensor([[1.0, 2.0]]))
