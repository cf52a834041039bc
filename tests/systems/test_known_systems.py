"""Systems by name: those of Table 2, and an experiment's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.combiners.known_combiners import BUILT_IN
from ink.config import load
from ink.results.records.scores import labels
from ink.systems.known_systems import BEST_KNN, OFF_THE_SHELF, SYSTEMS, system_named
from ink.systems.layout import Layout
from ink.systems.systems_of_experiment import retrieval_settings, seeds_of, systems_of

REPOSITORY = Path(__file__).resolve().parents[2]
MINI = load(REPOSITORY / "config" / "config.yaml")


def test_what_depends_on_the_seed_runs_with_every_seed() -> None:
    found = {name: seeds_of(name, [3, 4]) for name in [*SYSTEMS, "mine"]}
    once = [name for name, seeds in found.items() if seeds == [3]]
    assert once == ["off_the_shelf", "v_knn"]
    assert all(found[name] == [3, 4] for name in found if name not in once)


@pytest.mark.parametrize("name", [name for name, system in SYSTEMS.items() if system.retrieves])
def test_every_system_that_retrieves_has_a_combiner_and_a_kind_of_key(name: str) -> None:
    settings = retrieval_settings(MINI, name)
    assert settings["combiner"] in BUILT_IN
    assert settings["key"] == "decoder_output"


def test_r_knn_without_keys_uses_what_r_knn_has_trained() -> None:
    assert retrieval_settings(MINI, "r_knn_without_keys") == retrieval_settings(MINI, "r_knn")
    assert system_named("r_knn_without_keys").section == system_named("r_knn").section == "r_knn"
    assert [name for name, system in SYSTEMS.items() if system.without_keys] == ["r_knn_without_keys"]


def test_r_knn_on_top_of_ink_has_r_knn_s_settings_and_trains_a_combiner_of_its_own() -> None:
    assert retrieval_settings(MINI, "ink_r_knn") == retrieval_settings(MINI, "r_knn")
    system = system_named("ink_r_knn")
    assert (system.model, system.has_adapter, system.combiner_of) == ("ink", True, "ink_r_knn")
    sharing = [name for name, other in SYSTEMS.items() if other.combiner_of == "r_knn"]
    assert sharing == ["r_knn_without_keys", "r_knn"]
    assert [name for name, other in SYSTEMS.items() if other.has_adapter] == ["adapter", "ink", "ink_r_knn"]
    assert [name for name, other in SYSTEMS.items() if other.apart] == ["ink_r_knn"]


def test_a_system_of_one_s_own_is_the_base_model_with_its_combiner() -> None:
    entry: dict[str, Any] = {"combiner": "my.module", "key": "ffn_input", "k": 3}
    config = {**MINI, "own_systems": {"mine": entry}}
    assert retrieval_settings(config, "mine") == entry
    system = system_named("mine")
    assert (system.label, system.model, system.section, system.retrieves) == ("mine", "base", "mine", True)


def test_a_system_that_does_not_retrieve_has_no_such_settings() -> None:
    with pytest.raises(ValueError, match="ink does not retrieve"):
        retrieval_settings(MINI, "ink")


def test_rows_are_compared_with_rows_and_drawn_with_marks_of_their_own() -> None:
    for system in SYSTEMS.values():
        assert {*system.compared_with, system.starred_over or OFF_THE_SHELF} <= {*SYSTEMS, BEST_KNN}
    marks = [system.mark for system in SYSTEMS.values()]
    assert None not in marks
    assert len(set(marks)) == len(SYSTEMS)
    assert [name for name, system in SYSTEMS.items() if not system.is_adapted] == [OFF_THE_SHELF]
    assert [name for name, system in SYSTEMS.items() if system.memory_unit] == ["adapter", "ink"]
    assert [name for name, system in SYSTEMS.items() if system.in_figure4] == ["r_knn", "ink", "ink_r_knn"]


def test_a_system_of_a_later_paper_stands_below_the_paper_s_and_has_no_datastore() -> None:
    system = system_named("sk_mt")
    assert (system.label, system.by_sentence, system.retrieves, system.combiner_of) == ("SK-MT", True, False, None)
    assert (system.is_adapted, system.is_trained) == (True, False)
    config = {**MINI, "reductions": {"half": {"method": "random", "keep": 0.5}}}
    assert "sk_mt" in systems_of(config) and "sk_mt+half" not in systems_of(config)
    assert Layout(config).system_files("sk_mt", "koran", 1) == {}
    assert list(labels(["sk_mt", "r_knn", "v_knn"])) == ["v_knn", "r_knn", "sk_mt"]
