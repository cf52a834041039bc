"""Table 5 from files written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.results.tables import table5
from ink.runtime.errors import InkError

RowsOf = Callable[[Path], list[list[str]]]
CPU = {"device": "cpu", "gpu": None, "processor": "a processor", "cores": 4, "threads": 2}


def add(results: Path, speeds: dict[str, dict[int, tuple[float, float | None]]], **other: Any) -> None:
    """Write what was measured as the command does: mean and deviation by system and batch size."""
    found: dict[str, Any] = {
        "domain": "koran",
        "seed": 1,
        "sentences": 128,
        "repeats": 3,
        "decoding": {"beam": 4},
        "hardware": CPU,
        "systems": {
            system: {
                "model": system,
                "batches": [
                    {"batch_sentences": size, "mean": mean, "deviation": deviation, "tokens_a_hypothesis": 20.25}
                    for size, (mean, deviation) in by_size.items()
                ],
            }
            for system, by_size in speeds.items()
        },
    } | other
    path = results / "speed" / "koran.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found), encoding="utf-8")


BOTH: dict[str, dict[int, tuple[float, float | None]]] = {
    "r_knn": {8: (10.0, 0.5), 32: (20.0, 1.0), 128: (25.0, 0.04)},
    "ink": {8: (15.0, 0.25), 32: (40.0, 2.0), 128: (60.0, 3.0)},
}


def test_by_hand(results: Path, rows_of: RowsOf) -> None:
    add(results, BOTH)
    csv, markdown, latex, _ = table5.render(results, results / "tables", "koran", ["r_knn", "ink"], [8, 32, 128])
    assert rows_of(markdown) == [
        [
            *("R-kNN", "10.0 ± 0.5", "14.0", "20.0 ± 1.0", "26.1", "25.0 ± 0.0", "29.4"),
            *("202 ± 10", "405 ± 20", "506 ± 1"),  # 20.25 tokens a translation
        ],
        [
            *("INK", "**15.0 ± 0.2**", "19.9", "**40.0 ± 2.0**", "46.4", "**60.0 ± 3.0**", "55.1"),
            *("**304 ± 5**", "**810 ± 40**", "**1215 ± 61**"),
        ],
    ]
    text = markdown.read_text(encoding="utf-8")
    assert "of the test set" not in text and "on the test set of Koran." in text
    assert "The first 128 test sentences, beam 4, seed 1, mean ± standard deviation (n - 1) of 3 rounds" in text
    assert "Ours: device cpu, a processor, 2 of 4 cores." in text
    # 15 / 10, 40 / 20, 60 / 25; 19.9 / 14.0, 46.4 / 26.1, 55.1 / 29.4
    ratios = "INK against R-kNN, at batch 8, 32, 128: 1.50, 2.00, 2.40 times as fast (the paper's: 1.42, 1.78, 1.87)."
    assert ratios in text
    assert "tokens of one on average: R-kNN 20.2, INK 20.2." in text
    assert "The paper's: one NVIDIA Titan RTX, Law, the base model of WMT'19; ours is Koran." in text
    assert "In the paper also" not in text and "no batch has more" not in text
    table = pd.read_csv(csv).set_index("system")
    assert table.loc["ink"].tolist() == [
        *(15.0, 0.25, 19.9, 15.0 * 20.25, 0.25 * 20.25),
        *(40.0, 2.0, 46.4, 40.0 * 20.25, 2.0 * 20.25),
        *(60.0, 3.0, 55.1, 60.0 * 20.25, 3.0 * 20.25),
    ]
    assert r"R-kNN & 10.0 $\pm$ 0.5 & 14.0 &" in latex.read_text(encoding="utf-8")


def test_other_batch_sizes_and_systems_than_the_paper_s(results: Path, rows_of: RowsOf) -> None:
    add(
        results,
        {"adapter": {8: (30.0, None), 64: (50.0, None)}, "ink": {8: (20.0, None), 64: (40.0, None)}},
        sentences=12,
        repeats=1,
        hardware={**CPU, "device": "cuda", "gpu": "a card"},
    )
    _, markdown, _, _ = table5.render(results, results / "tables", "koran", ["ink", "adapter"], [8, 64])
    assert rows_of(markdown) == [
        ["Adapter", "**30.0**", "–", "**50.0**", "**608**", "**1012**"],
        ["INK", "20.0", "19.9", "40.0", "405", "810"],
    ]
    text = markdown.read_text(encoding="utf-8")
    assert "seed 1, one round in which" in text
    assert "Ours: one a card; a processor, 2 of 4 cores." in text
    assert "Batch 64: no batch has more than the 12 sentences that there are." in text
    assert "INK against Adapter, at batch 8, 64: 0.67, 0.80 times as fast." in text
    assert "In the paper also: batch 32 R-kNN 26.1, INK 46.4; batch 128 R-kNN 29.4, INK 55.1." in text


def test_one_system_compares_with_nothing(results: Path, rows_of: RowsOf) -> None:
    add(results, {"r_knn": BOTH["r_knn"]})
    _, markdown, _, _ = table5.render(results, results / "tables", "koran", ["r_knn"], [8])
    assert rows_of(markdown) == [["R-kNN", "10.0 ± 0.5", "14.0", "202 ± 10"]]
    assert "times as fast" not in markdown.read_text(encoding="utf-8")


def test_what_is_missing_is_named(results: Path) -> None:
    with pytest.raises(InkError, match=r"speed/koran\.json does not exist"):
        table5.render(results, results / "tables", "koran", ["ink"], [8])
    add(results, {"r_knn": BOTH["r_knn"]})
    with pytest.raises(InkError, match=r"koran\.json: systems\.ink is missing"):
        table5.render(results, results / "tables", "koran", ["r_knn", "ink"], [8])
    with pytest.raises(InkError, match=r"r_knn has not been timed at batch 16; run the workflow again"):
        table5.render(results, results / "tables", "koran", ["r_knn"], [16])
    assert not (results / "tables").exists()
