"""combiner.json, and weights beside it, back into a combiner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ink.combiners.adaptive import AdaptiveCombiner
from ink.combiners.combiner_file import combiner_files, load_combiner, write_combiner
from ink.combiners.known_combiners import BUILT_IN, find_combiner
from ink.combiners.vanilla import VanillaCombiner
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json

ADAPTIVE = {"max_k": 4, "temperature": 10, "hidden": 3, "dropout": 0.5}


def test_the_chosen_settings_make_the_combiner(tmp_path: Path) -> None:
    chosen = {"k": 4, "lambda": 0.3, "temperature": 10}
    path = tmp_path / "combiner.json"
    write_combiner(path, "vanilla", chosen, chosen=chosen, tried=[chosen], selected_by="likelihood")
    assert read_json(path)["selected_by"] == "likelihood"
    found = load_combiner(path)
    assert found == VanillaCombiner(k=4, interpolation=0.3, temperature=10)
    assert combiner_files(path, found) == {}


def written(folder: Path) -> tuple[Path, AdaptiveCombiner]:
    torch.manual_seed(0)
    combiner = AdaptiveCombiner.from_settings(ADAPTIVE)
    path = folder / "combiner.json"
    write_combiner(path, "adaptive", ADAPTIVE, chosen={}, tried=[], network=combiner.network)
    return path, combiner


def test_what_a_combiner_has_learnt_comes_back_ready_to_decode(tmp_path: Path) -> None:
    path, combiner = written(tmp_path)
    found: Any = load_combiner(path)
    assert (found.k, found.temperature) == (4, 10)
    assert not found.network.training
    for name, weights in combiner.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], weights)
    assert combiner_files(path, found) == {"weights.safetensors": tmp_path / "weights.safetensors"}


def test_weights_that_are_absent_cut_short_or_of_another_shape_are_named(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    weights = tmp_path / "weights.safetensors"
    write_json(path, {**read_json(path), "settings": {**ADAPTIVE, "hidden": 5}})
    with pytest.raises(InkError, match=r"weights\.safetensors does not fit combiner\.json .*size mismatch"):
        load_combiner(path)
    weights.write_bytes(weights.read_bytes()[:50])
    with pytest.raises(InkError, match=r"weights\.safetensors does not fit"):
        load_combiner(path)
    weights.unlink()
    with pytest.raises(InkError, match=r"weights\.safetensors does not exist"):
        load_combiner(path)


@pytest.mark.failure(
    "Datastores and combiners",
    "a combiner with weights that are NaN or infinite",
    "`.../weights.safetensors: 1 of the numbers in 0.bias are NaN or infinite; train the combiner again "
    "[model/not-finite]`",
)
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_a_combiner_whose_weights_are_no_numbers_is_refused(tmp_path: Path, broken: float) -> None:
    path, combiner = written(tmp_path)
    combiner.network.state_dict()["0.bias"][1] = broken
    write_combiner(path, "adaptive", ADAPTIVE, chosen={}, tried=[], network=combiner.network)
    with pytest.raises(InkError, match=r"weights\.safetensors: 1 of the numbers in 0\.bias are NaN or infinite; train"):
        load_combiner(path)


def test_a_combiner_that_needs_keys_says_that_it_cannot_do_without(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    assert load_combiner(path, without_keys=True).needs_keys is False
    combiner = AdaptiveCombiner.from_settings(ADAPTIVE)
    combiner.needs_keys = True
    with pytest.raises(InkError, match="AdaptiveCombiner cannot do without the datastore's keys"):
        combiner.without_keys()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_combiner_is_found_by_its_name(name: str) -> None:
    assert find_combiner(name).__name__.lower() == f"{name.replace('_', '')}combiner"
    assert find_combiner(f"ink.combiners.{name}") is find_combiner(name)


@pytest.mark.failure(
    "Datastores and combiners",
    "a combiner.json of a module that is not there",
    "`combiner.json describes combiner 'oracle': there is no combiner 'oracle': ...; known: vanilla, adaptive, "
    "robust, kernel_smoothed, confidence, distance_aware, and your own modules [combiner/unknown]`",
)
@pytest.mark.parametrize("name", ["oracle", "no.such.module", "ink.combiners.oracle"])
def test_an_unknown_combiner_is_named(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / "combiner.json", {"combiner": name, "settings": {}, "chosen": {}, "tried": []})
    with pytest.raises(InkError, match=rf"combiner\.json describes combiner '{name}': .*known: vanilla, adaptive"):
        load_combiner(tmp_path / "combiner.json")


def test_a_module_without_a_combiner_is_named() -> None:
    with pytest.raises(InkError, match=r"module ink\.combiners\.positions defines no combiner"):
        find_combiner("positions")


def test_what_a_combiner_s_module_lacks_itself_is_not_mistaken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("import absent_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("ink.combiners.__path__", [str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="absent_library"):
        find_combiner("mine")


WHOLE = {"combiner": "vanilla", "settings": {"k": 4, "lambda": 0.3, "temperature": 10}, "chosen": {}, "tried": []}


@pytest.mark.parametrize("missing", WHOLE)
def test_a_missing_field_is_named(tmp_path: Path, missing: str) -> None:
    write_json(tmp_path / "combiner.json", {name: value for name, value in WHOLE.items() if name != missing})
    with pytest.raises(InkError, match=rf"combiner\.json: {missing} is missing; delete the file"):
        load_combiner(tmp_path / "combiner.json")


def test_a_file_that_describes_no_combiner_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "combiner.json", [])
    with pytest.raises(InkError, match=r"combiner\.json holds no JSON object"):
        load_combiner(tmp_path / "combiner.json")


@pytest.mark.parametrize("settings", [{"k": 4}, [], None], ids=str)
def test_settings_of_something_else_are_named(tmp_path: Path, settings: Any) -> None:
    write_json(tmp_path / "combiner.json", {**WHOLE, "settings": settings})
    with pytest.raises(InkError, match=r"combiner\.json: its settings do not fit combiner 'vanilla'"):
        load_combiner(tmp_path / "combiner.json")


@pytest.mark.parametrize("name", ["k", "lambda", "temperature"])
@pytest.mark.parametrize("found", [None, "8", True])
def test_a_choice_that_is_no_number_is_named(tmp_path: Path, name: str, found: object) -> None:
    settings = {"k": 4, "lambda": 0.3, "temperature": 10, name: found}
    write_json(tmp_path / "combiner.json", {**WHOLE, "settings": settings})
    with pytest.raises(InkError, match=rf"combiner\.json describes .*: {name} should be a number, found"):
        load_combiner(tmp_path / "combiner.json")


def test_an_absent_description_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"combiner\.json does not exist"):
        load_combiner(tmp_path / "combiner.json")
