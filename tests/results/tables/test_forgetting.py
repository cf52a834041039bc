from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.metrics.bleu import Bleu
from ink.results.records.scores import Selection
from ink.results.tables import forgetting
from ink.runtime.errors import InkError

Add = Callable[..., Path]
RowsOf = Callable[[Path], list[list[str]]]
General = Callable[..., dict[str, Any]]
BLEU = Bleu("13a")
SYSTEMS = ["off_the_shelf", "v_knn", "adapter", "ink"]


def render(folder: Path, domains: list[str], systems: list[str], seeds: list[int]) -> list[Path]:
    return forgetting.render(Selection(folder, domains, systems, seeds), folder, "general", [BLEU])


def test_by_hand(tmp_path: Path, add_score: Add, rows_of: RowsOf, general_of: General) -> None:
    add_score("off_the_shelf", "general", 50)
    add_score("off_the_shelf", "law", 30, general=general_of(1))
    add_score("v_knn", "law", 33, general=general_of(48.5))
    add_score("v_knn", "koran", 12, general=general_of(50.25))
    add_score("adapter", "law", 35, general=general_of(40))
    csv, markdown, _, _ = render(tmp_path, ["law", "koran"], SYSTEMS, [1])
    assert csv.name == "general.csv"
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "50.00", "50.00", "50.00"],
        ["V-kNN", "48.50 (−1.50)", "50.25 (+0.25)", "49.38 (−0.62)"],
        ["Adapter", "40.00 (−10.00)", "–", "–"],
        ["INK", "–", "–", "–"],
    ]
    table = pd.read_csv(csv).set_index("system")
    assert table.loc["v_knn"].tolist() == [48.5, -1.5, 50.25, 0.25, 49.375, -0.625]
    assert "–: not there" in markdown.read_text(encoding="utf-8")


def test_seeds_and_no_off_the_shelf(tmp_path: Path, add_score: Add, rows_of: RowsOf, general_of: General) -> None:
    add_score("ink", "law", 35, seed=1, general=general_of(40))
    add_score("ink", "law", 35, seed=2, general=general_of(42))
    _, markdown, _, _ = render(tmp_path, ["law"], ["off_the_shelf", "ink"], [1, 2])
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "–"],
        ["INK", "41.00 ± 1.41"],
    ]
    add_score("off_the_shelf", "general", 50)
    _, markdown, _, _ = render(tmp_path, ["law"], ["off_the_shelf", "ink"], [1, 2])
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "50.00"],
        ["INK", "41.00 ± 1.41 (−9.00)"],
    ]


def test_nothing_was_scored_on_the_general_domain(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("ink", "law", 35)
    _, markdown, _, _ = render(tmp_path, ["law"], ["ink"], [1])
    assert rows_of(markdown) == [["INK", "–"]]


def test_another_general_test_set_is_an_error(tmp_path: Path, add_score: Add, general_of: General) -> None:
    add_score("off_the_shelf", "general", 50)
    add_score("ink", "law", 35, general=general_of(40, sentences=299))
    with pytest.raises(InkError, match=r"general \(299 sentences\), general \(300 sentences\)"):
        render(tmp_path, ["law"], SYSTEMS, [1])
    add_score("ink", "law", 35, general=general_of(40, domain="news"))
    with pytest.raises(InkError, match=r"news \(300 sentences\)"):
        render(tmp_path, ["law"], SYSTEMS, [1])
