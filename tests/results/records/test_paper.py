"""The paper's own numbers beside an experiment."""

import shutil
from pathlib import Path

import pytest

from ink.results.records.paper import read_paper
from ink.runtime.errors import InkError
from ink.systems import layout

PAPER = Path(__file__).parents[3] / "results" / "paper"


def test_numbers_are_given_as_printed(tmp_path: Path) -> None:
    shutil.copytree(PAPER, tmp_path / "paper")
    found = read_paper(tmp_path / "mini", "table2").set_index(["system", "domain"])
    assert found.loc[("INK", "Koran"), "bleu"] == "23.06"
    assert found.loc[("INK", "Avg."), "bleu"] == "47.85"  # a misprint, and shown as printed
    assert found.loc[("Off-the-shelf NMT", "Koran"), "comet"] == "-1.32"


def test_a_checkout_without_them_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PAPER", tmp_path / "my clone" / "results" / "paper")
    with pytest.raises(InkError, match=r"paper/table4\.csv, .*; git checkout '.*/my clone/results/paper/table4\.csv'$"):
        read_paper(tmp_path / "mini", "table4")


def test_a_published_experiment_finds_them_one_folder_higher(tmp_path: Path) -> None:
    shutil.copytree(PAPER, tmp_path / "paper")
    assert len(read_paper(tmp_path / "published" / "mini", "table4")) == 4


def test_an_experiment_that_ran_elsewhere_finds_the_repository_s(tmp_path: Path) -> None:
    assert layout.paper_folder(tmp_path / "results" / "mini") == PAPER.resolve()
    assert len(read_paper(tmp_path / "results" / "mini", "table4")) == 4


def test_an_experiment_s_own_folder_may_be_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(PAPER, tmp_path / "paper")
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path / "mini")
    assert layout.paper_folder(".") == tmp_path / "paper"
