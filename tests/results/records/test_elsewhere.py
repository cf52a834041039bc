"""What others print for our systems, beside a run's own domains."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ink.results.records.elsewhere import bleu_elsewhere
from ink.results.records.paper import read_paper
from ink.results.records.scores import labels
from ink.systems.known_systems import SYSTEMS

NAMES = labels([*SYSTEMS, "kernel_smoothed_knn", "v_knn+half"])


def test_averages_are_over_the_domains_of_the_run(results: Path) -> None:
    koran = bleu_elsewhere(results, NAMES, ["koran"])
    assert list(koran) == ["INK paper", "kNN-box", "kNN-models"]
    assert (koran["INK paper"]["ink"], koran["kNN-box"]["kernel_smoothed_knn"]) == (23.06, 20.16)
    assert koran["kNN-models"] == {"off_the_shelf": 17.07, "v_knn": 22.54, "a_knn": 22.03}
    every = bleu_elsewhere(results, NAMES, ["medical", "law", "it", "koran"])
    # not the average that the paper misprints
    assert every["INK paper"]["ink"] == pytest.approx((57.75 + 61.90 + 49.12 + 23.06) / 4)
    assert every["kNN-box"]["r_knn"] == pytest.approx((57.24 + 63.69 + 48.46 + 20.55) / 4)


def test_a_domain_that_nobody_prints_leaves_all_out(results: Path) -> None:
    assert bleu_elsewhere(results, NAMES, ["koran", "web"]) == {}


def test_every_source_has_each_of_its_systems_on_all_four_domains_and_is_named(results: Path) -> None:
    table = read_paper(results, "elsewhere")
    domains = table.groupby(["source", "system"])["domain"].agg(list)
    assert all(found == ["Medical", "Law", "IT", "Koran"] for found in domains)
    assert set(table["system"]) <= set(NAMES.values())
    sources = (results.parent / "paper" / "README.md").read_text(encoding="utf-8")
    assert all(f"{source}:" in sources for source in set(table["source"]))
    assert pd.to_numeric(table["bleu"]).between(10, 70).all()
