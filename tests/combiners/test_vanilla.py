"""The mixture and V-kNN against a slow float64 version that keeps p_kNN as a dictionary over the vocabulary."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ink.combiners.combiner import LOG_ZERO, Weights, log_mass, mixture
from ink.combiners.vanilla import VanillaCombiner, vanilla_log_shares
from ink.datastore.search import Neighbours

VOCABULARY = 7
QUERIES = torch.zeros(1, 1)  # which the combiner does not look at


def slow_v_knn(
    distances: list[float], values: list[int], log_probs: list[float], interpolation: float, temperature: float
) -> list[float]:
    """lambda p_kNN + (1 - lambda) p_NMT of one position, as probabilities."""
    p_knn: dict[int, float] = defaultdict(float)
    present = [(distance, value) for distance, value in zip(distances, values, strict=True) if distance < math.inf]
    if not present:
        return [math.exp(value) for value in log_probs]
    nearest = min(distance for distance, _ in present)
    total = sum(math.exp(-(distance - nearest) / temperature) for distance, _ in present)
    for distance, value in present:
        p_knn[value] += math.exp(-(distance - nearest) / temperature) / total
    return [
        interpolation * p_knn[token] + (1 - interpolation) * math.exp(log_prob)
        for token, log_prob in enumerate(log_probs)
    ]


def neighbours_of(distances: Any, values: Any) -> Neighbours:
    distances, values = torch.tensor(distances, dtype=torch.float32), torch.tensor(values)
    return Neighbours(distances, values, torch.where(distances.isinf(), -1, 0))


@st.composite
def positions(draw: Any) -> tuple[Neighbours, Tensor]:
    count, k = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    some = st.sampled_from([0.0, 0.5, 1.0, 1.0 + 1e-6, 30.0, 900.0, math.inf]) | st.floats(0, 200, width=32)
    distances = [sorted(draw(st.lists(some, min_size=k, max_size=k))) for _ in range(count)]
    # as Searcher gives them: absent neighbours have value 0, which is a token like any other
    values = [[draw(st.integers(0, VOCABULARY - 1)) if d < math.inf else 0 for d in row] for row in distances]
    seed = draw(st.integers(0, 2**32 - 1))
    logits = draw(st.sampled_from([0.1, 3.0, 30.0])) * torch.randn(
        count, VOCABULARY, generator=torch.Generator().manual_seed(seed)
    )
    return neighbours_of(distances, values), logits.log_softmax(-1)


@given(
    found=positions(),
    interpolation=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]),
    temperature=st.sampled_from([0.5, 1.0, 10.0, 100.0]),
)
def test_v_knn_is_the_slow_version(found: tuple[Neighbours, Tensor], interpolation: float, temperature: float) -> None:
    neighbours, log_probs = found
    mixed = VanillaCombiner(neighbours.values.shape[-1], interpolation, temperature)(neighbours, QUERIES, log_probs)
    assert mixed.shape == log_probs.shape
    assert not mixed.isnan().any()
    rows = zip(neighbours.distances.tolist(), neighbours.values.tolist(), log_probs.double().tolist(), strict=True)
    expected = torch.tensor([slow_v_knn(*row, interpolation, temperature) for row in rows], dtype=torch.float64)
    torch.testing.assert_close(mixed.exp().double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mixed.exp().sum(-1), torch.ones(len(mixed)), atol=1e-5, rtol=0)


@given(positions())
def test_lambda_0_is_the_model_bit_by_bit(found: tuple[Neighbours, Tensor]) -> None:
    neighbours, log_probs = found
    combiner = VanillaCombiner(neighbours.values.shape[-1], 0.0, 10.0)
    assert torch.equal(combiner(neighbours, QUERIES, log_probs), log_probs)


def test_a_mixture_worked_out_by_hand() -> None:
    # weights 1/2, 1/4, 1/4 at T = 1; token 3 holds 3/4 of p_kNN
    neighbours = neighbours_of([[[0.0, math.log(2), math.log(2)]]], [[[3, 5, 3]]])
    log_probs = torch.full((1, 1, 10), 0.1).log()
    expected = [0.05] * 10
    expected[3], expected[5] = 0.05 + 0.375, 0.05 + 0.125
    mixed = VanillaCombiner(3, 0.5, 1.0)(neighbours, QUERIES, log_probs)
    torch.testing.assert_close(mixed.exp(), torch.tensor([[expected]]))


def test_lambda_1_is_the_neighbours_alone() -> None:
    neighbours = neighbours_of([[0.0, 0.0]], [[2, 4]])
    mixed = VanillaCombiner(2, 1.0, 10.0)(neighbours, QUERIES, torch.zeros(1, 6).log_softmax(-1))
    torch.testing.assert_close(mixed.exp(), torch.tensor([[0, 0, 0.5, 0, 0.5, 0]]))
    assert mixed.isfinite().all()


def test_a_position_without_neighbours_stays_with_the_model() -> None:
    log_probs = torch.randn(2, 6).log_softmax(-1)
    neighbours = neighbours_of([[math.inf, math.inf], [0.0, math.inf]], [[0, 0], [3, 0]])
    mixed = VanillaCombiner(2, 1.0, 10.0)(neighbours, QUERIES, log_probs)
    assert torch.equal(mixed[0], log_probs[0])
    assert mixed[1].exp().tolist() == [0, 0, 0, 1, 0, 0]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True), st.sampled_from([1e-3, 1e-5, 1e-9]))
def test_as_the_temperature_goes_to_0_the_nearest_neighbour_takes_all(distances: list[int], temperature: float) -> None:
    shares = vanilla_log_shares(torch.tensor([sorted(distances)], dtype=torch.float32), temperature)
    assert shares.exp().tolist() == [[1.0] + [0.0] * (len(distances) - 1)]


def test_as_the_temperature_rises_neighbours_become_equal() -> None:
    shares = vanilla_log_shares(torch.tensor([[0.0, 5.0, 50.0, math.inf]]), 1e9)
    torch.testing.assert_close(shares.exp(), torch.tensor([[1 / 3, 1 / 3, 1 / 3, 0.0]]))


def test_neighbours_share_the_mass_of_their_value() -> None:
    found = log_mass(torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log(), torch.tensor([[7, 9, 7, 9]]))
    torch.testing.assert_close(found.exp(), torch.tensor([[0.625, 0.375, 0.625, 0.375]]))


def test_lambda_may_differ_by_position() -> None:
    log_probs = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    values = torch.tensor([[1], [1]])
    weights = Weights(torch.tensor([[LOG_ZERO], [math.log(0.5)]]), torch.tensor([[0.0], [math.log(0.5)]]))
    mixed = mixture(log_probs, weights, values, log_probs.gather(-1, values))
    torch.testing.assert_close(mixed.exp(), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))


def slow_mixture(log_probs: Tensor, added: Tensor, model: Tensor, values: Tensor) -> Tensor:
    """The log of the mixture as a sum over a dense p_kNN, which needs no scatter."""
    holds = torch.nn.functional.one_hot(values, log_probs.shape[-1]).to(log_probs.dtype)
    return (log_probs.exp() * model.exp() + (added.exp().unsqueeze(-1) * holds).sum(-2)).log()


REPEATED = {
    "distinct": [[1, 2, 3, 4]],
    "twice": [[3, 1, 3, 4]],
    "all the same": [[2, 2, 2, 2]],
    "token 0, and absent ones that stand as 0": [[5, 0, 0, 0], [0, 0, 0, 0], [0, 5, 0, 5]],
}


@pytest.mark.parametrize("values", REPEATED.values(), ids=REPEATED)
def test_gradients_are_those_of_the_slow_version_however_often_a_value_is_repeated(values: list[list[int]]) -> None:
    of = torch.tensor(values)
    drawn = torch.Generator().manual_seed(0)
    log_probs = torch.randn(len(of), VOCABULARY, generator=drawn, dtype=torch.float64).log_softmax(-1)
    added = torch.randn(of.shape, generator=drawn, dtype=torch.float64).log_softmax(-1) + math.log(0.6)
    added[:, 2:] = added[:, 2:].masked_fill(of[:, 2:] == 0, LOG_ZERO)  # absent
    model = torch.full((len(of), 1), math.log(0.4), dtype=torch.float64)
    leaves = [leaf.requires_grad_() for leaf in (log_probs, added, model)]

    def fast(log_probs: Tensor, added: Tensor, model: Tensor) -> Tensor:
        return mixture(log_probs, Weights(added, model), of, log_probs.gather(-1, of))

    seen = torch.randn(log_probs.shape, generator=drawn, dtype=torch.float64)
    found, expected = fast(*leaves), slow_mixture(*leaves, of)
    torch.testing.assert_close(found, expected)
    gradients = zip(torch.autograd.grad(found, leaves, seen), torch.autograd.grad(expected, leaves, seen), strict=True)
    for one, other in gradients:
        torch.testing.assert_close(one, other)
    # an absent neighbour's weight is too far from 0 for differences to be taken there
    assert torch.autograd.gradcheck(lambda *free: fast(free[0], leaves[1].detach(), free[1]), (log_probs, model))
    if (added > LOG_ZERO).all():
        assert torch.autograd.gradcheck(fast, leaves)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that any operation gives."""

    largest = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        self.largest = max([self.largest, *sizes])
        return output


@pytest.mark.parametrize("k", [1, 16])
def test_no_tensor_over_neighbours_and_vocabulary_is_made(k: int) -> None:
    log_probs = torch.randn(3, 2, 1000).log_softmax(-1)
    neighbours = neighbours_of(torch.rand(3, 2, k).tolist(), torch.randint(1000, (3, 2, k)).tolist())
    with LargestTensor() as seen:
        VanillaCombiner(k, 0.5, 10.0)(neighbours, QUERIES, log_probs)
    assert seen.largest == log_probs.numel()
