from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.errors import InkError
from ink.reporting import table1

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
    (folder / "corpus").mkdir(exist_ok=True)
    for domain, counts in domains.items():
        (folder / "corpus" / f"{domain}.json").write_text(json.dumps(counts))


def test_table(tmp_path: Path, rows_of: Callable[[Path], list[list[str]]]) -> None:
    write(tmp_path, koran=KORAN, law=LAW, web=WEB, news=NEWS, it=LAW)
    csv, markdown, latex, _ = table1.render(tmp_path, tmp_path / "tables", ["law", "koran", "web", "news"])
    assert csv == tmp_path / "tables" / "table1.csv"
    assert csv.read_text().splitlines() == [
        "domain,train,dev,test,dropped_empty,dropped_too_long,dropped_ratio,test_pairs_in_train,test_sources_in_train",
        "law,6000,200,300,0,0,0,0,0",
        "koran,1500,200,300,1,0,12,2,5",
        "web,,,50,,,,,",
        "news,,,60,,,,,",
    ]
    assert rows_of(markdown) == [
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


def test_nothing_dropped_nothing_found(tmp_path: Path) -> None:
    write(tmp_path, law=LAW)
    text = table1.render(tmp_path, tmp_path, ["law"])[1].read_text()
    assert "Dropped from train: none." in text
    assert "Test sentences found in train: none." in text
    assert "Without training data" not in text


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"law\.json does not exist"):
        table1.render(tmp_path, tmp_path, ["law"])
    write(tmp_path, law=LAW | {"sentences": {"train": 5}})
    with pytest.raises(InkError, match=r"law\.json: sentences\.test is missing"):
        table1.render(tmp_path, tmp_path, ["law"])
    write(tmp_path, law=LAW | {"dropped": {"empty": "no"}})
    with pytest.raises(InkError, match=r"dropped\.empty should be an integer"):
        table1.render(tmp_path, tmp_path, ["law"])
