"""Variations: names that say what is changed, and the settings with the change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import (
    ablations_of,
    controlled_domains,
    controls_of,
    load,
    searched_points,
    sizes_of,
    variations,
)
from ink.config.slices.commands import settings_for
from ink.config.slices.training_slices import AdapterSettings, InkRoundSettings
from ink.systems.known_systems import system_named
from ink.systems.variations import variation_named


@pytest.mark.parametrize(
    ("name", "label", "changes"),
    [
        ("ink_without_refresh", "INK w/o datastore refresh", {"ink.refresh": "never"}),
        ("ink_without_l_r", "INK w/o L_r", {"ink.beta": 0.0}),
        ("ink_without_l_i", "INK w/o L_i", {"ink.alpha": 0.0}),
        ("ink_exact_neighbours", "INK, exact neighbours", {"ink.neighbours": "per_round_exact"}),
        ("adapter_smoothing0.2", "Adapter (label smoothing 0.2)", {"training.label_smoothing": 0.2}),
        ("adapter_dropout0", "Adapter (dropout 0)", {"training.dropout": 0.0}),
        ("adapter_inner64", "Adapter (64)", {"adapter.inner_dimension": 64}),
        ("ink_inner8192", "INK (8192)", {"adapter.inner_dimension": 8192}),
        ("ink_alpha0.1_beta0.3", "INK (α = 0.1, β = 0.3)", {"ink.alpha": 0.1, "ink.beta": 0.3}),
        ("ink_alpha1e-05_beta2", "INK (α = 1e-05, β = 2)", {"ink.alpha": 1e-5, "ink.beta": 2.0}),
    ],
)
def test_a_name_says_what_is_changed(name: str, label: str, changes: dict[str, Any]) -> None:
    variation = variation_named(name)
    assert variation is not None
    assert (variation.label, dict(variation.changes)) == (label, changes)
    system = system_named(name)
    assert (system.label, system.model, system.has_adapter) == (label, name, True)


@pytest.mark.parametrize(
    "name", ["ink", "adapter", "ink_r_knn", "ink_inner0", "without_l_r", "adapter_exact_neighbours", "ink_dropout0.2"]
)
def test_other_names_are_no_variations(name: str) -> None:
    assert variation_named(name) is None


@pytest.fixture
def config() -> dict[str, Any]:
    chosen: dict[str, Any] = load(Path(__file__).parents[2] / "config" / "config.yaml")
    chosen["domains"] = ["koran", "it"]
    chosen["adapter"]["sizes"] = {"koran": [4, 16], "it": []}
    chosen["ink"]["ablations"] = {"koran": [], "it": ["without_l_r"]}
    return chosen


def test_what_an_experiment_varies_may_differ_by_domain(config: dict[str, Any]) -> None:
    assert sizes_of(config, "koran") == ["adapter_inner4", "adapter_inner16", "ink_inner4", "ink_inner16"]
    assert sizes_of(config, "it") == ablations_of(config, "koran") == searched_points(config, "it") == []
    assert ablations_of(config, "it") == ["ink_without_l_r"]
    found = variations(config)
    assert found == {name: ["koran"] for name in sizes_of(config, "koran")} | {"ink_without_l_r": ["it"]}
    config["systems"] = ["off_the_shelf", "adapter"]
    assert sizes_of(config, "koran") == ["adapter_inner4", "adapter_inner16"]
    assert ablations_of(config, "it") == []


def test_controls_are_trained_where_the_system_is_that_they_vary(config: dict[str, Any]) -> None:
    config["adapter"] |= {"label_smoothings": [0.2, 0.0], "dropouts": {"koran": [0.3], "it": []}}
    config["ink"]["controls"] = {"koran": ["exact_neighbours"], "it": []}
    smoothed = ["adapter_smoothing0.2", "adapter_smoothing0"]
    assert controls_of(config, "koran") == [*smoothed, "adapter_dropout0.3", "ink_exact_neighbours"]
    assert controlled_domains(config) == {"koran": controls_of(config, "koran"), "it": smoothed}
    assert set(controls_of(config, "koran")) <= set(variations(config))
    config["systems"] = ["off_the_shelf", "ink"]
    assert controlled_domains(config) == {"koran": ["ink_exact_neighbours"]}
    changed = settings_for(config, AdapterSettings, "it", "adapter_smoothing0.2").training.plain()
    assert changed == config["training"] | {"label_smoothing": 0.2}


def test_a_search_tries_every_pair(config: dict[str, Any]) -> None:
    config["ink"].update(search=True, search_over=[0.1, 0.25])
    assert searched_points(config, "koran") == [
        "ink_alpha0.1_beta0.1",
        "ink_alpha0.1_beta0.25",
        "ink_alpha0.25_beta0.1",
        "ink_alpha0.25_beta0.25",
    ]


def test_a_command_gets_the_changed_settings_and_all_others_as_they_are(config: dict[str, Any]) -> None:
    plain = settings_for(config, InkRoundSettings, "koran", "ink")
    changed = settings_for(config, InkRoundSettings, "koran", "ink_without_l_r")
    assert plain == settings_for(config, InkRoundSettings, "koran")
    assert plain.ink.beta != 0 == changed.ink.beta
    beta = {"beta": plain.ink.beta}
    assert changed.model_copy(update={"ink": changed.ink.model_copy(update=beta)}) == plain
    assert settings_for(config, AdapterSettings, "koran", "adapter_inner4").adapter.inner_dimension == 4
    assert config["ink"]["beta"] == plain.ink.beta, "the config itself is left alone"
