"""Which tables and figures an experiment has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import ablated_domains, figures_of, gaining_systems, load


@pytest.fixture
def config() -> dict[str, Any]:
    chosen: dict[str, Any] = load(Path(__file__).parents[2] / "config" / "config.yaml")
    return chosen


@pytest.mark.parametrize(
    ("systems", "gaining", "figures"),
    [
        (
            ["off_the_shelf", "ink_r_knn", "adapter", "r_knn"],
            ["r_knn", "ink_r_knn"],
            ["figure3", "figure4", "training"],
        ),
        (["off_the_shelf", "v_knn"], [], ["figure3"]),
        (["ink"], [], ["figure3", "training"]),
        (["off_the_shelf", "knn_kd"], [], []),
    ],
)
def test_figures_depend_on_the_systems(
    config: dict[str, Any], systems: list[str], gaining: list[str], figures: list[str]
) -> None:
    config["systems"] = systems
    assert (gaining_systems(config), figures_of(config)) == (gaining, figures)


def test_without_training_text_there_is_neither_figure_nor_ablation(config: dict[str, Any]) -> None:
    ablations = ["without_refresh", "without_l_r", "without_l_i"]
    config["ink"]["ablations"] = {domain: ablations if domain == "medical" else [] for domain in config["domains"]}
    assert ablated_domains(config) == {"medical": [f"ink_{name}" for name in ablations]}
    for splits in config["data"]["synthetic"]["sentences"].values():
        splits.pop("train", None)
    assert figures_of(config) == []
    assert ablated_domains(config) == {}
