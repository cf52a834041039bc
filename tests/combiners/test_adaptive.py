"""A-kNN against a slow float64 version that goes through the equations neighbour by neighbour."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ink.combiners.adaptive import AdaptiveCombiner
from ink.combiners.features import distinct_counts, first_occurrences, present_neighbours, with_farthest_repeated
from ink.datastore.search import Neighbours
from ink.runtime.errors import InkError

VOCABULARY = 9
QUERIES = torch.zeros(1, 1)  # which the combiner does not look at


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def layer(weights: dict[str, Any], name: str, inputs: list[float]) -> list[float]:
    rows = zip(weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True)
    return [sum(w * x for w, x in zip(row, inputs, strict=True)) + bias for row, bias in rows]


def slow_a_knn(
    distances: list[float], values: list[int], log_probs: list[float], weights: dict[str, Any], temperature: float
) -> list[float]:
    """The mixture of one position, as probabilities; an absent neighbour looks to the network like the farthest."""
    k = len(distances)
    found = [(d, v) for d, v in zip(distances, values, strict=True) if d < math.inf]
    if not found:
        return [math.exp(value) for value in log_probs]
    looked_at = [found[min(i, len(found) - 1)] for i in range(k)]
    inputs = [d for d, _ in looked_at] + [float(len({v for _, v in looked_at[: i + 1]})) for i in range(k)]
    hidden = [math.tanh(value) for value in layer(weights, "0", inputs)]
    choice = softmax(layer(weights, "3", hidden))
    mixed = [choice[0] * math.exp(value) for value in log_probs]
    for weight, first in zip(choice[1:], [2**power for power in range(k.bit_length())], strict=True):
        near = found[:first]
        shares = softmax([-d / temperature for d, _ in near])
        mass: dict[int, float] = defaultdict(float)
        for share, (_, value) in zip(shares, near, strict=True):
            mass[value] += share
        for value, of_value in mass.items():
            mixed[value] += weight * of_value
    return mixed


def combiner_of(k: int, temperature: float, seed: int) -> AdaptiveCombiner:
    """One whose network has something to say."""
    torch.manual_seed(seed)
    combiner = AdaptiveCombiner(k, temperature, hidden=5, dropout=0.0)
    for parameter in combiner.network.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    combiner.network.eval()
    return combiner


def as_lists(combiner: AdaptiveCombiner) -> dict[str, Any]:
    return {name: tensor.double().tolist() for name, tensor in combiner.network.state_dict().items()}


@st.composite
def positions(draw: Any, dtype: torch.dtype) -> tuple[Neighbours, Tensor]:
    count, k = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 4, 8]))
    some = st.sampled_from([0.0, 0.5, 1.0, 1.0 + 1e-6, 20.0, math.inf]) | st.floats(0, 50, width=32)
    rows = [
        draw(st.just([0.0] * k) | st.lists(some, min_size=k, max_size=k).map(sorted) | st.just([math.inf] * k))
        for _ in range(count)
    ]
    values = [[draw(st.integers(0, VOCABULARY - 1)) if d < math.inf else 0 for d in row] for row in rows]
    seed = draw(st.integers(0, 2**32 - 1))
    logits = draw(st.sampled_from([0.1, 3.0, 30.0])) * torch.randn(
        count, VOCABULARY, generator=torch.Generator().manual_seed(seed), dtype=dtype
    )
    ids = torch.where(torch.tensor(rows).isinf(), -1, 0)
    return Neighbours(torch.tensor(rows, dtype=dtype), torch.tensor(values), ids), logits.log_softmax(-1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@given(data=st.data(), temperature=st.sampled_from([0.5, 1.0, 10.0, 100.0]), seed=st.integers(0, 99))
def test_a_knn_is_the_slow_version(dtype: torch.dtype, data: st.DataObject, temperature: float, seed: int) -> None:
    neighbours, log_probs = data.draw(positions(dtype))
    combiner = combiner_of(neighbours.values.shape[-1], temperature, seed)
    combiner.network.to(dtype)
    mixed = combiner(neighbours, QUERIES, log_probs)
    assert mixed.shape == log_probs.shape
    assert mixed.isfinite().all()
    rows = zip(neighbours.distances.tolist(), neighbours.values.tolist(), log_probs.tolist(), strict=True)
    expected = [slow_a_knn(*row, as_lists(combiner), temperature) for row in rows]
    torch.testing.assert_close(mixed.exp().double(), torch.tensor(expected, dtype=torch.float64), atol=1e-5, rtol=1e-5)


def always(combiner: AdaptiveCombiner, choice: int) -> AdaptiveCombiner:
    """Let the network choose one of p_NMT, p_1, p_2, p_4, .. whatever it sees."""
    last: Any = combiner.network[-1]
    last.weight.data.zero_()
    last.bias.data.fill_(-1e4)
    last.bias.data[choice] = 1e4
    return combiner


@given(positions(torch.float32))
def test_with_lambda_0_it_is_the_model_bit_by_bit(found: tuple[Neighbours, Tensor]) -> None:
    neighbours, log_probs = found
    combiner = always(combiner_of(neighbours.values.shape[-1], 10.0, 0), 0)
    assert torch.equal(combiner(neighbours, QUERIES, log_probs), log_probs)


@pytest.mark.parametrize("choice", [1, 2, 3])
def test_as_the_temperature_goes_to_0_the_nearest_neighbour_takes_all(choice: int) -> None:
    combiner = always(combiner_of(4, 1e-9, 0), choice)
    neighbours = Neighbours(
        torch.tensor([[1.0, 2.0, 3.0, 9.0]]), torch.tensor([[5, 2, 2, 2]]), torch.zeros(1, 4).long()
    )
    expected = torch.zeros(1, VOCABULARY)
    expected[0, 5] = 1.0
    torch.testing.assert_close(
        combiner(neighbours, QUERIES, torch.zeros(1, VOCABULARY).log_softmax(-1)).exp(), expected
    )


def test_neighbours_beyond_the_first_r_are_left_out_where_all_distances_are_0() -> None:
    combiner = always(combiner_of(4, 10.0, 0), 2)
    neighbours = Neighbours(torch.zeros(1, 4), torch.tensor([[3, 1, 2, 2]]), torch.zeros(1, 4).long())
    mixed = combiner(neighbours, QUERIES, torch.zeros(1, VOCABULARY).log_softmax(-1)).exp()
    torch.testing.assert_close(mixed, torch.tensor([[0, 0.5, 0, 0.5, 0, 0, 0, 0, 0]]))


def test_distinct_values_are_counted_token_0_included() -> None:
    values = torch.tensor([[0, 3, 0, 5, 3], [7, 7, 7, 0, 0]])
    present = torch.tensor([[True] * 5, [True, True, True, False, False]])
    assert distinct_counts(values, present).tolist() == [[1, 2, 2, 3, 3], [1, 1, 1, 1, 1]]
    assert first_occurrences(values, present).tolist() == [[True, True, False, True, False], [True, *[False] * 4]]


def test_absent_neighbours_look_like_the_farthest() -> None:
    distances = torch.tensor([[1.0, 2.0, math.inf], [math.inf] * 3, [0.0, 4.0, 5.0]])
    present = present_neighbours(distances)
    assert with_farthest_repeated(distances, present).tolist() == [[1, 2, 2], [0, 0, 0], [0, 4, 5]]


def test_the_first_layer_starts_as_published() -> None:
    torch.manual_seed(0)
    first: Any = AdaptiveCombiner(512, 10.0, hidden=512, dropout=0.0).network[0]
    deviation = math.sqrt(2 / (512 + 512))  # of Xavier's normal distribution
    assert float(first.weight.detach()[:, :512].std()) == pytest.approx(0.01 * deviation, rel=0.02)
    assert float(first.weight.detach()[:, 512:].std()) == pytest.approx(0.1 * deviation, rel=0.02)


@pytest.mark.parametrize("k", [1, 2, 16])
def test_it_chooses_among_the_model_and_powers_of_2(k: int) -> None:
    last: Any = AdaptiveCombiner(k, 10.0, hidden=4, dropout=0.0).network[-1]
    assert last.out_features == 2 + math.log2(k)


@pytest.mark.parametrize("k", [0, 3, 12])
def test_a_k_that_is_no_power_of_2_is_refused(k: int) -> None:
    with pytest.raises(InkError, match=f"max_k is {k}; allowed: a power of 2"):
        AdaptiveCombiner(k, 10.0, hidden=4, dropout=0.0)
