"""What an experiment measures: of what the config names, what the experiment has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ink.config.domains import adapted_domains
from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION
from ink.systems.known_systems import OFF_THE_SHELF, SYSTEMS, system_named


def metrics_of(config: Mapping[str, Any]) -> list[str]:
    """Return the metrics that the experiment is scored with."""
    return list(config["evaluation"]["metrics"])


def separate_metrics(config: Mapping[str, Any]) -> list[str]:
    """Return those of them that are scored by jobs of their own, into files of their own."""
    return [metric for metric in metrics_of(config) if metric not in SCORED_WITH_TRANSLATION]


def accuracy_domains(config: Mapping[str, Any]) -> list[str]:
    """Return the domains of Table 3: those of knn_accuracy.domains that the experiment has, none without INK."""
    if "ink" not in config["systems"]:
        return []
    return [domain for domain in config["knn_accuracy"]["domains"] if domain in config["domains"]]


def accuracy_systems(config: Mapping[str, Any]) -> list[str]:
    """Return the systems of Table 3: the base model, Adapter where the experiment has it, and INK."""
    shown = (OFF_THE_SHELF, "ink", *config["systems"])
    return [name for name, system in SYSTEMS.items() if system.table3_label is not None and name in shown]


def speed_systems(config: Mapping[str, Any]) -> list[str]:
    """Return the systems of Table 5: those of speed.systems that the experiment has, none without speed.domain."""
    if config["speed"]["domain"] not in config["domains"]:
        return []
    return [system for system in config["speed"]["systems"] if system in config["systems"]]


def gaining_systems(config: Mapping[str, Any]) -> list[str]:
    """Return the systems of Figure 4 that the experiment has, none without the off-the-shelf model."""
    if OFF_THE_SHELF not in config["systems"]:
        return []
    return [name for name, system in SYSTEMS.items() if system.in_figure4 and name in config["systems"]]


def curve_systems(config: Mapping[str, Any]) -> list[str]:
    """Return the systems of which the figure of training curves is: Adapter and INK, where the experiment has them."""
    return [name for name in ("adapter", "ink") if name in config["systems"]]


def figures_of(config: Mapping[str, Any]) -> list[str]:
    """Name the figures that the experiment has: none where it adapts to no domain."""
    if not adapted_domains(dict(config)):
        return []
    systems = map(system_named, config["systems"])
    drawn = {
        "figure3": any(system.has_adapter or system.retrieves for system in systems),
        "figure4": bool(gaining_systems(config)),
        "training": bool(curve_systems(config)),
    }
    return [name for name, has_it in drawn.items() if has_it]


def has_leaderboard(config: Mapping[str, Any]) -> bool:
    """Return whether the experiment has a leaderboard."""
    return bool(config.get("leaderboard"))
