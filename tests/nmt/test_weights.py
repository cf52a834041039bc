"""A fingerprint changes with anything that a model computes with, and with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ink.nmt.model_loading import BaseModelFiles
from ink.nmt.weights import fingerprint

WEIGHTS = {
    "a": torch.arange(6.0).reshape(2, 3),
    "b": torch.tensor([1.5, -2.0]),
    "c": torch.zeros(0),
    "d": torch.ones(()),
}


def test_order_and_layout_in_memory_do_not_matter() -> None:
    reordered = dict(reversed(WEIGHTS.items()))
    reordered["a"] = WEIGHTS["a"].t().contiguous().t()
    assert not reordered["a"].is_contiguous()
    assert fingerprint(reordered) == fingerprint(WEIGHTS)
    assert len(fingerprint(WEIGHTS)) == 16
    assert int(fingerprint(WEIGHTS), 16) >= 0


@pytest.mark.parametrize(
    "changed",
    [
        {"a": WEIGHTS["a"].reshape(3, 2)},
        {"a": WEIGHTS["a"].double()},
        {"a": WEIGHTS["a"].view(torch.int32)},
        {"b": WEIGHTS["b"].nextafter(torch.tensor(9.0))},
        {"c": torch.zeros(0, 2)},
        {"d": torch.tensor(0.0)},
        {"e": torch.zeros(1)},
    ],
)
def test_shape_type_value_and_presence_matter(changed: dict[str, torch.Tensor]) -> None:
    assert fingerprint({**WEIGHTS, **changed}) != fingerprint(WEIGHTS)


def test_names_matter() -> None:
    assert fingerprint({"x" if name == "a" else name: value for name, value in WEIGHTS.items()}) != fingerprint(WEIGHTS)
    swapped = {**WEIGHTS, "a": WEIGHTS["b"], "b": WEIGHTS["a"]}
    assert fingerprint(swapped) != fingerprint(WEIGHTS)


@given(place=st.integers(0, 5), bit=st.integers(0, 31))
def test_every_bit_matters(place: int, bit: int) -> None:
    values = WEIGHTS["a"].clone()
    values.view(torch.int32).view(-1)[place] ^= (1 << bit) - (1 << 32 if bit == 31 else 0)
    assert fingerprint({**WEIGHTS, "a": values}) != fingerprint(WEIGHTS)


def test_half_precision_weights_have_one_too() -> None:
    assert fingerprint({"a": torch.ones(2, dtype=torch.bfloat16)}) != fingerprint({"a": torch.ones(2).half()})


def test_a_models_fingerprint_is_that_of_its_weights_whatever_file_they_came_in(tiny: Any, tmp_path: Path) -> None:
    model = tiny.domain.load_model(tiny.settings)
    state = torch.load(tiny.base_model)
    torch.save(state, tmp_path / "copy.pt", _use_new_zipfile_serialization=False)
    copied = BaseModelFiles(tmp_path / "copy.pt", tiny.vocabulary, tiny.languages).load()
    assert copied.fingerprint == model.fingerprint == model.base_fingerprint

    state["model"]["decoder.layers.1.fc1.bias"][3] += 1e-3
    torch.save(state, tmp_path / "copy.pt")
    changed = BaseModelFiles(tmp_path / "copy.pt", tiny.vocabulary, tiny.languages).load()
    assert changed.fingerprint != model.fingerprint


def test_an_adapter_changes_the_models_fingerprint_and_not_the_bases(tiny: Any) -> None:
    model = tiny.domain.load_model(tiny.settings)
    base = model.fingerprint
    model.attach_adapters(4, 0.0)
    with_adapter = model.fingerprint
    assert model.base_fingerprint == base
    assert with_adapter != base
    model.network.adapters["encoder_1"].up.bias.data[0] = 1.0
    assert model.fingerprint != with_adapter
