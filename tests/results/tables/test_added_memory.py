"""What memory consists of, from scores and counts written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ink.nmt.adapter import Adapter
from ink.results.records.scores import Selection
from ink.results.tables import added_memory
from ink.results.tables.added_memory import PAPER_DIMENSION, adapter_parameters, paper_adapters
from ink.runtime.errors import InkError

Add = Callable[..., Path]
RowsOf = Callable[[Path], list[list[str]]]
OF_KEYS = {"index.faiss": 60_000, "values.npy": 4_000, "keys.npy": 200_000, "weights.safetensors": 500}
SYSTEMS = ["off_the_shelf", "r_knn", "adapter", "ink_r_knn"]


@pytest.fixture(autouse=True)
def counts(results: Path) -> None:
    """1,000 target tokens to train on."""
    (results / "corpus").mkdir(parents=True)
    for domain in ("koran", "web"):
        counted = {"tokens": {"train": {"source": 1100, "target": 1000}}}
        (results / "corpus" / f"{domain}.json").write_text(json.dumps(counted))


def render(results: Path, systems: list[str], seeds: tuple[int, ...] = (1,)) -> list[Path]:
    return added_memory.render(Selection(results, ["koran", "web"], systems, seeds), results / "tables")


def test_by_hand(results: Path, add_result: Add, rows_of: RowsOf) -> None:
    add_result("off_the_shelf", "koran", 10)
    add_result("r_knn", "koran", 20, added_memory=OF_KEYS)
    for domain in ("koran", "web"):
        add_result("adapter", domain, 20, added_memory={"adapter.safetensors": 9000}, adapter_parameters=2000)
    both = {**OF_KEYS, "adapter.safetensors": 9000}
    add_result("ink_r_knn", "koran", 20, added_memory=both, adapter_parameters=2000)
    csv, markdown, _, _ = render(results, SYSTEMS)
    assert rows_of(markdown) == [
        ["R-kNN", "Koran", "0.26", "1000", "264.0", "–", "–", "–", "–"],
        [""] * 9,
        ["Adapter", "Koran", "0.01", "–", "–", "2000", "4.50", "2.0", "12.1"],
        ["Adapter", "Web", "0.01", "–", "–", "2000", "4.50", "2.0", "–"],  # the paper has no such domain
        [""] * 9,
        ["INK + R-kNN", "Koran", "0.27", "1000", "264.0", "2000", "4.50", "2.0", "12.1"],
    ]
    table = pd.read_csv(csv).set_index(["system", "domain"])
    assert table.loc[("ink_r_knn", "koran"), "bytes"] == 273_500
    assert table.loc[("r_knn", "koran"), "tokens"] == 1000
    assert "were not counted when this experiment ran" not in markdown.read_text(encoding="utf-8")


def test_a_reduced_datastore_has_entries_of_its_own(results: Path, add_result: Add, rows_of: RowsOf) -> None:
    values = {"values.npy": 128 + 4 * 600}
    add_result("v_knn+half", "koran", 20, added_memory={"index.faiss": 9_000, **values, "counts.npy": 128 + 4 * 600})
    add_result("v_knn", "koran", 20, added_memory={"index.faiss": 20_000, "values.npy": 128 + 4 * 1000})
    _, markdown, _, _ = render(results, ["v_knn", "v_knn+half"])
    assert [row[:5] for row in rows_of(markdown) if row[0]] == [
        ["V-kNN", "Koran", "0.02", "1000", "24.1"],
        ["V-kNN + half", "Koran", "0.01", "600", "23.4"],  # (9,000 + 2,528 + 2,528) / 600
    ]


def test_source_tokens_take_the_place_of_the_index(results: Path, add_result: Add, rows_of: RowsOf) -> None:
    tokens = {"representations.npy": 9_000, "type_starts.npy": 500, "link_starts.npy": 300, "entries.npy": 200}
    memory = {"values.npy": 4_000, "keys.npy": 16_000, **tokens}
    add_result("v_knn+source_tokens", "koran", 20, added_memory=memory)
    _, markdown, _, _ = render(results, ["v_knn+source_tokens"])
    assert rows_of(markdown)[0][:5] == ["V-kNN + source tokens", "Koran", "0.03", "1000", "30.0"]
    assert "What searches by source tokens reads these and the keys" in markdown.read_text(encoding="utf-8")


def test_parameters_that_an_older_run_has_not_counted_are_those_of_the_file(
    results: Path, add_result: Add, rows_of: RowsOf
) -> None:
    for seed in (1, 2):
        add_result("adapter", "koran", 20, seed=seed, added_memory={"adapter.safetensors": 9000 + seed})
    _, markdown, _, _ = render(results, ["adapter"], (1, 2))
    assert rows_of(markdown) == [["Adapter", "Koran", "0.01", "–", "–", "2250", "–", "2.2", "12.1"]]
    assert "were not counted when this experiment ran" in markdown.read_text(encoding="utf-8")


def test_where_nothing_adds_memory_the_paper_s_alone_is_there(results: Path, add_result: Add) -> None:
    add_result("off_the_shelf", "koran", 10)
    csv, markdown, _, _ = render(results, ["off_the_shelf"])
    assert len(pd.read_csv(csv)) == 0
    assert "| Law | 8192 | 201461760 | 805.8 | 19061382 | 10.6 |" in markdown.read_text(encoding="utf-8")


def test_the_paper_s_adapters_are_counted_as_torch_counts_them(results: Path) -> None:
    paper = paper_adapters(results).set_index("domain")
    for domain, inner in {"Medical": 4096, "Law": 8192, "IT": 2048, "Koran": 256}.items():
        assert paper.loc[domain, "inner_dimension"] == inner
    layer = Adapter(PAPER_DIMENSION, 256, 0.1)
    assert paper.loc["Koran", "parameters"] == 12 * sum(weights.numel() for weights in layer.parameters())
    assert adapter_parameters(8, 3, 2) == 2 * sum(weights.numel() for weights in Adapter(8, 3, 0.1).parameters())
    assert paper["parameters_a_token"].round(1).tolist() == [14.6, 10.6, 14.0, 12.1]


def test_counts_that_are_missing_are_named(results: Path, add_result: Add) -> None:
    add_result("adapter", "koran", 20)
    (results / "corpus" / "koran.json").write_text("{}")
    with pytest.raises(InkError, match=r"corpus/koran\.json: tokens is missing"):
        render(results, ["adapter"])
    assert not (results / "tables").exists()
