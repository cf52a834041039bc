"""Settings that the sizes of vocabulary and datastores bound, of the systems that an experiment runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ink.config.domains import Config
from ink.config.measures import accuracy_domains
from ink.systems.known_systems import OWN_SYSTEMS, SYSTEMS, system_named
from ink.systems.systems_of_experiment import retrieval_settings, section_of

# Of each section of a system with a datastore, the setting that says how many neighbours.
NEIGHBOURS = {"v_knn": "k", "a_knn": "max_k", "r_knn": "max_k", "ink": "k", "knn_kd": "stored", "sk_mt": "k"}
# The same of the combiners that an entry of one's own can name; what another's settings mean is its own matter.
NEIGHBOURS_OF_COMBINER = {
    "vanilla": "k",
    "adaptive": "max_k",
    "robust": "max_k",
    "kernel_smoothed": "k",
    "confidence": "k",
    "distance_aware": "k",
}
PROBABILITIES = "top_probabilities"


def requested_neighbours(config: Config) -> dict[str, Any]:
    """Return, by dotted name, how many neighbours each system asks for: a number, a grid, or either by domain."""
    systems = [system_named(name) for name in config["systems"]]
    wanted = {name for system in systems for name in (system.section, system.model)}
    requested = {f"{name}.{key}": config[name][key] for name, key in NEIGHBOURS.items() if name in wanted}
    for name, settings in _own(config):
        key = NEIGHBOURS_OF_COMBINER.get(settings["combiner"])
        if key is not None and _has_numbers(settings, key):
            requested[f"{section_of(name)}.{key}"] = settings[key]
    return requested


def measured_neighbours(config: Config, domain: str) -> dict[str, Any]:
    """Return how many neighbours Table 3 asks for on a domain, likewise."""
    return {"knn_accuracy.k": config["knn_accuracy"]["k"]} if domain in accuracy_domains(config) else {}


def requested_probabilities(config: Config) -> dict[str, Any]:
    """Return, by dotted name, at how many of the model's probabilities each system looks."""
    requested = {}
    if any(name in SYSTEMS and SYSTEMS[name].section == "r_knn" for name in config["systems"]):
        requested[f"r_knn.{PROBABILITIES}"] = config["r_knn"][PROBABILITIES]
    for name, settings in _own(config):
        if settings["combiner"] == "robust" and _has_numbers(settings, PROBABILITIES):
            requested[f"{section_of(name)}.{PROBABILITIES}"] = settings[PROBABILITIES]
    return requested


def values_of(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every single value of a setting with its name, whether it is one, a grid, or either per domain."""
    if isinstance(value, dict):
        for domain, own in value.items():
            yield from values_of(f"{name}.{domain}", own)
    elif isinstance(value, list):
        for item in value:
            yield name, item
    else:
        yield name, value


def _own(config: Config) -> Iterator[tuple[str, Config]]:
    """Yield the systems whose settings are in no section of the config, and these settings."""
    for name in config["systems"]:
        if name in config[OWN_SYSTEMS] or system_named(name).settings is not None:
            yield name, retrieval_settings(config, name)


def _has_numbers(settings: Config, key: str) -> bool:
    """Whether a setting of an entry of one's own, which no schema describes, is there and is a number or several."""
    values = [value for _, value in values_of(key, settings.get(key))]
    return bool(values) and all(isinstance(value, int | float) for value in values)
