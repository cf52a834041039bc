from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.metrics.bleu import Bleu
from ink.metrics.chrf import Chrf
from ink.results.records.paper import read_paper
from ink.results.records.scores import Selection
from ink.results.tables import table2
from ink.results.tables.table1 import OVERLAPS, REASONS
from ink.runtime.errors import InkError

Add = Callable[..., Path]
RowsOf = Callable[[Path], list[list[str]]]
SYSTEMS = ["off_the_shelf", "v_knn", "adapter", "ink"]
KEYS = {"keys.npy": 4000, "values.npy": 470}
EXPERIMENT = Path(__file__).parents[3] / "results" / "mini"
PAIRS = {"law": 3600, "koran": 1200, "web": 0}


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's tables and the corpora's counts, where a table looks for them."""
    monkeypatch.setattr("ink.results.tables.table2_paper.read_paper", lambda _, name: read_paper(EXPERIMENT, name))
    (tmp_path / "corpus").mkdir()
    for domain, train in PAIRS.items():
        counts = {"sentences": {"train": train, "dev": train, "test": 300}, "dropped": dict.fromkeys(REASONS, 0)}
        counts |= dict.fromkeys(OVERLAPS, 0)
        (tmp_path / "corpus" / f"{domain}.json").write_text(json.dumps(counts))


class NoHypotheses:
    """Comparisons of systems none of which left hypotheses."""

    metric, training_seed, note = Bleu("13a"), 1, "No hypotheses."

    def of(self, system: str, baseline: str, domains: list[str]) -> None:
        return None


def render(
    results: Path,
    output: Path,
    domains: list[str],
    systems: list[str],
    seeds: list[int],
    restored: bool = False,
) -> list[Path]:
    comparisons: Any = [NoHypotheses()]
    runs = Selection(results, domains, systems, seeds)
    return table2.render(runs, output, [Bleu("13a"), Chrf()], comparisons, ["de", "en"], restored)


def test_by_hand(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    for system, law, koran in [
        ("off_the_shelf", 30, 10),
        ("v_knn", 33.5, 12.25),
        ("adapter", 35.004, 15),
        ("ink", 34.996, 16),
    ]:
        more = {"added_memory": KEYS} if system == "v_knn" else {}
        add_score(system, "law", law, **more)
        add_score(system, "koran", koran, **more)
    add_score("off_the_shelf", "general", 50)
    csv, markdown, latex, _ = render(tmp_path, tmp_path / "tables", ["law", "koran"], SYSTEMS, [1])
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "–", "30.00", "10.00", "20.00"],
        ["V-kNN", "4.5", "33.50", "12.25", "22.88"],
        ["Adapter", "1.0", "**35.00**", "15.00", "25.00"],
        ["INK", "1.0", "**35.00**", "**16.00**", "**25.50**"],
    ]
    table = pd.read_csv(csv).set_index("system")
    assert list(table.columns) == [
        "seeds",
        "memory_bytes",
        "memory",
        "bleu_law",
        "bleu_law_mark",
        "bleu_koran",
        "bleu_koran_mark",
        "bleu_average",
        "chrf_law",
        "chrf_koran",
        "chrf_average",
    ]
    assert table.loc["v_knn"].dropna().tolist() == [1, 8940, 4.47, 33.5, 12.25, 22.875, 53.5, 32.25, 42.875]
    assert table.loc["off_the_shelf", ["memory_bytes", "memory"]].tolist() == [0, 0]
    text = markdown.read_text(encoding="utf-8")
    assert r"BLEU: sacrebleu, nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:2.6.0." in text
    assert "One seed (1)." in text
    assert "the adapters' are 1.0" in text
    assert "not there" not in text
    assert r"INK & 1.0 & \textbf{35.00} & \textbf{16.00} & \textbf{25.50} \\" in latex.read_text(encoding="utf-8")


def test_ink_with_r_knn_stands_apart_below_every_other_row_and_is_the_best_of_none(
    tmp_path: Path, add_score: Add, rows_of: RowsOf
) -> None:
    for system, bleu in (("off_the_shelf", 10), ("ink", 20), ("ink_r_knn", 30), ("mine", 15)):
        add_score(system, "koran", bleu, **({"added_memory": KEYS} if system == "ink_r_knn" else {}))
    requested = ["ink_r_knn", "ink", "mine", "off_the_shelf"]
    csv, markdown, latex, _ = render(tmp_path, tmp_path, ["koran"], requested, [1])
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "–", "10.00"],
        ["INK", "1.0", "**20.00**"],
        ["mine", "1.0", "15.00"],
        ["", "", ""],
        ["INK + R-kNN", "4.5", "30.00"],
    ]
    assert pd.read_csv(csv)["system"].tolist() == ["off_the_shelf", "ink", "mine", "ink_r_knn"]
    above, below = latex.read_text(encoding="utf-8").split("\\midrule\n")[1:3]
    assert (above.count(r"\\"), below.partition(r" \\")[0]) == (3, "INK + R-kNN & 4.5 & 30.00")
    assert "INK + R-kNN is set apart: the best, in bold, is the best of the other rows." in markdown.read_text()


def test_ink_with_r_knn_alone_is_apart_from_nothing(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("ink_r_knn", "koran", 30)
    _, markdown, _, _ = render(tmp_path, tmp_path, ["koran"], ["ink_r_knn"], [1])
    assert [row[2:] for row in rows_of(markdown)] == [["30.00"]]
    assert "set apart" not in markdown.read_text(encoding="utf-8")


def test_a_missing_system_and_a_missing_domain(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("off_the_shelf", "law", 30)
    add_score("off_the_shelf", "web", 20)
    add_score("adapter", "law", 35)
    csv, markdown, _, _ = render(tmp_path, tmp_path, ["law", "web"], ["ink", "adapter", "off_the_shelf"], [1])
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "–", "30.00", "20.00", "25.00"],
        ["Adapter", "1.0", "**35.00**", "–", "–"],
        ["INK", "–", "–", "–", "–"],
    ]
    assert csv.read_text().splitlines()[3] == "ink,0,,,,,,,,,,"
    assert "–: not there. A domain without training data is scored, not adapted" in markdown.read_text(encoding="utf-8")


def test_one_domain_one_system(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("ink", "koran", 12.345678)
    add_score("adapter", "koran", 99)
    csv, markdown, _, _ = render(tmp_path, tmp_path, ["koran"], ["ink"], [1])
    assert rows_of(markdown) == [["INK", "1.0", "12.35"]]  # an average of one domain would repeat it
    assert pd.read_csv(csv).loc[0, ["bleu_koran", "bleu_average"]].tolist() == [12.345678, 12.345678]


def test_without_adapters_memory_is_in_megabytes(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("off_the_shelf", "koran", 10)
    add_score("v_knn", "koran", 12, added_memory={"index.faiss": 1_230_000, **KEYS})
    csv, markdown, _, _ = render(tmp_path, tmp_path, ["koran"], SYSTEMS[:2], [1])
    assert [row[1] for row in rows_of(markdown)] == ["–", "1.23"]
    text = markdown.read_text(encoding="utf-8")
    assert "| System | Mem. (MB) |" in text and "in MB (10^6 bytes)" in text
    assert pd.read_csv(csv)["memory_bytes"].tolist() == [0, 1_234_470]
    assert pd.read_csv(csv)["memory_megabytes"].tolist() == [0, 1.23447]


def test_an_adapter_on_another_domain_is_no_unit_of_a_system_s_memory(
    tmp_path: Path, add_score: Add, rows_of: RowsOf
) -> None:
    add_score("v_knn", "koran", 12, added_memory={"index.faiss": 2_000_000})
    add_score("adapter", "law", 12, added_memory={"adapter.safetensors": 1_000_000})
    _, markdown, _, _ = render(tmp_path, tmp_path, ["koran", "law"], ["v_knn", "adapter"], [1])
    assert [row[1] for row in rows_of(markdown)] == ["2.00", "1.00"]


def test_how_long_adapters_were_trained_is_said_of_those_that_know_it(tmp_path: Path, add_score: Add) -> None:
    add_score("adapter", "koran", 20, passes=25)
    add_score("adapter", "koran", 20, seed=2, passes=35)
    add_score("adapter", "law", 20, passes=9)
    add_score("ink", "koran", 20, passes=51)
    add_score("ink", "law", 20)  # of an older version
    add_score("ink_r_knn", "koran", 30, passes=51)  # INK's own
    trained = ["adapter", "ink", "ink_r_knn"]
    _, markdown, _, _ = render(tmp_path, tmp_path, ["law", "koran"], trained, [1, 2])
    text = markdown.read_text(encoding="utf-8")
    assert "training ended, of the seeds 1, 2: Adapter: Law 9 / –, Koran 25 / 35; INK: Koran 51 / –." in text
    _, markdown, _, _ = render(tmp_path, tmp_path, ["law"], ["ink"], [1])
    assert "until training ended" not in markdown.read_text(encoding="utf-8")


def test_where_no_system_adds_memory_the_note_says_so(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("off_the_shelf", "koran", 10)
    _, markdown, _, _ = render(tmp_path, tmp_path, ["koran"], ["off_the_shelf"], [1])
    assert [row[1] for row in rows_of(markdown)] == ["–"]
    assert "no system here adds bytes" in markdown.read_text(encoding="utf-8")


def test_two_seeds(tmp_path: Path, add_score: Add, rows_of: RowsOf) -> None:
    add_score("off_the_shelf", "law", 30)
    add_score("off_the_shelf", "koran", 10)
    for seed, law, koran in [(1, 35, 15), (2, 37, 16)]:
        add_score("adapter", "law", law, seed=seed)
        add_score("adapter", "koran", koran, seed=seed)
    add_score("ink", "law", 40, seed=1)
    add_score("ink", "law", 41, seed=2)
    add_score("ink", "koran", 20, seed=2)
    add_score("ink", "koran", 99, seed=3)
    csv, markdown, latex, _ = render(tmp_path, tmp_path, ["law", "koran"], SYSTEMS, [1, 2])
    assert rows_of(markdown) == [
        ["Off-the-shelf NMT", "–", "30.00", "10.00", "20.00"],
        ["V-kNN", "–", "–", "–", "–"],
        ["Adapter", "1.0", "36.00 ± 1.41", "15.50 ± 0.71", "25.75 ± 1.06"],
        ["INK", "1.0", "**40.50 ± 0.71**", "**20.00**", "**30.50**"],
    ]
    table = pd.read_csv(csv).set_index("system")
    assert table.loc["adapter", "bleu_average_deviation"] == pytest.approx(1.5 / 2**0.5)
    assert table.loc["ink", "seeds"] == 2
    assert "Mean ± standard deviation (n - 1) of 2 seeds (1, 2)" in markdown.read_text(encoding="utf-8")
    assert r"36.00 $\pm$ 1.41" in latex.read_text(encoding="utf-8")


def test_choices_made_on_dev_are_told(tmp_path: Path, add_score: Add) -> None:
    add_score("v_knn", "law", 30, chosen={"k": 8, "lambda": 0.5, "grid": [1, 2]})
    add_score("v_knn", "law", 30, seed=2, chosen={"k": 8, "lambda": 0.5})
    add_score("v_knn", "koran", 30, chosen={"k": 4, "lambda": 0.5})
    add_score("v_knn", "koran", 30, seed=2, chosen={"k": 16, "lambda": 0.5})
    text = render(tmp_path, tmp_path, ["law", "koran"], ["v_knn"], [1, 2])[1].read_text(encoding="utf-8")
    assert (
        "V-kNN, chosen on dev: Law k = 8, lambda = 0.5; "
        "Koran k = 4, lambda = 0.5 (seed 1) or k = 16, lambda = 0.5 (seed 2)." in text
    )


def test_different_signatures_are_not_passed_over(tmp_path: Path, add_score: Add) -> None:
    add_score("adapter", "law", 30)
    add_score("ink", "law", 30, bleu={"score": 31, "signature": "tok:char"})
    text = render(tmp_path, tmp_path, ["law"], ["adapter", "ink"], [1])[1].read_text(encoding="utf-8")
    assert "Not comparable" in text
    assert "tok:char" in text


def test_nothing_to_show(tmp_path: Path, add_score: Add) -> None:
    with pytest.raises(InkError, match="no score under"):
        render(tmp_path, tmp_path, ["law"], SYSTEMS, [1])
    add_score("ink", "law", 30)
    with pytest.raises(InkError, match=r"none of the systems.*seeds \[2\]"):
        render(tmp_path, tmp_path, ["law"], SYSTEMS, [2])


def test_a_repeat_is_the_same_bytes(tmp_path: Path, add_score: Add) -> None:
    add_score("adapter", "law", 1 / 3)
    first = [path.read_bytes() for path in render(tmp_path, tmp_path / "a", ["law"], SYSTEMS, [1])]
    second = [path.read_bytes() for path in render(tmp_path, tmp_path / "b", ["law"], SYSTEMS, [1])]
    assert first == second


def test_references_put_back_together_are_said_to_be(tmp_path: Path, add_score: Add) -> None:
    add_score("ink", "koran", 16)
    for restored in (False, True):
        text = render(tmp_path, tmp_path, ["koran"], ["ink"], [1], restored)[1].read_text(encoding="utf-8")
        assert ("References, and COMET's sources, are binarised text put back together" in text) is restored
