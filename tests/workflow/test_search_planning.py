"""What is planned for rows that search less: the jobs of the system without, and for SK-MT no datastore."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from ink.config import load

SHIPPED = load(Path(__file__).resolve().parents[2] / "config" / "config.yaml")


def test_a_strategy_takes_one_scoring_more_and_sk_mt_no_datastore(clone: Any) -> None:
    config = copy.deepcopy(SHIPPED)
    config["domains"], config["knn_accuracy"]["domains"], config["speed"]["domain"] = ["law", "koran"], [], None
    config["search_strategies"] = {"unsure": {"below": 0.5}, "cache": {"distance": 4}}
    config["search_strategies"]["source_tokens"] = {"occurrences": 8}
    config["systems"] = ["off_the_shelf", "sk_mt", "a_knn", "a_knn+unsure", "v_knn", "v_knn+cache"]
    config["systems"].append("v_knn+source_tokens")
    plan = clone.plan("--configfile", clone.write_config("rare.yaml", config), "--printshellcmds")
    assert plan.code == 0, plan.text
    expected = {"build_datastore": 2, "tune_v_knn": 2, "train_combiner": 2, "evaluate": 7 * 2 + 1}
    expected["store_source_tokens"] = 2
    assert {rule: plan.planned.get(rule) for rule in expected} == expected
    assert "--source-tokens work/mini/source_tokens/law" in plan.text
    assert "results/mini/scores/v_knn+cache/koran/seed1.json" in plan.text

    config["systems"] = ["off_the_shelf", "sk_mt"]
    alone = clone.plan("--configfile", clone.write_config("text.yaml", config))
    assert alone.code == 0, alone.text
    assert alone.planned["evaluate"] == 2 * 2 + 1
    assert not {"build_datastore", "tune_v_knn", "train_combiner"} & set(alone.planned)
