from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.results.tables import table1
from ink.runtime.errors import InkError

KORAN = {
    "sentences": {"train": 1500, "dev": 200, "test": 300},
    "dropped": {"empty": 1, "too_long": 0, "ratio": 12},
    "test_pairs_in_train": 2,
    "test_sources_in_train": 5,
}
LAW = {
    "sentences": {"train": 6000, "dev": 200, "test": 300},
    "dropped": {"empty": 0, "too_long": 0, "ratio": 0},
    "test_pairs_in_train": 0,
    "test_sources_in_train": 0,
}
WEB = {"sentences": {"test": 50}}
NEWS = LAW | {"sentences": {"train": 0, "dev": 0, "test": 60}}


def write(folder: Path, **domains: dict[str, Any]) -> None:
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for domain, counts in domains.items():
        (folder / "corpus" / f"{domain}.json").write_text(json.dumps(counts))


def test_table(results: Path, rows_of: Callable[[Path], list[list[str]]]) -> None:
    write(results, koran=KORAN, law=LAW, web=WEB, news=NEWS, it=LAW)
    csv, markdown, latex, _ = table1.render(results, results / "tables", ["law", "koran", "web", "news"], "synthetic")
    assert csv == results / "tables" / "table1.csv"
    assert csv.read_text().splitlines() == [
        "domain,train,dev,test,dropped_empty,dropped_too_long,dropped_ratio,test_pairs_in_train,test_sources_in_train",
        "law,6000,200,300,0,0,0,0,0",
        "koran,1500,200,300,1,0,12,2,5",
        "web,,,50,,,,,",
        "news,,,60,,,,,",
    ]
    assert rows_of(markdown)[:4] == [
        ["Law", "6000", "200", "300"],
        ["Koran", "1500", "200", "300"],
        ["Web", "–", "–", "50"],
        ["News", "–", "–", "60"],
    ]
    text = markdown.read_text(encoding="utf-8")
    assert "Dropped from train: Koran 1 with an empty side, 12 of too unequal lengths." in text
    assert "Test sentences found in train: Koran 5 by source, 2 of them with the same translation." in text
    assert "Without training data, scored but not adapted: Web, News." in text
    assert r"Web & -- & -- & 50 \\" in latex.read_text(encoding="utf-8")


def test_nothing_dropped_nothing_found(results: Path) -> None:
    write(results, law=LAW)
    text = table1.render(results, results, ["law"], "synthetic")[1].read_text()
    assert "Dropped from train: none." in text
    assert "Test sentences found in train: none." in text
    assert "Without training data" not in text


def test_the_paper_s_counts_stand_below_with_what_differs(results: Path) -> None:
    write(results, koran=KORAN, law=LAW, web=WEB, chat=LAW)
    csv, markdown, latex, _ = table1.render(results, results, ["law", "koran", "web", "chat"], "synthetic")
    ours, _, theirs = markdown.read_text(encoding="utf-8").partition("**The paper's Table 1")
    assert "| Medical | 248099 | 2000 | 2000 |" in theirs and "Medical" not in ours
    assert "Ours is generated;" in theirs
    # 6000 of 467309, 1500 of 17982; the paper has no Chat, and Web no training pairs
    assert "the paper's domain of that name: Law 1.3%, Koran 8.3%." in theirs
    assert "248099" not in csv.read_text(encoding="utf-8")
    assert latex.read_text(encoding="utf-8").count(r"\begin{table}") == 2
    text = table1.render(results, results, ["web", "chat"], "files")[1].read_text(encoding="utf-8")
    assert (
        "Ours is the experiment's own files, be they the same text or another;" in text and "of that name" not in text
    )
    text = table1.render(results, results, ["law"], "binarised")[1].read_text(encoding="utf-8")
    assert "Ours is text as it was binarised elsewhere, taken over whole;" in text


def test_text_put_together_from_sources_is_said_with_what_was_drawn_of_which(results: Path) -> None:
    sources = [
        {"files": "software.{split}.{language}", "pairs": 56862, "drawn": 56862},
        {"files": "everyday.{language}", "pairs": 99001, "drawn": 40000},
    ]
    write(results, law=LAW, general=LAW | {"train_from": sources})
    csv, markdown, _, _ = table1.render(results, results, ["law"], "files", ["general"])
    assert (
        "Training pairs of General are put together: all 56862 of software.{split}.{language}, "
        "40000 drawn from the 99001 of everyday.{language}." in markdown.read_text(encoding="utf-8")
    )
    assert "general" not in csv.read_text(encoding="utf-8")
    with pytest.raises(InkError, match=r"law\.json: train_from is missing"):
        table1.render(results, results, ["law"], "files", ["law"])
    write(results, general=LAW | {"train_from": [{"files": "a", "pairs": 3}]})
    with pytest.raises(InkError, match=r"general\.json: train_from\[0\]\.drawn is missing"):
        table1.render(results, results, ["law"], "files", ["general"])


def test_what_is_missing_is_named(results: Path) -> None:
    with pytest.raises(InkError, match=r"law\.json does not exist"):
        table1.render(results, results, ["law"], "synthetic")
    write(results, law=LAW | {"sentences": {"train": 5}})
    with pytest.raises(InkError, match=r"law\.json: sentences\.test is missing"):
        table1.render(results, results, ["law"], "synthetic")
    write(results, law=LAW | {"dropped": {"empty": "no"}})
    with pytest.raises(InkError, match=r"dropped\.empty should be an integer"):
        table1.render(results, results, ["law"], "synthetic")
