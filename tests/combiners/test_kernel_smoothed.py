"""Kernel-smoothed kNN-MT against a slow version that goes through the paper's equations number by number."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ink.combiners.kernel_smoothed import KernelSmoothedCombiner
from ink.combiners.known_combiners import find_combiner
from ink.combiners.positions import LabelledPositions, TrainingContext, labelled
from ink.datastore.search import Neighbours
from ink.runtime.errors import InkError

VOCABULARY, DIMENSION = 9, 3


def layer(weights: dict[str, Any], name: str, inputs: list[float]) -> list[float]:
    rows = zip(weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True)
    return [sum(w * x for w, x in zip(row, inputs, strict=True)) + bias for row, bias in rows]


def slow_kernel_smoothed(
    query: list[float],
    keys: list[list[float]],
    values: list[int],
    log_probs: list[float],
    weights: dict[str, Any],
    kernel: str,
) -> list[float]:
    """The mixture of one position, as probabilities; keys: of the neighbours that were found."""
    if not keys:
        return [math.exp(value) for value in log_probs]
    mean = [sum(column) / len(keys) for column in zip(*keys, strict=True)]
    sigma = math.exp(layer(weights, "bandwidth", query + mean)[0])
    apart = [math.dist(query, key) for key in keys]
    masses = [math.exp(-(one**2 if kernel == "gaussian" else one) / sigma) for one in apart]
    smoothed = [
        sum(mass * number for mass, number in zip(masses, column, strict=True)) / sum(masses)
        for column in zip(*keys, strict=True)
    ]
    hidden = [max(0.0, value) for value in layer(weights, "mixing.0", query + smoothed)]
    interpolation = 1 / (1 + math.exp(-layer(weights, "mixing.2", hidden)[0]))
    p_example: dict[int, float] = defaultdict(float)
    for mass, value in zip(masses, values, strict=True):
        p_example[value] += mass / sum(masses)
    return [
        interpolation * p_example[token] + (1 - interpolation) * math.exp(log_prob)
        for token, log_prob in enumerate(log_probs)
    ]


def combiner_of(kernel: str, k: int, dropout: float = 1.0) -> KernelSmoothedCombiner:
    torch.manual_seed(k)
    combiner = KernelSmoothedCombiner(k, DIMENSION, kernel, dropout)
    combiner.network.double().eval()
    for parameter in combiner.network.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    combiner.network.bandwidth.bias.data.fill_(0.5)
    return combiner


def neighbours_of(queries: Tensor, keys: Tensor, values: Tensor, found: Tensor) -> Neighbours:
    """Neighbours as a search gives them, nearest first; found: (positions,), how many of the keys there are."""
    absent = torch.arange(keys.shape[-2]) >= found.unsqueeze(-1)
    distances = (queries.unsqueeze(-2) - keys).pow(2).sum(-1).masked_fill(absent, math.inf)
    ids = torch.arange(values.numel()).reshape(values.shape).masked_fill(absent, -1)
    neighbours = Neighbours(distances, values.masked_fill(absent, 0), ids, keys=keys)
    return neighbours.select(distances.argsort(dim=-1, stable=True))


@st.composite
def positions(draw: Any) -> tuple[Neighbours, Tensor, Tensor]:
    """Neighbours with keys, queries and the model's log-probabilities, float64."""
    count, k = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    queries = torch.randn(count, DIMENSION, generator=generator, dtype=torch.float64)
    keys = torch.randn(count, k, DIMENSION, generator=generator, dtype=torch.float64)
    keys[0, : draw(st.integers(0, k))] = queries[0]  # distances of 0
    values = torch.randint(VOCABULARY, (count, k), generator=generator)
    found = torch.tensor([draw(st.integers(0, k)) for _ in range(count)])
    log_probs = (3 * torch.randn(count, VOCABULARY, generator=generator, dtype=torch.float64)).log_softmax(-1)
    return neighbours_of(queries, keys, values, found), queries, log_probs


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
@given(found=positions())
def test_it_is_the_slow_version(kernel: str, found: tuple[Neighbours, Tensor, Tensor]) -> None:
    neighbours, queries, log_probs = found
    combiner = combiner_of(kernel, neighbours.values.shape[-1])
    weights = {name: tensor.tolist() for name, tensor in combiner.network.state_dict().items()}
    expected = []
    for row in range(len(queries)):
        present = neighbours.ids[row] >= 0
        assert neighbours.keys is not None
        keys, values = neighbours.keys[row][present].tolist(), neighbours.values[row][present].tolist()
        model = log_probs[row].tolist()
        expected.append(slow_kernel_smoothed(queries[row].tolist(), keys, values, model, weights, kernel))
    mixed = combiner(neighbours, queries, log_probs)
    torch.testing.assert_close(mixed.exp(), torch.tensor(expected, dtype=torch.float64))
    by_length = combiner(
        Neighbours(*(None if part is None else part.unsqueeze(0) for part in vars(neighbours).values())),
        queries.unsqueeze(0),
        log_probs.unsqueeze(0),
    )
    torch.testing.assert_close(by_length.squeeze(0), mixed)


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
@pytest.mark.parametrize("bias", [-1e4, 1e4])
def test_no_bandwidth_is_too_small_or_too_large(kernel: str, bias: float) -> None:
    combiner = combiner_of(kernel, 3)
    combiner.network.float()
    combiner.network.bandwidth.bias.data.fill_(bias)
    queries = torch.zeros(1, DIMENSION)
    keys = torch.stack([torch.zeros(DIMENSION), torch.ones(DIMENSION), torch.full((DIMENSION,), 100.0)]).unsqueeze(0)
    neighbours = neighbours_of(queries, keys, torch.tensor([[1, 2, 3]]), torch.tensor([3]))
    weights = combiner.weights(combiner.positions(neighbours, queries, torch.zeros(1, VOCABULARY).log_softmax(-1)))
    shares = weights.neighbours.softmax(-1)
    expected = torch.tensor([[1.0, 0.0, 0.0]]) if bias < 0 else torch.full((1, 3), 1 / 3)
    torch.testing.assert_close(shares, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("kernel", "bandwidth"), [("gaussian", 100.0), ("laplacian", 10.0)])
def test_the_bandwidth_starts_as_in_the_authors_code(kernel: str, bandwidth: float) -> None:
    network = KernelSmoothedCombiner(2, DIMENSION, kernel, 1.0).network
    assert float(network.bandwidth.bias.detach().exp()) == pytest.approx(bandwidth)


def batch_of(count: int, k: int) -> LabelledPositions:
    """Positions with one neighbour more than k, whose values say which it is."""
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(count, DIMENSION, generator=generator)
    keys = torch.randn(count, k + 1, DIMENSION, generator=generator)
    near = neighbours_of(queries, keys, torch.zeros(count, k + 1).long(), torch.full((count,), k + 1))
    near = replace(near, values=torch.arange(k + 1).expand(count, k + 1))
    log_probs = torch.randn(count, VOCABULARY, generator=generator).log_softmax(-1)
    found = combiner_of("gaussian", k).positions(near, queries, log_probs)
    batch = labelled(found, torch.zeros(count).long(), log_probs)
    return replace(batch, neighbours=near)


def dropped(dropout: float, count: int = 6, k: int = 3) -> LabelledPositions:
    context = TrainingContext(torch.Generator().manual_seed(1), lambda ids: ids, lambda keys, values: keys)
    return combiner_of("gaussian", k, dropout).training_batch(batch_of(count, k), 0, context)


def test_training_drops_the_nearest_neighbour_and_the_spare_one_takes_its_place() -> None:
    before, after = batch_of(6, 3), dropped(1.0)
    assert KernelSmoothedCombiner.spare_neighbours == 1
    assert before.neighbours.keys is not None
    assert after.neighbours.keys is not None
    for name in ("distances", "values", "ids", "keys"):
        assert torch.equal(getattr(after.neighbours, name), getattr(before.neighbours, name)[:, 1:]), name
    assert torch.equal(after.scores.value_log_probs, before.scores.value_log_probs[:, 1:])
    assert torch.equal(after.queries, before.queries)


def test_without_dropout_training_sees_the_k_nearest() -> None:
    assert torch.equal(dropped(0.0).neighbours.ids, batch_of(6, 3).neighbours.ids[:, :3])
    assert torch.equal(batch_of(6, 3).nearest(3).neighbours.ids, batch_of(6, 3).neighbours.ids[:, :3])


def test_each_position_is_drawn_by_itself() -> None:
    first = dropped(0.25, count=4000).neighbours.values[:, 0]
    assert set(first.tolist()) == {0, 1}
    assert float(first.float().mean()) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"kernel": "cosine"}, "kernel is 'cosine'; allowed: gaussian, laplacian"),
        ({"retrieval_dropout": 2}, "retrieval_dropout is 2; allowed: a probability, from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, Any], problem: str) -> None:
    whole = {"k": 4, "dimension": 8, "kernel": "gaussian", "retrieval_dropout": 1, **settings}
    with pytest.raises(InkError, match=problem):
        find_combiner("kernel_smoothed").from_settings(whole)
