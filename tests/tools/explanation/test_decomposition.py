"""A token's probability taken apart: by hand, and against every combiner's own mixture."""

from __future__ import annotations

import math

import pytest
import torch

from ink.combiners.adaptive import AdaptiveCombiner
from ink.combiners.combiner import LOG_ZERO, Combiner, Weights
from ink.combiners.robust import RobustCombiner
from ink.combiners.vanilla import VanillaCombiner
from ink.datastore.search import Neighbours
from ink.tools.explanation.decomposition import decompose


def test_a_case_worked_out_by_hand() -> None:
    shares, values = torch.tensor([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]), torch.tensor([[7, 9, 7], [7, 9, 7]])
    weights = Weights((0.4 * shares).log(), torch.full((2, 1), 0.6).log())
    found = decompose(weights, values, torch.tensor([7, 5]), torch.tensor([0.25, 0.5]).log())
    torch.testing.assert_close(found.p_nmt, torch.tensor([0.25, 0.5]).double())
    torch.testing.assert_close(found.p_knn, torch.tensor([0.7, 0.0]).double(), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found.interpolation, torch.tensor([0.4, 0.4]).double(), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found.log_p.exp(), torch.tensor([0.43, 0.3]).double(), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found.shares, shares.double(), atol=1e-6, rtol=1e-6)


def test_where_neighbours_count_for_nothing_they_share_nothing() -> None:
    weights = Weights(torch.full((1, 2), LOG_ZERO), torch.zeros(1, 1))
    found = decompose(weights, torch.tensor([[3, 4]]), torch.tensor([3]), torch.tensor([math.log(0.125)]))
    assert (found.interpolation.item(), found.p_knn.item(), found.shares.tolist()) == (0.0, 0.0, [[0.0, 0.0]])
    assert found.log_p.exp().item() == pytest.approx(0.125)


@torch.no_grad()
@pytest.mark.parametrize(
    "combiner",
    [
        VanillaCombiner(4, 0.3, 5.0),
        VanillaCombiner(4, 0.0, 5.0),
        AdaptiveCombiner(4, 5.0, hidden=8, dropout=0.0),
        RobustCombiner(4, hidden_calibration=4, hidden_weight=8, top=3),
    ],
    ids=["V-kNN", "lambda 0", "A-kNN", "R-kNN"],
)
def test_the_parts_make_up_every_combiners_mixture(combiner: Combiner) -> None:
    draw = torch.Generator().manual_seed(5)
    distances = (torch.rand(20, 4, generator=draw) * 9).sort(dim=-1).values
    distances[3, 2:] = distances[4] = torch.inf  # the index found two, and none
    values = torch.randint(0, 3, (20, 4), generator=draw)
    log_probs = torch.randn(20, 6, generator=draw).log_softmax(-1)
    neighbours = Neighbours(distances, values, values, log_probs=torch.full((20, 4), -1.5))
    queries = torch.zeros(20, 1)
    chosen = torch.randint(0, 4, (20,), generator=draw)
    weights = combiner.weights(combiner.positions(neighbours, queries, log_probs))
    found = decompose(weights, values, chosen, log_probs.gather(-1, chosen.unsqueeze(-1)).squeeze(-1))

    expected = combiner(neighbours, queries, log_probs).double().gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(found.log_p, expected, atol=1e-5, rtol=1e-5)
    mixed = found.interpolation * found.p_knn + (1 - found.interpolation) * found.p_nmt
    torch.testing.assert_close(mixed, expected.exp(), atol=1e-6, rtol=1e-5)
    some = found.interpolation > 1e-6
    torch.testing.assert_close(found.shares[some].sum(-1), torch.ones(int(some.sum())).double())
    assert found.interpolation[4] == 0
    assert found.shares[3, 2:].tolist() == [0.0, 0.0]
