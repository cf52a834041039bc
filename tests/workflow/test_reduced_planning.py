"""Reduced datastores are planned between building and searching, and nothing of them where no system searches one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from ink.config import load

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = load(REPOSITORY / "config" / "config.yaml")


def test_a_row_on_a_reduced_datastore_takes_a_reduction_and_a_combiner_of_its_own(clone: Any) -> None:
    config = copy.deepcopy(SHIPPED)
    config["domains"], config["knn_accuracy"]["domains"], config["speed"]["domain"] = ["law", "koran"], [], None
    config["reductions"] = {
        "merged": {"method": "greedy_merging", "k": 2},
        "control": {"method": "random", "as_many_as": "merged"},
    }
    config["systems"] = ["off_the_shelf", "v_knn", "v_knn+control", "r_knn_without_keys+merged", "r_knn+merged"]
    plan = clone.plan("--configfile", clone.write_config("reduced.yaml", config))
    assert plan.code == 0, plan.text
    expected = {
        "build_datastore": 2,
        "reduce_datastore": 4,  # the control's other as well
        "tune_v_knn": 2,
        "tune_reduced_v_knn": 2,
        "train_combiner": 2,  # one for R-kNN with and without keys
        "evaluate": 5 * 2 + 1,
    }
    assert {rule: plan.planned.get(rule) for rule in expected} == expected
    assert "work/mini/datastores/reduced/control/decoder_output/koran" in plan.text
    assert (
        "--as-many-as work/mini/datastores/reduced/merged/decoder_output/koran"
        in clone.plan("--configfile", "reduced.yaml", "--printshellcmds").text
    )
    assert "results/mini/scores/v_knn+control/koran/seed1.json" in plan.text


def test_a_reduction_of_a_reduced_datastore_waits_for_it(clone: Any) -> None:
    reductions = "{half: {method: random, keep: 0.5}, small: {method: pca, dimension: 32, code_bytes: 8, of: half}}"
    plan = clone.plan(
        "results/mini/scores/v_knn+small/law/seed1.json",
        "--printshellcmds",
        "--config",
        "domains=[law]",
        f"reductions={reductions}",
    )
    assert plan.code == 0, plan.text
    assert plan.planned["reduce_datastore"] == 2
    half, small = (f"work/mini/datastores/reduced/{name}/decoder_output/law" for name in ("half", "small"))
    assert f"--datastore {half} --output {small}" in plan.text


def test_the_shipped_experiment_of_all_methods(clone: Any) -> None:
    methods = load(REPOSITORY / "config" / "methods.yaml")
    plan = clone.plan("--configfile", "config/methods.yaml")
    assert plan.code == 0, plan.text
    domains = len(methods["domains"])
    assert plan.planned["evaluate"] == len(methods["systems"]) * domains + 1
    assert plan.planned["reduce_datastore"] == len(methods["reductions"]) * domains
    assert plan.planned["train_ink_round"] == domains
    # by a setting that the default experiment does not have
    assert plan.planned["leaderboard"] == 1
    assert "leaderboard" not in SHIPPED


def test_reductions_that_no_system_names_are_not_planned(clone: Any) -> None:
    reductions = "{half: {method: random, keep: 0.5}}"
    plan = clone.plan("--config", "systems=[v_knn]", "domains=[law]", f"reductions={reductions}")
    assert plan.code == 0, plan.text
    assert not {"reduce_datastore", "tune_reduced_v_knn"} & set(plan.planned)
    requested = clone.plan(
        "results/mini/scores/v_knn+half/law/seed1.json", "--config", f"reductions={reductions}", "domains=[law]"
    )
    assert requested.planned["reduce_datastore"] == requested.planned["tune_reduced_v_knn"] == 1
