"""Base models and adapters that do not belong, are damaged or missing: refused in one line, nothing overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

Damage = Callable[[Any], object]
Refused = Callable[[Damage, str, tuple[str, ...], str], None]
ADAPTER = ("--system", "adapter", "--adapter", "adapter/adapter.safetensors")


def widen_adapter(experiment: Any) -> None:
    """Keep what the adapter says of itself and change what it is."""
    path = experiment.path("adapter/adapter.safetensors")
    with safe_open(str(path), framework="pt") as file:
        weights = {name: file.get_tensor(name).repeat_interleave(2, dim=0) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    save_file(weights, path, metadata=metadata)


def belong_to_another_model(experiment: Any) -> None:
    path = experiment.path("adapter/adapter.safetensors")
    own = json.loads(experiment.path("datastore/meta.json").read_text(encoding="utf-8"))["model"].encode()
    assert path.read_bytes().count(own) == 1
    path.write_bytes(path.read_bytes().replace(own, b"0123456789abcdef"))


# what is handed in: the outcome in docs/failures.md, the damage, the command, and what it says
CASES: dict[str, tuple[str, Damage, str, tuple[str, ...], str]] = {
    "a checkpoint cut short": (
        "`checkpoint model.pt is not a whole fairseq checkpoint (...); fetch it again [model/damaged]`",
        lambda e: e.cut("model.pt"),
        "build",
        (),
        "checkpoint model.pt is not a whole fairseq checkpoint",
    ),
    "no checkpoint": (
        "`checkpoint model.pt does not exist; check base_model.path in the config [model/missing]`",
        lambda e: e.path("model.pt").unlink(),
        "build",
        (),
        "checkpoint model.pt does not exist",
    ),
    "an adapter of another base model": (
        "`adapter ... (system adapter, domain koran, seed 1) was trained on base model 0123456789abcdef, but "
        "model.pt is ...; use the base model it was trained on [adapter/other-base-model]`",
        belong_to_another_model,
        "score",
        ADAPTER,
        "adapter adapter/adapter.safetensors (system adapter, domain koran, seed 1) was trained on base model "
        "0123456789abcdef, but model.pt is ",
    ),
    "an adapter whose weights are not those that its file names": (
        "`adapter ... (system adapter, domain koran, seed 1) does not fit the layers of model.pt: ... size "
        "mismatch ...; train it again [adapter/other-base-model]`",
        widen_adapter,
        "score",
        ADAPTER,
        "adapter adapter/adapter.safetensors (system adapter, domain koran, seed 1) does not fit the layers of ",
    ),
    "an adapter cut short": (
        "`adapter ... is not a whole safetensors file (...); copy it again, or train it again [adapter/damaged]`",
        lambda e: e.cut("adapter/adapter.safetensors"),
        "score",
        ADAPTER,
        "adapter adapter/adapter.safetensors is not a whole safetensors file",
    ),
    "a carried adapter file cut short": (
        "`adapter ... is not a whole safetensors file (...); copy it again, or train it again "
        "[adapter/damaged]`, before a model "
        "is loaded",
        lambda e: e.cut("adapter/adapter.safetensors"),
        "translate",
        ("--adapter", "adapter/adapter.safetensors"),
        "adapter adapter/adapter.safetensors is not a whole safetensors file",
    ),
    "a file that is no adapter": (
        "`adapter ... is not a whole safetensors file (...)`; of another programme's safetensors file: `adapter "
        "... does not say which base model it belongs to; it was not written by ink; ... [adapter/damaged]`",
        lambda e: None,
        "describe",
        ("model.pt",),
        "adapter model.pt is not a whole safetensors file",
    ),
    "no adapter file": (
        "`adapter absent.safetensors does not exist; train it first [adapter/missing]`",
        lambda e: None,
        "translate",
        ("--adapter", "absent.safetensors"),
        "adapter absent.safetensors does not exist",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(given, marks=pytest.mark.failure("Models and adapters", given, outcome))
        for given, (outcome, *_) in CASES.items()
    ],
)
def test_it_is_refused_in_one_line_and_nothing_is_overwritten(case: str, refused: Refused) -> None:
    refused(*CASES[case][1:])
