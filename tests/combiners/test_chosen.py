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
    write_json(
        tmp_path / "combiner.json", {"combiner": "vanilla", "settings": chosen, "chosen": chosen, "tried": [chosen]}
    )
    assert load_combiner(tmp_path / "combiner.json") == VanillaCombiner(k=4, interpolation=0.3, temperature=10)


def test_an_unknown_combiner_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "combiner.json", {"combiner": "oracle", "settings": {}})
    with pytest.raises(InkError, match=r"combiner\.json describes combiner 'oracle'"):
        load_combiner(tmp_path / "combiner.json")


def test_an_absent_description_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"combiner\.json does not exist"):
        load_combiner(tmp_path / "combiner.json")
