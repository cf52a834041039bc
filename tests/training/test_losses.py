"""INK's objectives against loops in double precision over dictionaries, as the paper writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ink.combiners.combiner import log_mass, log_shares
from ink.training.losses import cosines, l_i, l_r

VOCABULARY = 6


@dataclass
class Positions:
    """Queries of a batch with what was retrieved for them."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    present: Tensor
    output: Tensor  # (vocabulary, dimension)
    targets: Tensor

    def log_probs(self, queries: Tensor | None = None) -> Tensor:
        return torch.log_softmax((self.queries if queries is None else queries) @ self.output.T, dim=-1)

    def similarities(self, queries: Tensor | None = None) -> Tensor:
        return cosines(self.queries if queries is None else queries, self.keys)


def make(
    positions: int, k: int, dimension: int, seed: int, present: Tensor, dtype: torch.dtype = torch.float64
) -> Positions:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    def tokens(*shape: int) -> Tensor:
        return torch.randint(VOCABULARY, shape, generator=generator)

    return Positions(
        queries=normal(positions, dimension),
        keys=normal(positions, k, dimension),
        values=tokens(positions, k),
        present=present,
        output=normal(VOCABULARY, dimension),
        targets=tokens(positions),
    )


@st.composite
def batches(draw: st.DrawFn, dtype: torch.dtype = torch.float64, gaps: bool = True) -> Positions:
    """Few tokens and many neighbours, so that values repeat; `gaps`: neighbours may be absent anywhere."""
    positions, k = draw(st.integers(1, 4)), draw(st.integers(1, 11))
    rows = st.lists(st.booleans(), min_size=k, max_size=k)
    present = torch.tensor(draw(st.lists(rows, min_size=positions, max_size=positions)))
    if not gaps:
        present = present.sort(dim=-1, descending=True).values
    return make(positions, k, draw(st.integers(2, 4)), draw(st.integers(0, 2**31)), present, dtype)


def kernel_masses(batch: Positions, position: int, slots: int, released: bool) -> dict[int, float]:
    """The kernel's mass on each value, from the neighbours in the first `slots` places."""
    query = [float(x) for x in batch.queries[position]]
    masses: dict[int, float] = {}
    for slot in range(min(slots, batch.keys.shape[1])):
        if not batch.present[position, slot]:
            continue
        key = [float(x) for x in batch.keys[position, slot]]
        dot = sum(a * b for a, b in zip(query, key, strict=True))
        cosine = dot / math.sqrt(sum(a * a for a in query)) / math.sqrt(sum(b * b for b in key))
        kernel = math.exp(math.exp(cosine)) if released else math.exp(cosine)
        value = int(batch.values[position, slot])
        masses[value] = masses.get(value, 0.0) + kernel
    return masses


def slow_l_i(batch: Positions, variant: str) -> float:
    total = 0.0
    released = variant == "released"
    for position in range(len(batch.queries)):
        masses = kernel_masses(batch, position, 8 if released else 10**6, released)
        logits = [
            sum(float(a) * float(b) for a, b in zip(row, batch.queries[position], strict=True)) for row in batch.output
        ]
        log_total = math.log(sum(math.exp(logit) for logit in logits))
        for token in range(VOCABULARY):
            if token in masses:
                share = masses[token] / sum(masses.values())
                total += share * (math.log(share) - (logits[token] - log_total))
    return total


def slow_l_r(batch: Positions) -> float:
    total = 0.0
    for position in range(len(batch.queries)):
        masses = kernel_masses(batch, position, 10**6, released=False)
        target = int(batch.targets[position])
        if target in masses:
            total -= math.log(masses[target] / sum(masses.values()))
    return total


def close(found: Tensor, expected: float, tolerance: float) -> bool:
    return abs(float(found.detach()) - expected) <= tolerance * max(1.0, abs(expected))


@settings(deadline=None)
@given(batches())
def test_l_i_is_the_kl_divergence_over_the_vocabulary(batch: Positions) -> None:
    found = l_i(batch.similarities(), batch.values, batch.present, batch.log_probs())
    assert close(found, slow_l_i(batch, "paper"), 1e-9)


@settings(deadline=None)
@given(batches(gaps=False))
def test_l_i_as_released_takes_eight_neighbours_and_the_kernel_twice(batch: Positions) -> None:
    found = l_i(batch.similarities(), batch.values, batch.present, batch.log_probs(), "released")
    assert close(found, slow_l_i(batch, "released"), 1e-9)


@settings(deadline=None)
@given(batches())
def test_l_r_is_the_log_share_of_the_target(batch: Positions) -> None:
    found = l_r(batch.similarities(), batch.values, batch.present, batch.targets)
    assert close(found, slow_l_r(batch), 1e-9)


@settings(deadline=None, max_examples=30)
@given(batches(dtype=torch.float32, gaps=False))
def test_in_single_precision_they_agree_to_five_digits(batch: Positions) -> None:
    similarities, log_probs = batch.similarities(), batch.log_probs()
    for variant in ("paper", "released"):
        found = l_i(similarities, batch.values, batch.present, log_probs, variant)
        assert found.dtype == torch.float32
        assert close(found, slow_l_i(batch, variant), 1e-5)
    assert close(l_r(similarities, batch.values, batch.present, batch.targets), slow_l_r(batch), 1e-5)


def test_l_i_is_zero_where_the_model_agrees_and_positive_elsewhere() -> None:
    batch = make(3, 6, 4, 1, torch.ones(3, 6, dtype=torch.bool))
    similarities = batch.similarities()
    retrieved = torch.full((3, VOCABULARY), -torch.inf, dtype=torch.float64)
    retrieved.scatter_(1, batch.values, log_mass(log_shares(similarities, batch.present), batch.values))
    assert float(l_i(similarities, batch.values, batch.present, retrieved)) == pytest.approx(0.0, abs=1e-12)
    assert float(l_i(similarities, batch.values, batch.present, batch.log_probs())) > 0.0


def test_by_hand() -> None:
    """Cosines 1, 0, 0 with values a, a, b: p_kNN(a) = (e + 1) / (e + 2), p_kNN(b) = 1 / (e + 2)."""
    queries = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    keys = torch.tensor([[[3.0, 0.0], [0.0, 1.0], [0.0, -5.0]]], dtype=torch.float64)
    values, present = torch.tensor([[4, 4, 7]]), torch.ones(1, 3, dtype=torch.bool)
    log_probs = torch.full((1, 8), 1 / 8, dtype=torch.float64).log()
    of_a, of_b = (math.e + 1) / (math.e + 2), 1 / (math.e + 2)
    expected = of_a * math.log(8 * of_a) + of_b * math.log(8 * of_b)
    similarities = cosines(queries, keys)
    assert float(l_i(similarities, values, present, log_probs)) == pytest.approx(expected, abs=1e-12)
    for target, loss in ((4, -math.log(of_a)), (7, -math.log(of_b)), (1, 0.0)):
        found = l_r(similarities, values, present, torch.tensor([target]))
        assert float(found) == pytest.approx(loss, abs=1e-12)


def corner(name: str) -> Positions:
    every = torch.ones(3, 5, dtype=torch.bool)
    batch = make(3, 5, 4, 5, every)
    if name == "one value":
        batch.values[:] = 2
        batch.targets[:] = 2
    elif name == "no neighbour has the target":
        batch.values[:] = 2
        batch.targets[:] = 3
    elif name == "all absent in one position":
        batch.present = every.clone()
        batch.present[1] = False
    elif name == "all absent":
        batch.present = torch.zeros(3, 5, dtype=torch.bool)
    elif name == "the absent one has the target":
        batch.values[:] = torch.tensor([2, 2, 2, 2, 3])
        batch.targets[:] = 3
        batch.present = every.clone()
        batch.present[:, -1] = False
    elif name == "an absent one repeats a value":
        batch.values[:] = 2
        batch.targets[:] = 2
        batch.present = every.clone()
        batch.present[:, 2:] = False
    elif name == "k = 1":
        batch = make(3, 1, 4, 5, torch.tensor([[True], [False], [True]]))
        batch.targets = batch.values[:, 0].clone()
    elif name == "a query equal to its key":
        batch.keys[:, 0] = batch.queries
    return batch


CORNERS = [
    "one value",
    "no neighbour has the target",
    "all absent in one position",
    "all absent",
    "the absent one has the target",
    "an absent one repeats a value",
    "k = 1",
    "a query equal to its key",
    "nothing special",
]


@pytest.mark.parametrize("name", CORNERS)
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_gradients_in_every_corner(name: str, variant: str) -> None:
    batch = corner(name)
    queries = batch.queries.clone().requires_grad_()

    def interpolated(queries: Tensor) -> Tensor:
        return l_i(batch.similarities(queries), batch.values, batch.present, batch.log_probs(queries), variant)

    def contrastive(queries: Tensor) -> Tensor:
        return l_r(batch.similarities(queries), batch.values, batch.present, batch.targets)

    for objective in (interpolated, contrastive):
        value = objective(queries)
        assert torch.isfinite(value)
        (gradient,) = torch.autograd.grad(value, queries)
        assert torch.isfinite(gradient).all()
        assert torch.autograd.gradcheck(objective, (queries,))
    assert close(interpolated(queries), slow_l_i(batch, variant), 1e-9)
    assert close(contrastive(queries), slow_l_r(batch), 1e-9)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_gradients_reach_the_queries_through_both_sides_of_l_i(variant: str) -> None:
    batch = make(3, 7, 4, 11, torch.ones(3, 7, dtype=torch.bool))

    def value(retrieval: Tensor, model: Tensor) -> Tensor:
        return l_i(batch.similarities(retrieval), batch.values, batch.present, batch.log_probs(model), variant)

    def slope(move_retrieval: bool, move_model: bool, position: int, axis: int, step: float = 1e-6) -> float:
        ends = []
        for sign in (step, -step):
            moved = batch.queries.clone()
            moved[position, axis] += sign
            retrieval = moved if move_retrieval else batch.queries
            ends.append(float(value(retrieval, moved if move_model else batch.queries)))
        return (ends[0] - ends[1]) / (2 * step)

    queries = batch.queries.clone().requires_grad_()
    (whole,) = torch.autograd.grad(value(queries, queries), queries)
    (through_retrieval,) = torch.autograd.grad(value(queries, batch.queries), queries)
    (through_model,) = torch.autograd.grad(value(batch.queries, queries), queries)
    assert through_retrieval.abs().min() > 1e-6
    assert through_model.abs().min() > 1e-6
    for position in range(3):
        for axis in range(4):
            at = (position, axis)
            assert float(whole[at]) == pytest.approx(slope(True, True, *at), abs=1e-7)
            assert float(through_retrieval[at]) == pytest.approx(slope(True, False, *at), abs=1e-7)
            assert float(through_model[at]) == pytest.approx(slope(False, True, *at), abs=1e-7)


def test_log_shares_sum_to_one_over_those_present() -> None:
    scores = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [5.0, 1.0, 2.0]], dtype=torch.float64)
    present = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])
    shares = log_shares(scores, present).exp()
    assert shares.sum(-1).tolist() == pytest.approx([1.0, 1.0, 0.0])
    assert (shares[~present] == 0).all()
    assert shares[0, 1] / shares[0, 0] == pytest.approx(math.e)
