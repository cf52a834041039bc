"""After `ink clean` scores and tables are up to date, and what is missing is made again only where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warm.programme import INK

CONFIG = ("--configfile", "micro.yaml")


def test_a_cleaned_experiment_has_nothing_to_do(after_micro: Callable[[], Any]) -> None:
    workspace = after_micro()
    INK.run("clean", "micro.yaml", cwd=workspace.path, check=True)
    for name in ("datastores", "ink", "base_model"):
        assert not (workspace.path / "work" / "micro" / name).exists()
    for requested in ((), ("table2",), ("results/micro/scores/ink/koran/seed1.json",)):
        plan = workspace.plan(*requested, *CONFIG)
        assert plan.code == 0, plan.text
        assert plan.planned == {}
    reporting = workspace.plan(*CONFIG, "--config", "evaluation={bootstrap_samples: 50}")
    assert reporting.planned == {"table1": 1, "table2": 1, "table3": 1, "table5": 1, "figures": 1, "report": 1}
    setting = workspace.plan(*CONFIG, "--config", "v_knn={temperature: 5}")
    assert setting.planned["train_base"] == 1
    assert setting.planned["build_datastore"] == 2
