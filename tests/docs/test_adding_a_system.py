"""docs/adding-a-system.md does what it says: its blocks are executed as they stand."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import ink.combiners
import ink.systems.known_systems
from ink.combiners.fitting.learned import train_combiner
from ink.config import check, load
from ink.config.sections.base_system import Index
from ink.config.slices.commands import settings_for
from ink.config.slices.training_slices import CombinerSettings
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.storage import ModelDatastore
from ink.metrics.system_evaluation import RunFiles, evaluate_system
from ink.results.records.scores import labels
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.systems.inference import Parts
from ink.systems.layout import Run
from ink.systems.systems_of_experiment import run_that_trains, seeds_of

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs" / "adding-a-system.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


MODULE, ROW, TEST = blocks("python")
ENTRY, KNOWN, READS_QUERIES = (yaml.safe_load(block) for block in blocks("yaml"))
(PLACE,) = re.findall(r"^`ink/combiners/(\w+)\.py`:$", TEXT, flags=re.MULTILINE)
NAME = "distance_knn"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's module, where a module beside the others would be found."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / f"{PLACE}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(ink.combiners, "__path__", [*ink.combiners.__path__, str(tmp_path / "more")])
    monkeypatch.delitem(sys.modules, f"ink.combiners.{PLACE}", raising=False)


@pytest.fixture
def row(module: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's entry of a system of the package."""
    monkeypatch.setitem(ink.systems.known_systems.SYSTEMS, NAME, None)
    monkeypatch.delitem(ink.systems.known_systems.SYSTEMS, NAME)
    exec(ROW, vars(ink.systems.known_systems))


def config_with_entry() -> dict[str, Any]:
    return {**load(REPOSITORY / "config" / "config.yaml"), **ENTRY, "systems": ["off_the_shelf", "v_knn", NAME]}


def test_the_test_of_the_document_passes(module: None) -> None:
    exec(compile(TEST, "adding-a-system.md", "exec"), {})


def test_the_entry_is_accepted_and_reaches_the_command_that_trains(module: None) -> None:
    config = config_with_entry()
    check(config)
    settings = settings_for(config, CombinerSettings, "koran", NAME)
    assert settings.own_systems == ENTRY["own_systems"]
    assert settings.a_knn is None
    by_domain = copy.deepcopy(config)
    by_domain["own_systems"][NAME]["k"] = {"medical": 4, "law": 4, "it": 4, "koran": 16}
    assert settings_for(by_domain, CombinerSettings, "koran", NAME).own_systems[NAME]["k"] == 16
    assert labels([NAME, "v_knn"]) == {"v_knn": "V-kNN", NAME: "Distance kNN"}
    assert seeds_of(NAME, [1, 2]) == [1, 2]


def test_a_row_of_the_package_is_accepted_and_reaches_the_command_that_trains(row: None) -> None:
    config = {**load(REPOSITORY / "config" / "config.yaml"), "systems": ["off_the_shelf", "v_knn", NAME]}
    check(config)
    settings = settings_for(config, CombinerSettings, "koran", NAME)
    assert settings.own_systems == {NAME: {**ENTRY["own_systems"][NAME], "combiner": PLACE}}
    assert labels([NAME, "v_knn"]) == {"v_knn": "V-kNN", NAME: "Distance kNN"}
    assert run_that_trains(config, NAME) == NAME
    with pytest.raises(InkError, match=r"own_systems\.distance_knn: found a name that is taken"):
        check({**config, **ENTRY})


@pytest.fixture
def chosen_and_scored(tiny: Any, tmp_path: Path) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """Train and score the one own system of an entry; return its combiner.json and its scores."""

    def run(entry: dict[str, Any], in_package: bool = False) -> tuple[Any, Any]:
        ((name, described),) = entry["own_systems"].items()
        settings = tiny.settings.changed(**({} if in_package else entry))
        model = tiny.domain.load_model(settings)
        build_datastore(
            Extraction(
                model,
                model.parallel_text(tiny.domain.data, "train"),
                tiny.domain.data.fingerprint,
                described["key"],
                500,
            ),
            tmp_path / "store",
            Index(type="exact"),
        )
        train_combiner(tiny.domain, ModelDatastore(tmp_path / "store"), name, settings, 1, tmp_path / "trained")
        combiner = tmp_path / "trained" / "combiner.json"
        parts = Parts(datastore=tmp_path / "store", combiner=combiner)
        evaluate_system(
            Run(name, "koran", 1), tiny.domain, parts, None, settings, RunFiles(tmp_path / "h.yy", tmp_path / "s.json")
        )
        described = read_json(combiner)
        learnt = ["weights.safetensors"] if described["combiner"] == "kernel_smoothed" else []
        written = sorted(path.name for path in (tmp_path / "trained").iterdir())
        assert written == ["combiner.json", "record.json", *learnt]
        return described, read_json(tmp_path / "s.json")

    return run


def test_the_system_is_chosen_on_dev_and_scored(module: None, chosen_and_scored: Any) -> None:
    described, scored = chosen_and_scored(ENTRY)
    losses = {entry["temperature"]: entry["dev_loss"] for entry in described["tried"]}
    assert list(losses) == [1, 10, 100]
    assert described["chosen"] == {"temperature": min(losses, key=lambda temperature: losses[temperature])}
    assert scored["system"] == NAME
    assert set(scored["added_memory"]) == {"index.faiss", "values.npy"}
    assert scored["chosen"] == described["chosen"]


def test_a_row_of_the_package_is_chosen_on_dev_and_scored_as_an_entry_is(row: None, chosen_and_scored: Any) -> None:
    described, scored = chosen_and_scored(ENTRY, in_package=True)
    assert [entry["temperature"] for entry in described["tried"]] == [1, 10, 100]
    assert scored["system"] == NAME
    assert scored["chosen"] == described["chosen"]


def test_a_known_combiner_on_another_key_is_chosen_on_dev_and_scored(chosen_and_scored: Any) -> None:
    check({**config_with_entry(), **KNOWN, "systems": ["v_knn", *KNOWN["own_systems"]]})
    described, scored = chosen_and_scored(KNOWN)
    assert [(entry["k"], entry["lambda"]) for entry in described["tried"]] == [
        (k, share) for k in (8, 16) for share in (0.3, 0.5, 0.7)
    ]
    best = min(described["tried"], key=lambda entry: entry["dev_loss"])
    assert described["chosen"] == {"k": best["k"], "lambda": best["lambda"]}
    assert described["settings"]["temperature"] == 100
    assert scored["system"] == "v_knn_on_ffn_input"


def test_a_combiner_that_reads_queries_is_trained_and_scored(chosen_and_scored: Any) -> None:
    check({**config_with_entry(), **READS_QUERIES, "systems": ["v_knn", *READS_QUERIES["own_systems"]]})
    described, scored = chosen_and_scored(READS_QUERIES)
    losses = {entry["kernel"]: entry["dev_loss"] for entry in described["tried"]}
    assert list(losses) == ["gaussian", "laplacian"]
    assert described["chosen"] == {"kernel": min(losses, key=lambda kernel: losses[kernel])}
    assert described["settings"]["dimension"] == 16
    assert scored["system"] == "kernel_smoothed_knn"
    assert set(scored["added_memory"]) == {"index.faiss", "values.npy", "keys.npy", "weights.safetensors"}
