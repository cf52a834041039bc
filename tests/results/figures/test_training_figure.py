"""The figure of training curves: what is drawn and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ink.config.slices.result_slices import CurveSettings
from ink.results.figures import training_figure
from ink.results.figures.style import styled
from ink.results.records.training_curves import Curve
from ink.runtime.errors import InkError
from ink.systems.layout import Run

NAMES = {"adapter": "Adapter", "ink": "INK"}
CURVES = [
    Curve(Run("adapter", "koran", 1), [10.0, 12.0, 11.0]),
    Curve(Run("adapter", "koran", 2), [9.0, 12.5]),
    Curve(Run("ink", "koran", 1), [10.5, 11.5, 12.0, 12.25]),
    Curve(Run("adapter", "law", 1), [20.0]),
]
SETTINGS = CurveSettings(dev_sentences=300, dev_beam=1, patience=2)


def test_a_panel_a_domain_a_line_a_run_and_its_end_marked() -> None:
    with styled():
        figure = training_figure.draw(CURVES, NAMES)
    koran, law = figure.axes
    assert [axes.get_title(loc="left") for axes in (koran, law)] == ["Koran", "Law"]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in koran.lines]
    lines, ends = drawn[::2], drawn[1::2]
    assert lines == [([1, 2, 3], [10.0, 12.0, 11.0]), ([1, 2], [9.0, 12.5]), ([1, 2, 3, 4], [10.5, 11.5, 12.0, 12.25])]
    assert ends == [([3], [11.0]), ([2], [12.5]), ([4], [12.25])]
    assert [len(line.get_xdata()) for line in law.lines] == [1, 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Adapter", "INK"]
    first, second, ink = koran.lines[::2]
    assert first.get_color() == second.get_color() != ink.get_color()


def test_its_files_have_every_point_and_how_long_training_lasted(tmp_path: Path) -> None:
    paths = training_figure.render(CURVES, tmp_path, NAMES, SETTINGS)
    assert [path.name for path in paths] == [f"training.{end}" for end in ("svg", "png", "csv", "md")]
    table = pd.read_csv(tmp_path / "training.csv")
    assert list(table.columns) == ["system", "domain", "seed", "pass", "dev_bleu"]
    assert table.iloc[4].tolist() == ["adapter", "koran", 2, 2, 12.5]
    text = (tmp_path / "training.md").read_text(encoding="utf-8")
    assert "The first 300 dev sentences, greedy search." in text
    assert "Training ends 2 passes after the best, or at its limit." in text
    assert "Passes that it lasted: Adapter: Koran 3 / 2, Law 1; INK: Koran 4." in text
    assert "A line each for the seeds 1, 2." in text
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in training_figure.render(CURVES, tmp_path, NAMES, SETTINGS)] == before


def test_one_seed_a_beam_and_no_patience(tmp_path: Path) -> None:
    settings = CurveSettings(dev_sentences=300, dev_beam=4, patience=None)
    training_figure.render([CURVES[0]], tmp_path, NAMES, settings)
    text = (tmp_path / "training.md").read_text(encoding="utf-8")
    assert "a beam of 4" in text and "Training ends at its limit." in text and "A line each" not in text


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="no training of these systems has a curve"):
        training_figure.render([], tmp_path, NAMES, SETTINGS)
    assert not (tmp_path / "training.svg").exists()
