"""`ink tables` and `ink figures`, on results written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from ink.cli.results import figures, gather_curves, tables
from ink.config import load
from ink.runtime.errors import InkError

MINI = load(Path(__file__).parents[2] / "config" / "config.yaml")
AddRun = Callable[..., Any]


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Write mini's config with other values by dotted key."""

    def write(**changes: Any) -> Path:
        changed = json.loads(json.dumps(MINI))
        for dotted, value in changes.items():
            section, _, key = dotted.rpartition("__")
            (changed[section] if section else changed)[key] = value
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")
        return path

    return write


def run(command: Any, config: Path, results: Path, *names: str) -> None:
    CliRunner().invoke(command, ["--config", str(config), "--results", str(results), *names], catch_exceptions=False)


def add_curves(results: Path, *systems: str) -> None:
    """Gather the curves of trainings on Koran."""
    records = [results.parent / "work" / system / "koran" / "seed1" / "record.json" for system in systems]
    for record in records:
        record.parent.mkdir(parents=True)
        record.write_text(json.dumps({"history": [{"round": 1, "updates": 9, "loss": 3.0, "dev_bleu": 7.0}]}))
    CliRunner().invoke(
        gather_curves, [*map(str, records), "--output", str(results / "curves.csv")], catch_exceptions=False
    )


def test_figures_of_an_experiment(results: Path, config: Callable[..., Path], add_run: AddRun) -> None:
    for system in ("off_the_shelf", "adapter", "ink", "ink_inner16"):
        add_run(system, "koran", 0.4)
    systems = ["off_the_shelf", "adapter", "ink"]
    found = config(domains=["koran"], systems=systems, knn_accuracy__domains=["koran"], adapter__sizes=[16])
    run(figures, found, results, "figure4")
    assert sorted(path.name for path in (results / "figures").iterdir()) == [
        f"figure4.{end}" for end in ("csv", "md", "png", "svg")
    ]
    with pytest.raises(InkError, match=r"curves\.csv does not exist; run the workflow"):
        run(figures, found, results)
    add_curves(results, "adapter", "ink")
    run(figures, found, results)
    assert (results / "figures" / "training.svg").is_file()
    table = pd.read_csv(results / "figures" / "figure3.csv").set_index("system")
    assert table.loc[["adapter", "ink", "ink_inner16"], "inner_dimension"].tolist() == [128, 128, 16]


def test_figures_that_the_experiment_has_not_are_not_drawn(
    results: Path, config: Callable[..., Path], add_run: AddRun
) -> None:
    add_run("adapter", "koran", 0.4)
    add_curves(results, "adapter")
    run(figures, config(domains=["koran"], systems=["adapter"]), results)
    assert {path.stem for path in (results / "figures").iterdir()} == {"figure3", "training"}


def test_an_experiment_without_scores_is_told_what_to_do(results: Path, config: Callable[..., Path]) -> None:
    with pytest.raises(InkError, match=r"no score under .*; run the workflow that writes scores first"):
        run(figures, config(), results)


def test_table_4_is_of_the_domains_with_ablations(results: Path, config: Callable[..., Path], add_run: AddRun) -> None:
    for system in ("ink", "ink_without_l_r"):
        for domain in ("law", "koran"):
            add_run(system, domain, 0.4)
    found = config(ink__ablations={"medical": [], "law": ["without_l_r"], "it": [], "koran": []})
    run(tables, found, results, "table4")
    table = pd.read_csv(results / "tables" / "table4.csv")
    assert table[["domain", "system"]].values.tolist() == [["law", "ink_without_l_r"], ["law", "ink"]]
    (results / "tables" / "table4.csv").unlink()
    run(tables, config(ink__ablations=[]), results, "table4")
    assert not (results / "tables" / "table4.csv").exists()


def test_controls_are_of_the_domains_that_have_some(
    results: Path, config: Callable[..., Path], add_run: AddRun
) -> None:
    for system in ("adapter", "adapter_smoothing0.2"):
        for domain in ("law", "koran"):
            add_run(system, domain, 0.4)
    found = config(adapter__label_smoothings={"medical": [], "law": [0.2], "it": [], "koran": []})
    run(tables, found, results, "controls")
    written = results / "tables" / "controls.csv"
    table = pd.read_csv(written)
    assert table[["domain", "system"]].values.tolist() == [["law", "adapter_smoothing0.2"], ["law", "adapter"]]
    written.unlink()
    run(tables, config(), results, "controls")
    assert not written.exists()
