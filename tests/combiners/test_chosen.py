"""combiner.json back into a combiner."""

from __future__ import annotations

from pathlib import Path

import pytest

from ink.combiners.chosen import load_combiner
from ink.combiners.vanilla import VanillaCombiner
from ink.errors import InkError
from ink.files import write_json


def test_the_chosen_settings_make_the_combiner(tmp_path: Path) -> None:
    chosen = {"k": 4, "lambda": 0.3, "temperature": 10}
    write_json(tmp_path / "combiner.json", {"combiner": "vanilla", "chosen": chosen, "tried": [chosen]})
    assert load_combiner(tmp_path / "combiner.json") == VanillaCombiner(k=4, interpolation=0.3, temperature=10)


def test_an_unknown_combiner_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "combiner.json", {"combiner": "oracle"})
    with pytest.raises(InkError, match=r"combiner\.json describes combiner 'oracle'"):
        load_combiner(tmp_path / "combiner.json")


def test_an_absent_description_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"combiner\.json does not exist"):
        load_combiner(tmp_path / "combiner.json")


@pytest.mark.parametrize("missing", ["combiner", "chosen", "tried"])
def test_a_missing_field_is_named(tmp_path: Path, missing: str) -> None:
    chosen = {"k": 4, "lambda": 0.3, "temperature": 10}
    described = {"combiner": "vanilla", "chosen": chosen, "tried": [chosen]}
    del described[missing]
    write_json(tmp_path / "combiner.json", described)
    with pytest.raises(InkError, match=rf"combiner\.json: {missing} is missing"):
        load_combiner(tmp_path / "combiner.json")


@pytest.mark.parametrize("name", ["k", "lambda", "temperature"])
@pytest.mark.parametrize("found", [None, "8", True])
def test_a_choice_that_is_no_number_is_named(tmp_path: Path, name: str, found: object) -> None:
    chosen = {"k": 4, "lambda": 0.3, "temperature": 10, name: found}
    write_json(tmp_path / "combiner.json", {"combiner": "vanilla", "chosen": chosen, "tried": [chosen]})
    with pytest.raises(InkError, match=rf"combiner\.json: chosen\.{name} should be a number, found"):
        load_combiner(tmp_path / "combiner.json")
