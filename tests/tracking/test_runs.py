"""Which settings a run is known by, and with which jobs it begins and ends."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.config.slices.commands import READS
from ink.runtime.errors import InkError
from ink.systems.known_systems import SYSTEMS
from ink.systems.layout import Run
from ink.systems.systems_of_experiment import run_that_trains
from ink.tracking.runs import first_job, last_job, parameters

CONFIG = Path(__file__).resolve().parents[2] / "config"
MINI, OWN_CORPUS, PAPER = (load(CONFIG / f"{name}.yaml") for name in ("config", "own-corpus", "paper"))


def changed(dotted: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(MINI)
    *sections, last = dotted.split(".")
    section = config
    for name in sections:
        section = section[name]
    section[last] = value
    return config


def names_of(config: dict[str, Any], system: str, domain: str = "koran") -> set[str]:
    return set(parameters(config, Run(system, domain, 1)))


def test_every_command_of_a_system_says_what_it_reads() -> None:
    for system in SYSTEMS.values():
        assert set(system.commands) <= set(READS)
        assert system.commands[-1] == "evaluate"
        assert system.first_job.removesuffix("-1") in system.commands


def test_parameters_are_the_settings_that_matter_flat_and_by_dotted_name() -> None:
    found = parameters(MINI, Run("ink", "koran", 3))
    assert (found["system"], found["domain"]) == ("ink", "koran")
    assert found["seed"] == 3
    assert found["ink.k"] == MINI["ink"]["k"]
    assert found["training.betas"] == [0.9, 0.98]
    assert found["base_model.train.dimension"] == 128
    assert found["text.max_length"] == 200
    assert not any(isinstance(value, dict) for value in found.values())
    assert not {"experiment", "threads.training", "ink.max_rounds", "mlflow.tracking_uri"} & set(found)


def test_where_text_comes_from_and_how_it_is_prepared_counts() -> None:
    for config, source, other in ((OWN_CORPUS, "files", "binarised"), (PAPER, "binarised", "files")):
        found = names_of(config, "ink")
        assert any(name.startswith(f"data.{source}.") for name in found)
        assert not any(name.startswith(f"data.{other}.") for name in found)
    assert "text.split_unknown_subwords" not in names_of(PAPER, "off_the_shelf")


def test_a_system_has_its_own_settings_and_not_another_s() -> None:
    assert "v_knn.lambda" in names_of(MINI, "v_knn")
    for system in ("off_the_shelf", "adapter", "ink"):
        assert "v_knn.lambda" not in names_of(MINI, system)
    assert "adapter.max_epochs" in names_of(MINI, "adapter")
    assert "ink.alpha" not in names_of(MINI, "adapter")
    assert "training.learning_rate" not in names_of(MINI, "off_the_shelf")


def test_what_differs_by_domain_is_the_run_s_own() -> None:
    config = changed("ink.k", {"medical": 1, "law": 2, "it": 3, "koran": 4})
    assert parameters(config, Run("ink", "koran", 1))["ink.k"] == 4


@pytest.mark.parametrize(
    ("dotted", "value", "systems"),
    [
        ("ink.alpha", 0.9, {"ink", "ink_r_knn"}),
        ("v_knn.k", [1], {"v_knn"}),
        ("knn_kd.temperature", 5, {"knn_kd"}),
        ("a_knn.hidden", 7, {"a_knn"}),
        ("r_knn.sigma", 0.5, {"r_knn", "r_knn_without_keys", "ink_r_knn"}),
        ("combiner_training.patience", 3, {"a_knn", "r_knn", "r_knn_without_keys", "ink_r_knn"}),
        ("training.learning_rate", 0.5, {"adapter", "ink", "ink_r_knn"}),
        ("training.average_last", 1, {"knn_kd", "adapter", "ink", "ink_r_knn"}),
        ("base_model.train.dropout", 0.3, set(SYSTEMS)),
        ("text.bpe_merges", 10, set(SYSTEMS)),
        ("evaluation.bootstrap_samples", 10, set()),
        ("mlflow.tracking_uri", "http://elsewhere:1", set()),
    ],
)
def test_a_setting_changes_the_runs_that_depend_on_it(dotted: str, value: Any, systems: set[str]) -> None:
    config = changed(dotted, value)
    different = {
        system
        for system in SYSTEMS
        if parameters(config, Run(system, "koran", 1)) != parameters(MINI, Run(system, "koran", 1))
    }
    assert different == systems


def test_a_given_base_model_is_a_parameter_and_its_training_is_none() -> None:
    found = names_of(OWN_CORPUS, "off_the_shelf")
    assert {"base_model.path", "base_model.bpe_codes", "data.files.pattern"} <= found
    assert not any(name.startswith("data.synthetic") for name in found)


def test_a_system_that_does_not_exist_is_named() -> None:
    with pytest.raises(InkError, match="system 'knn' does not exist; known: off_the_shelf, knn_kd, v_knn"):
        parameters(MINI, Run("knn", "koran", 1))


def test_where_runs_begin_and_end() -> None:
    begins = {system: first_job(MINI, Run(system, "koran", 1)) for system in SYSTEMS}
    assert begins == {
        "off_the_shelf": "evaluate",
        "knn_kd": "train-knn-kd",
        "v_knn": "tune-v-knn",
        "a_knn": "train-combiner",
        "r_knn_without_keys": "evaluate",
        "r_knn": "train-combiner",
        "adapter": "train-adapter",
        "ink": "train-ink-round-1",
        "ink_r_knn": "train-combiner",
    }
    assert {last_job(MINI, Run(system, "koran", 1)) for system in SYSTEMS} == {"evaluate"}


@pytest.mark.parametrize(
    ("systems", "owner"),
    [
        (["r_knn_without_keys", "r_knn"], "r_knn"),
        (["r_knn_without_keys"], "r_knn_without_keys"),
        (["r_knn"], "r_knn"),
        (["adapter"], "r_knn"),  # one of them was asked for on the command line alone
    ],
)
def test_a_combiner_that_two_systems_share_is_trained_in_one_s_run(systems: list[str], owner: str) -> None:
    config = changed("systems", systems)
    shared = ("r_knn", "r_knn_without_keys")
    assert {run_that_trains(config, system) for system in shared} == {owner}
    begin_with_it = [system for system in shared if first_job(config, Run(system, "koran", 1)) == "train-combiner"]
    assert begin_with_it == [owner]
    assert run_that_trains(config, "a_knn") == "a_knn"
    assert run_that_trains(config, "ink_r_knn") == "ink_r_knn"


def test_a_system_of_one_s_own_has_runs_too() -> None:
    own = {name: {"combiner": "vanilla", "key": "decoder_output", "k": k} for name, k in (("mine", 3), ("other", 4))}
    config = changed("own_systems", own)
    found = parameters(config, Run("mine", "koran", 1))
    assert found["own_systems.mine.k"] == 3
    assert "combiner_training.learning_rate" in found
    assert not any(name.startswith(("a_knn.", "own_systems.other.")) for name in found)
    assert first_job(config, Run("mine", "koran", 1)) == "train-combiner"


@pytest.mark.parametrize("system", ["off_the_shelf", "v_knn", "ink"])
def test_what_learns_no_combiner_is_named(system: str) -> None:
    with pytest.raises(InkError, match=f"^{SYSTEMS[system].label} learns no combiner"):
        run_that_trains(MINI, system)


def test_the_base_model_is_trained_in_the_run_of_the_unadapted_model_on_its_own_domain() -> None:
    general = Run("off_the_shelf", "general", 1)
    assert first_job(MINI, general) == "train-base"
    assert last_job(MINI, general) == "evaluate"
    assert first_job(OWN_CORPUS, general) == "evaluate"
    # nobody asks for its scores, and the run must end all the same
    assert last_job(changed("systems", ["adapter"]), general) == "train-base"
