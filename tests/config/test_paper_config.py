"""config/paper.yaml against what the paper prints, and against what it says of its own paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import for_domain, load
from ink.corpus.sentence_counts import paper_counts
from ink.metrics.comet_files import PAPERS_MODEL, short_name
from ink.systems.known_systems import SYSTEMS
from ink.tools.download.artefacts import ARTEFACTS
from ink.tools.download.provided_files import files_to_come, provided_files

PAPER: dict[str, Any] = load(Path(__file__).resolve().parents[2] / "config" / "paper.yaml")
DOMAINS = ("medical", "law", "it", "koran")


def test_its_text_is_table_1_s() -> None:
    assert PAPER["data"]["binarised"]["sentences"] == paper_counts(DOMAINS)


def test_it_runs_every_system_on_every_domain_on_a_gpu() -> None:
    assert (PAPER["domains"], PAPER["systems"], PAPER["seeds"]) == ([*DOMAINS], [*SYSTEMS], [1])
    assert PAPER["device"] == "cuda"
    assert short_name(PAPER["evaluation"]["comet"]["model"]) == PAPERS_MODEL


@pytest.mark.parametrize(
    ("section", "key", "values"),
    [
        ("adapter", "inner_dimension", (4096, 8192, 2048, 256)),
        ("ink", "k", (32, 32, 32, 64)),
        ("ink", "alpha", (0.1, 0.2, 0.1, 0.2)),
        ("ink", "beta", (0.1, 0.2, 0.1, 0.2)),
        ("v_knn", "k", (4, 4, 8, 16)),
        ("v_knn", "lambda", (0.8, 0.8, 0.7, 0.8)),
        ("v_knn", "temperature", (10, 10, 10, 100)),
        ("a_knn", "max_k", (16, 8, 8, 16)),
        ("a_knn", "temperature", (10, 10, 10, 100)),
        ("r_knn", "decay", (1000, 1000, 1000, 10)),
        ("knn_kd", "k", (4, 4, 8, 16)),
        ("knn_kd", "temperature", (10, 10, 10, 100)),
    ],
)
def test_what_differs_by_domain_is_the_papers(section: str, key: str, values: tuple[float, ...]) -> None:
    found = [for_domain(PAPER[section], domain, DOMAINS)[key] for domain in DOMAINS]
    assert found == [*values]


def test_tables_3_to_5_are_measured_where_the_paper_did() -> None:
    assert (PAPER["knn_accuracy"]["domains"], PAPER["speed"]["domain"]) == (["medical"], "law")
    assert PAPER["ink"]["ablations"] == {
        "medical": ["without_refresh", "without_l_r", "without_l_i"],
        **{domain: [] for domain in DOMAINS if domain != "medical"},
    }


def test_all_that_it_uses_comes_with_its_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(PAPER["downloads"]) == set(ARTEFACTS) == set(provided_files(PAPER))
    assert files_to_come(PAPER) == provided_files(PAPER)
    assert set(provided_files(PAPER)["wmt19_model"]) == {
        value for value in PAPER["base_model"].values() if value is not None
    }
    text = provided_files(PAPER)["multi_domain_data"]
    assert len(text) == len(set(text)) == 4 * (2 + 3 * 2 * 2)
    assert "downloads/multi_domain_data/data-bin/law/valid.de-en.en.idx" in text
    comet = PAPER["evaluation"]["comet"]
    assert provided_files(PAPER)["comet_model"] == [comet["model"]]
    assert {
        Path(path).parent
        for name in ("settings", "tokeniser")
        for path in provided_files(PAPER)[f"comet_encoder_{name}"]
    } == {Path(comet["encoder"])}
