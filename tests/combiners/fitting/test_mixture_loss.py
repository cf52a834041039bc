"""The loss from what is kept of a position, against the whole distribution written out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ink.combiners.adaptive import AdaptiveCombiner
from ink.combiners.combiner import LOG_ZERO, Combiner, Weights
from ink.combiners.fitting.mixture_loss import log_prob_sums, smoothed_loss, target_log_probs
from ink.combiners.positions import LabelledPositions, ModelScores, labelled
from ink.combiners.robust import RobustCombiner
from ink.datastore.search import Neighbours

VOCABULARY = 11


def slow_mixture(log_weights: list[float], log_model: float, values: list[int], log_probs: list[float]) -> list[float]:
    """The mixture's probabilities, every token of the vocabulary."""
    mixed = [math.exp(log_model + log_prob) for log_prob in log_probs]
    for weight, value in zip(log_weights, values, strict=True):
        mixed[value] += math.exp(weight)
    return mixed


def positions_with(
    distances: Tensor, values: Tensor, log_probs: Tensor, targets: Tensor, of_entries: Tensor | None = None
) -> LabelledPositions:
    own = log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    scores = ModelScores(log_probs.gather(-1, values), log_probs.topk(8).values)
    neighbours = Neighbours(distances, values, torch.where(distances.isinf(), -1, 0), of_entries)
    queries = torch.zeros(len(targets), 3)
    return LabelledPositions(neighbours, queries, scores, targets, own, log_probs.mean(-1), log_probs.shape[-1])


@st.composite
def weighed(draw: Any) -> tuple[Weights, LabelledPositions, Tensor]:
    """Arbitrary weights that sum to 1, repeated values, absent neighbours, targets that are held or all missed."""
    count, k = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    values = torch.randint(draw(st.sampled_from([1, 3, VOCABULARY])), (count, k), generator=generator)
    targets = torch.randint(VOCABULARY, (count,), generator=generator)
    if draw(st.booleans()):
        targets[:] = VOCABULARY - 1
    found = draw(st.integers(0, k))
    distances = torch.rand(count, k, generator=generator, dtype=torch.float64).sort(-1).values
    distances[0, found:] = math.inf
    values[0, found:] = 0
    scores = torch.randn(count, k + 1, generator=generator, dtype=torch.float64) * 3
    scores[:, :k] = scores[:, :k].masked_fill(distances.isinf(), -math.inf)
    logs = scores.log_softmax(-1)
    weights = Weights(logs[:, :k].clamp(min=LOG_ZERO), logs[:, k:])
    log_probs = (4 * torch.randn(count, VOCABULARY, generator=generator, dtype=torch.float64)).log_softmax(-1)
    return weights, positions_with(distances, values, log_probs, targets), log_probs


@given(weighed(), st.sampled_from([0.0, 0.001, 0.1]))
def test_the_loss_is_that_of_the_written_out_distribution(
    found: tuple[Weights, LabelledPositions, Tensor], smoothing: float
) -> None:
    weights, positions, log_probs = found
    total, sums, targets = 0.0, [], []
    rows = zip(
        weights.neighbours.tolist(),
        weights.model.squeeze(-1).tolist(),
        positions.neighbours.values.tolist(),
        log_probs.tolist(),
        positions.targets.tolist(),
        strict=True,
    )
    each = smoothing / (VOCABULARY - 1)
    for *row, target in rows:
        logs = [math.log(value) for value in slow_mixture(*row)]
        total -= (1 - smoothing) * logs[target] + each * sum(logs[:target] + logs[target + 1 :])
        sums.append(sum(logs))
        targets.append(logs[target])
    assert target_log_probs(weights, positions).tolist() == pytest.approx(targets, rel=1e-9, abs=1e-9)
    assert log_prob_sums(weights, positions).tolist() == pytest.approx(sums, rel=1e-9, abs=1e-9)
    assert float(smoothed_loss(weights, positions, smoothing)) == pytest.approx(total, rel=1e-9, abs=1e-9)


def combiners() -> list[Combiner]:
    torch.manual_seed(3)
    found: list[Combiner] = [AdaptiveCombiner(4, 10.0, hidden=5, dropout=0.0), RobustCombiner(4, 4, 5, top=8)]
    for combiner in found:
        assert combiner.network is not None
        combiner.network.double()
        for parameter in combiner.network.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    return found


def positions_of_every_kind() -> tuple[LabelledPositions, Tensor]:
    """Ties, repeated values, zero distances, absent neighbours, none at all, targets that are missed."""
    generator = torch.Generator().manual_seed(5)
    distances = (5 * torch.rand(6, 4, generator=generator, dtype=torch.float64)).sort(-1).values
    distances[0], distances[1, 2:], distances[2], distances[3, 1:3] = 0.0, math.inf, math.inf, 2.0
    values = torch.randint(4, (6, 4), generator=generator).masked_fill(distances.isinf(), 0)
    log_probs = (3 * torch.randn(6, VOCABULARY, generator=generator, dtype=torch.float64)).log_softmax(-1)
    targets = torch.tensor([int(values[0, 0]), 10, 0, int(values[3, 1]), 9, int(values[5, 3])])
    of_entries = -5 * torch.rand(6, 4, generator=generator, dtype=torch.float64)
    return positions_with(distances, values, log_probs, targets, of_entries), log_probs


@pytest.mark.parametrize("number", [0, 1], ids=["adaptive", "robust"])
def test_training_sees_the_mixture_that_decodes(number: int) -> None:
    combiner, (positions, log_probs) = combiners()[number], positions_of_every_kind()
    mixed = combiner(positions.neighbours, positions.queries, log_probs)
    weights = combiner.weights(positions)
    expected = mixed.gather(-1, positions.targets.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(target_log_probs(weights, positions), expected)
    torch.testing.assert_close(log_prob_sums(weights, positions), mixed.sum(-1))
    torch.testing.assert_close(mixed.exp().sum(-1), torch.ones(6, dtype=torch.float64))


@pytest.mark.parametrize("number", [0, 1], ids=["adaptive", "robust"])
def test_gradients_are_those_of_finite_differences(number: int) -> None:
    combiner, (positions, _) = combiners()[number], positions_of_every_kind()
    network: Any = combiner.network

    def loss() -> Tensor:
        return smoothed_loss(combiner.weights(positions), positions, 0.1)

    loss().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        for place in range(min(parameter.numel(), 6)):
            flat = parameter.data.view(-1)
            before = float(flat[place])
            sides = []
            for step in (1e-6, -1e-6):
                flat[place] = before + step
                with torch.no_grad():
                    sides.append(float(loss()))
            flat[place] = before
            assert float(parameter.grad.view(-1)[place]) == pytest.approx(
                (sides[0] - sides[1]) / 2e-6, rel=1e-4, abs=1e-6
            ), name


def test_what_is_kept_is_no_wider_than_k_and_8() -> None:
    combiner = combiners()[1]
    positions, log_probs = positions_of_every_kind()
    found = replace(positions.neighbours, keys=torch.ones(6, 4, 3))
    kept = labelled(combiner.positions(found, positions.queries, log_probs), positions.targets, log_probs)
    torch.testing.assert_close(kept.target_log_probs, positions.target_log_probs)
    torch.testing.assert_close(kept.mean_log_probs, log_probs.mean(-1))
    torch.testing.assert_close(kept.scores.value_log_probs, positions.scores.value_log_probs)
    assert kept.scores.top_log_probs.tolist() == log_probs.sort(-1, descending=True).values[:, :8].tolist()
    assert kept.neighbours.keys is None
    assert torch.equal(kept.queries, positions.queries)
    without = combiners()[0].positions(found, positions.queries, log_probs)
    assert without.scores.top_log_probs.shape == (6, 0)
