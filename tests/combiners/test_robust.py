"""R-kNN against a slow float64 version that goes through the equations neighbour by neighbour."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.combiners.robust import RobustCombiner
from ink.combiners.vanilla import VanillaCombiner
from ink.datastore.search import Neighbours

VOCABULARY, TOP = 12, 8
QUERIES = torch.zeros(1, 1)  # which the combiner does not look at


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def layer(weights: dict[str, Any], name: str, inputs: list[float]) -> list[float]:
    rows = zip(weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True)
    return [sum(w * x for w, x in zip(row, inputs, strict=True)) + bias for row, bias in rows]


def slow_r_knn(
    distances: list[float], values: list[int], of_entries: list[float], log_probs: list[float], weights: dict[str, Any]
) -> list[float]:
    """The mixture of one position, as probabilities; an absent neighbour looks to the networks like the farthest."""
    k = len(distances)
    found = [row for row in zip(distances, values, of_entries, strict=True) if row[0] < math.inf]
    if not found:
        return [math.exp(value) for value in log_probs]
    looked_at = [found[min(i, len(found) - 1)] for i in range(k)]
    d, e = [row[0] for row in looked_at], [row[2] for row in looked_at]
    f = [log_probs[row[1]] for row in looked_at]
    n = [float(len({row[1] for row in looked_at[: i + 1]})) for i in range(k)]
    corrections = []
    for of_entry, of_value in zip(e, f, strict=True):
        hidden = [math.tanh(value) for value in layer(weights, "calibration.0", [of_entry, of_value])]
        corrections += layer(weights, "calibration.2", hidden)
    hidden = [math.tanh(value) for value in layer(weights, "retrieval.0", d + n)]
    s_knn, before_sigmoid = layer(weights, "retrieval.2", hidden)
    tau = 1 / (1 + math.exp(-before_sigmoid))
    (s_nmt,) = layer(weights, "model", sorted(log_probs, reverse=True)[:TOP] + e + f)
    interpolation = softmax([s_knn, s_nmt])[0]
    shares = softmax([-d[i] * tau + corrections[i] for i in range(len(found))])
    p_knn: dict[int, float] = defaultdict(float)
    for share, (_, value, _) in zip(shares, found, strict=True):
        p_knn[value] += share
    return [
        interpolation * p_knn[token] + (1 - interpolation) * math.exp(log_prob)
        for token, log_prob in enumerate(log_probs)
    ]


def combiner_of(k: int, seed: int) -> RobustCombiner:
    """One whose networks have something to say."""
    torch.manual_seed(seed)
    combiner = RobustCombiner(k, hidden_calibration=4, hidden_weight=6, top=TOP)
    for parameter in combiner.network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    combiner.network.eval()
    return combiner


@st.composite
def positions(draw: Any, dtype: torch.dtype) -> tuple[Neighbours, Tensor]:
    count, k = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    some = st.sampled_from([0.0, 0.5, 1.0, 1.0 + 1e-6, 20.0, math.inf]) | st.floats(0, 50, width=32)
    rows = [
        draw(st.just([0.0] * k) | st.lists(some, min_size=k, max_size=k).map(sorted) | st.just([math.inf] * k))
        for _ in range(count)
    ]
    values = [[draw(st.integers(0, VOCABULARY - 1)) if d < math.inf else 0 for d in row] for row in rows]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.1, 3.0, 10.0]))
    log_probs = (scale * torch.randn(count, VOCABULARY, generator=generator, dtype=dtype)).log_softmax(-1)
    of_entries = -8 * torch.rand(count, k, generator=generator, dtype=dtype)
    ids = torch.where(torch.tensor(rows).isinf(), -1, 0)
    return Neighbours(torch.tensor(rows, dtype=dtype), torch.tensor(values), ids, of_entries), log_probs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@given(data=st.data(), seed=st.integers(0, 99))
def test_r_knn_is_the_slow_version(dtype: torch.dtype, data: st.DataObject, seed: int) -> None:
    neighbours, log_probs = data.draw(positions(dtype))
    combiner = combiner_of(neighbours.values.shape[-1], seed)
    combiner.network.to(dtype)
    mixed = combiner(neighbours, QUERIES, log_probs)
    assert mixed.shape == log_probs.shape
    assert mixed.isfinite().all()
    assert neighbours.log_probs is not None
    weights = {name: tensor.double().tolist() for name, tensor in combiner.network.state_dict().items()}
    rows = zip(
        neighbours.distances.tolist(),
        neighbours.values.tolist(),
        neighbours.log_probs.tolist(),
        log_probs.tolist(),
        strict=True,
    )
    expected = torch.tensor([slow_r_knn(*row, weights) for row in rows], dtype=torch.float64)
    torch.testing.assert_close(mixed.exp().double(), expected, atol=1e-5, rtol=1e-5)


@given(positions(torch.float32))
def test_with_lambda_0_it_is_the_model_bit_by_bit(found: tuple[Neighbours, Tensor]) -> None:
    neighbours, log_probs = found
    combiner = combiner_of(neighbours.values.shape[-1], 0)
    combiner.network.model.bias.data.fill_(1e4)
    assert torch.equal(combiner(neighbours, QUERIES, log_probs), log_probs)


def test_with_lambda_1_tau_1_and_no_correction_it_is_v_knn_at_temperature_1() -> None:
    combiner = combiner_of(3, 0)
    network: Any = combiner.network
    for last, bias in ((network.calibration[-1], [0.0]), (network.retrieval[-1], [1e4, 1e4])):
        last.weight.data.zero_()
        last.bias.data = torch.tensor(bias)
    neighbours = Neighbours(
        torch.tensor([[0.5, 1.0, 2.0]]), torch.tensor([[3, 0, 3]]), torch.zeros(1, 3).long(), torch.zeros(1, 3)
    )
    log_probs = torch.randn(1, VOCABULARY).log_softmax(-1)
    expected = VanillaCombiner(3, 1.0, 1.0)(neighbours, QUERIES, log_probs)
    torch.testing.assert_close(combiner(neighbours, QUERIES, log_probs).exp(), expected.exp())


def test_it_needs_keys_and_its_twin_without_them_is_the_same_network() -> None:
    combiner = combiner_of(3, 0)
    assert (combiner.needs_keys, combiner.needs_log_probs, combiner.top_probabilities) == (True, True, TOP)
    twin: Combiner = combiner.without_keys()
    assert (twin.needs_keys, twin.needs_log_probs, twin.top_probabilities) == (False, True, TOP)
    assert twin.network is combiner.network
    assert combiner.needs_keys


def test_neighbours_without_log_probabilities_are_refused() -> None:
    neighbours = Neighbours(torch.zeros(1, 2), torch.zeros(1, 2).long(), torch.zeros(1, 2).long())
    with pytest.raises(ValueError, match="without their log-probabilities"):
        combiner_of(2, 0)(neighbours, QUERIES, torch.zeros(1, VOCABULARY).log_softmax(-1))
