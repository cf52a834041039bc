"""Training curves: gathered from what trainings write down, and read back to the last digit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.results.records.training_curves import Curve, gather, read_curves
from ink.runtime.errors import InkError
from ink.systems.layout import Run

INK, ADAPTER = Run("ink", "koran", 2), Run("adapter", "koran", 1)


def record(folder: Path, run: Run, history: list[dict[str, Any]]) -> Path:
    path = folder / "work" / "adapters" / str(run) / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"best_round": 1, "history": history}), encoding="utf-8")
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    of_adapter = [
        {"round": 1, "updates": 30, "loss": 5.25, "nll_loss": 4.0, "dev_bleu": 10.1, "seconds": {"dev": 1.0}},
        {"round": 2, "updates": 60, "loss": 5.0, "nll_loss": 3.75, "dev_bleu": 1 / 3, "seconds": {"dev": 1.0}},
    ]
    of_ink = [{"round": 1, "updates": 30, "loss": 6.5, "nll_loss": 4.1, "loss_i": 2.5, "dev_bleu": 9.0}]
    records = [record(tmp_path, ADAPTER, of_adapter), record(tmp_path, INK, of_ink)]
    (tmp_path / "results").mkdir()
    gather(records, tmp_path / "results" / "curves.csv")
    return tmp_path / "results"


def test_every_pass_is_a_row_with_what_its_training_logged(results: Path) -> None:
    table = pd.read_csv(results / "curves.csv")
    assert list(table.columns) == [
        *("system", "domain", "seed", "pass", "updates", "loss", "nll_loss", "dev_bleu", "loss_i")
    ]
    assert table[["system", "domain", "seed", "pass"]].values.tolist() == [
        ["adapter", "koran", 1, 1],
        ["adapter", "koran", 1, 2],
        ["ink", "koran", 2, 1],
    ]
    assert table["nll_loss"].tolist() == [4.0, 3.75, 4.1]
    assert table["loss_i"].isna().tolist() == [True, True, False]


def test_curves_come_in_the_order_asked_for_and_those_that_are_not_there_are_left_out(results: Path) -> None:
    wanted = [Run("ink", "koran", 1), INK, ADAPTER]
    assert read_curves(results, wanted) == [Curve(INK, [9.0]), Curve(ADAPTER, [10.1, 1 / 3])]


def test_without_the_table_the_reader_is_told_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"curves\.csv does not exist; run the workflow, which gathers it"):
        read_curves(tmp_path, [INK])


@pytest.mark.parametrize("content", ["", "system,domain\nink,koran\n", "a\n1,2\n3,4,5\n"])
def test_what_is_no_table_of_curves_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "curves.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InkError, match=r"curves\.csv is no table of training curves .*; remove it"):
        read_curves(tmp_path, [INK])


def test_a_record_that_does_not_say_whose_it_is_is_named(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"history": []}', encoding="utf-8")
    with pytest.raises(InkError, match=r"record\.json is no record of a training; name files such as adapters/ink/"):
        gather([tmp_path / "record.json"], tmp_path / "curves.csv")
    assert not (tmp_path / "curves.csv").exists()
