"""Checkpoints averaged weight by weight."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ink.training.checkpoints import average


@given(
    st.lists(
        arrays.arrays(np.float32, (2, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)), min_size=1, max_size=6
    )
)
def test_the_mean_is_taken_in_double_precision(models: list[np.ndarray]) -> None:
    averaged = average([{"w": torch.from_numpy(model)} for model in models])["w"]
    assert averaged.dtype == torch.float32
    for place in np.ndindex(2, 3):
        weights = [float(model[place]) for model in models]
        exact = math.fsum(weights) / len(weights)
        # the sum's own rounding, and the rounding to single precision
        slack = 1e-15 * math.fsum(map(abs, weights)) + float(np.spacing(np.float32(abs(exact))))
        assert abs(float(averaged[place]) - exact) <= slack


def test_what_single_precision_would_lose_is_kept() -> None:
    models = [{"w": torch.tensor([value])} for value in (1e8, 1.0, -1e8)]
    assert average(models)["w"].item() == np.float32(1 / 3)


def test_one_model_is_its_own_average_and_nothing_is_shared_with_it() -> None:
    weights = {"w": torch.randn(3), "steps": torch.tensor([4])}
    averaged = average([weights])
    assert torch.equal(averaged["w"], weights["w"])
    averaged["w"] += 1
    averaged["steps"] += 1
    assert not torch.equal(averaged["w"], weights["w"])
    assert weights["steps"].item() == 4


def test_types_are_kept_and_counts_are_those_of_the_last() -> None:
    models = [{"half": torch.tensor([x], dtype=torch.float16), "steps": torch.tensor([x])} for x in (2, 5)]
    averaged = average(models)
    assert averaged["half"].dtype == torch.float16
    assert averaged["half"].item() == 3.5
    assert averaged["steps"].item() == 5


def test_nothing_has_no_average() -> None:
    with pytest.raises(ValueError, match="nothing to average"):
        average([])
