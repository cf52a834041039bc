"""What an experiment measures besides its scores: of what the config names, what the experiment has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def accuracy_domains(config: Mapping[str, Any]) -> list[str]:
    """Return the domains of Table 3: those of knn_accuracy.domains that the experiment has, none without INK."""
    if "ink" not in config["systems"]:
        return []
    return [domain for domain in config["knn_accuracy"]["domains"] if domain in config["domains"]]


def speed_systems(config: Mapping[str, Any]) -> list[str]:
    """Return the systems of Table 5: those of speed.systems that the experiment has, none without speed.domain."""
    if config["speed"]["domain"] not in config["domains"]:
        return []
    return [system for system in config["speed"]["systems"] if system in config["systems"]]
