"""What a run is: one system on one domain with one seed, its jobs, and every setting that can change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ink.config import given_base_model, searched_points
from ink.config.slices.commands import READS, settings_for
from ink.systems.known_systems import OFF_THE_SHELF, system_named
from ink.systems.layout import Run
from ink.systems.systems_of_experiment import check_exists, run_that_trains
from ink.systems.variations import is_search_point

# by data.source
PREPARATION = {
    "synthetic": ("generate-corpus", "prepare-corpus"),
    "files": ("ingest-corpus", "prepare-corpus"),
    "binarised": ("restore-corpus", "adopt-corpus"),
}


def parameters(config: Mapping[str, Any], name: Run) -> dict[str, Any]:
    """Return every setting that changes what the commands behind a run yield, by dotted key, and the run's own name.

    Preparation and base model count too: where one of their settings has changed, the run is another one.
    """
    found: dict[str, Any] = {"system": name.system, "domain": name.domain, "seed": name.seed}
    for command in _commands(config, name.system):
        found |= _flat(settings_for(config, READS[command], name.domain, name.system).that_matter())
    return found


def _commands(config: Mapping[str, Any], system: str) -> list[str]:
    check_exists(config, system)
    trained = given_base_model(config) is None
    base = ["learn-vocabulary", "train-base"] if trained else ["adopt-vocabulary"]
    return [*PREPARATION[config["data"]["source"]], *base, *system_named(system).commands]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def first_job(config: Mapping[str, Any], name: Run) -> str:
    """Return the job with which a run begins: started again after the run has finished, it begins another run."""
    if _holds_the_base_model(config, name):
        return "train-base"
    system = system_named(name.system)
    if name.system == "ink" and name.domain in config["domains"] and searched_points(config, name.domain):
        return "choose-ink"
    if system.learns_combiner and run_that_trains(config, name.system) != name.system:
        return "evaluate"  # with what another system's run has trained
    return system.first_job


def last_job(config: Mapping[str, Any], name: Run) -> str:
    """Return the job that finishes a run: scoring, or training where nobody asked for scores: of the base model, and of
    what is tried on dev alone.
    """
    if name.domain in config["domains"] and name.system in searched_points(config, name.domain):
        return "finish-ink"
    if _holds_the_base_model(config, name) and name.system not in config["systems"]:
        return "train-base"
    return "evaluate"


def run_above(name: Run) -> Run | None:
    """Return the run that `name`'s is a part of: of a point of the search over alpha and beta, the chosen INK's.

    None where it stands below the experiment alone.
    """
    return name._replace(system="ink") if is_search_point(name.system) else None


def _holds_the_base_model(config: Mapping[str, Any], name: Run) -> bool:
    """Whether the base model's training belongs to this run: the unadapted model on the domain it learns from."""
    trained = given_base_model(config) is None
    return trained and name.system == OFF_THE_SHELF and name.domain == config["data"]["general_domain"]
