"""Lambda by the model's confidence against a slow float64 version that goes token by token."""

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

from ink.combiners.confidence import MEASURES, ConfidenceCombiner
from ink.combiners.known_combiners import find_combiner
from ink.combiners.vanilla import VanillaCombiner
from ink.datastore.search import Neighbours
from ink.runtime.errors import InkError

VOCABULARY = 7
QUERIES = torch.zeros(1, 1)  # which the combiner does not look at


def confidence_of(probabilities: list[float], measure: str) -> float:
    if measure == "probability":
        return max(probabilities)
    return math.exp(sum(p * math.log(p) for p in probabilities if p > 0))


def slow_mixture(
    distances: list[float], values: list[int], log_probs: list[float], largest: float, temperature: float, measure: str
) -> list[float]:
    """lambda_t p_kNN + (1 - lambda_t) p_NMT of one position, as probabilities."""
    model = [math.exp(value) for value in log_probs]
    present = [(distance, value) for distance, value in zip(distances, values, strict=True) if distance < math.inf]
    if not present:
        return model
    interpolation = largest * (1 - confidence_of(model, measure))
    nearest = min(distance for distance, _ in present)
    total = sum(math.exp(-(distance - nearest) / temperature) for distance, _ in present)
    p_knn: dict[int, float] = defaultdict(float)
    for distance, value in present:
        p_knn[value] += math.exp(-(distance - nearest) / temperature) / total
    return [interpolation * p_knn[token] + (1 - interpolation) * p for token, p in enumerate(model)]


@st.composite
def positions(draw: Any) -> tuple[Neighbours, Tensor]:
    """Neighbours as a search gives them, and the model's log-probabilities, float64: flat, and all but certain."""
    count, k = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    distances = (50 * torch.rand(count, k, generator=generator, dtype=torch.float64)).sort(-1).values
    found = torch.tensor([[draw(st.integers(0, k))] for _ in range(count)])
    absent = torch.arange(k) >= found
    values = torch.randint(VOCABULARY, (count, k), generator=generator).masked_fill(absent, 0)
    ids = torch.arange(count * k).reshape(count, k).masked_fill(absent, -1)
    spread = draw(st.sampled_from([0.0, 1.0, 10.0, 1000.0]))
    logits = spread * torch.randn(count, VOCABULARY, generator=generator, dtype=torch.float64)
    return Neighbours(distances.masked_fill(absent, math.inf), values, ids), logits.log_softmax(-1)


@pytest.mark.parametrize("measure", MEASURES)
@given(found=positions(), largest=st.sampled_from([0.0, 0.4, 1.0]), temperature=st.sampled_from([0.5, 10.0, 100.0]))
def test_it_is_the_slow_version(
    measure: str, found: tuple[Neighbours, Tensor], largest: float, temperature: float
) -> None:
    neighbours, log_probs = found
    combiner = ConfidenceCombiner(neighbours.values.shape[-1], largest, temperature, measure)
    mixed = combiner(neighbours, QUERIES, log_probs)
    assert not mixed.isnan().any()
    rows = zip(neighbours.distances.tolist(), neighbours.values.tolist(), log_probs.tolist(), strict=True)
    expected = torch.tensor([slow_mixture(*row, largest, temperature, measure) for row in rows], dtype=torch.float64)
    torch.testing.assert_close(mixed.exp(), expected)
    torch.testing.assert_close(mixed.exp().sum(-1), torch.ones(len(mixed), dtype=torch.float64))


def one_position(probabilities: list[float]) -> tuple[Neighbours, Tensor]:
    return Neighbours(torch.tensor([[1.0]]), torch.tensor([[0]]), torch.tensor([[0]])), torch.tensor(
        [probabilities]
    ).log()


@pytest.mark.parametrize("measure", MEASURES)
def test_a_certain_model_is_left_alone_and_an_unsure_one_hears_its_neighbours(measure: str) -> None:
    combiner = ConfidenceCombiner(1, 0.8, 10.0, measure)
    neighbours, certain = one_position([0.0, 1.0, 0.0, 0.0])
    assert combiner(neighbours, QUERIES, certain).exp().tolist() == [[0, 1, 0, 0]]
    # confidence 1/4 by either measure
    _, unsure = one_position([0.25] * 4)
    mixed = combiner(neighbours, QUERIES, unsure).exp()
    torch.testing.assert_close(mixed, torch.tensor([[0.6 + 0.4 * 0.25, 0.1, 0.1, 0.1]]))


@given(positions())
def test_it_trusts_neighbours_no_more_than_v_knn_with_the_same_lambda(found: tuple[Neighbours, Tensor]) -> None:
    neighbours, log_probs = found
    k = neighbours.values.shape[-1]
    fixed = VanillaCombiner(k, 0.7, 10.0)
    whole = fixed.weights(fixed.positions(neighbours, QUERIES, log_probs)).model
    by_measure = []
    for measure in MEASURES:
        combiner = ConfidenceCombiner(k, 0.7, 10.0, measure)
        by_measure.append(combiner.weights(combiner.positions(neighbours, QUERIES, log_probs)).model)
        assert (by_measure[-1] >= whole - 1e-12).all()
    # exp(-H) is at most the highest probability: by entropy neighbours count at least as much
    assert (by_measure[1] <= by_measure[0] + 1e-9).all()


def test_half_precision_of_a_sure_model_gives_no_nan() -> None:
    neighbours, _ = one_position([1.0])
    log_probs = torch.tensor([[1e-7, -30.0]])  # log p above 0 by rounding
    for measure in MEASURES:
        combiner = ConfidenceCombiner(1, 1.0, 10.0, measure)
        assert combiner(neighbours, QUERIES, log_probs).isfinite().all()


def test_positions_have_what_the_measure_needs_and_keep_it() -> None:
    neighbours, log_probs = one_position([0.5, 0.25, 0.125, 0.125])
    by_entropy = ConfidenceCombiner(1, 0.5, 10.0, "entropy").positions(neighbours, QUERIES, log_probs)
    assert by_entropy.scores.top_log_probs.shape == (1, 0)
    assert by_entropy.scores.entropy is not None
    assert float(by_entropy.scores.entropy) == pytest.approx(1.75 * math.log(2))
    assert by_entropy.select(torch.tensor([[0]])).scores.entropy is by_entropy.scores.entropy
    by_probability = ConfidenceCombiner(1, 0.5, 10.0, "probability").positions(neighbours, QUERIES, log_probs)
    assert by_probability.scores.entropy is None
    assert by_probability.scores.top_log_probs.exp().tolist() == [[0.5]]
    assert replace(by_probability.scores).entropy is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"confidence": "margin"}, "confidence is 'margin'; allowed: probability, entropy"),
        ({"lambda": 1.5}, "lambda is 1.5; allowed: a share, from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, Any], problem: str) -> None:
    whole = {"k": 4, "lambda": 0.5, "temperature": 10, "confidence": "entropy", **settings}
    with pytest.raises(InkError, match=problem):
        find_combiner("confidence").from_settings(whole)
