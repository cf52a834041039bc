"""The systems of an experiment: which it could have, what they share, and where their settings stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ink.runtime.errors import InkError
from ink.systems.known_systems import (
    LATER_SYSTEMS,
    OWN_SYSTEMS,
    REDUCED_BY,
    REDUCTIONS,
    SYSTEMS,
    always_searching,
    system_named,
    system_of_papers,
    unreduced,
)
from ink.systems.search_methods import SEARCH_STRATEGIES
from ink.systems.variations import variation_named


def reduced_systems(config: Mapping[str, Any]) -> list[str]:
    """Return every system on a reduced datastore: those that retrieve with the base model, with each reduction."""
    systems = [(name, system_named(name)) for name in [*SYSTEMS, *config[OWN_SYSTEMS]]]
    return [
        f"{name}{REDUCED_BY}{reduction}"
        for name, system in systems
        if system.retrieves and not system.has_adapter
        for reduction in config.get(REDUCTIONS, {})
    ]


def systems_with_strategy(config: Mapping[str, Any]) -> list[str]:
    """Return every system with a search strategy: those that retrieve, on reduced datastores too, with each.

    Without those of `impossible_systems`.
    """
    impossible = impossible_systems(config)
    return [name for name in _with_every_strategy(config) if name not in impossible]


def impossible_systems(config: Mapping[str, Any]) -> dict[str, str]:
    """Return those with a search strategy that cannot be, and of each what the system without it has or lacks."""
    found: dict[str, str] = {}
    for name in _with_every_strategy(config):
        system = system_named(name)
        if not system.by_source_tokens:
            continue
        if system.has_adapter:
            found[name] = "has an adapted model, and source tokens are stored as the base model encodes them"
        elif system.reduction is not None:
            found[name] = "has a reduced datastore, and alignments lead to entries of the whole one"
        elif system.without_keys:
            found[name] = "does without the datastore's keys, and those of a sentence's entries are read from there"
    return found


def _with_every_strategy(config: Mapping[str, Any]) -> list[str]:
    always = [*SYSTEMS, *config[OWN_SYSTEMS], *reduced_systems(config)]
    return [
        f"{name}{REDUCED_BY}{strategy}"
        for name in always
        if system_named(name).retrieves
        for strategy in config.get(SEARCH_STRATEGIES, {})
    ]


def systems_of(config: Mapping[str, Any]) -> list[str]:
    """Return every system that the experiment could have, variations apart."""
    given = [*SYSTEMS, *LATER_SYSTEMS, *config[OWN_SYSTEMS]]
    return [*given, *reduced_systems(config), *systems_with_strategy(config)]


def check_exists(config: Mapping[str, Any], system: str) -> None:
    """InkError where `system` is neither one that the experiment could have nor a variation."""
    known = systems_of(config)
    if system not in known and variation_named(system) is None:
        raise InkError(f"system {system!r} does not exist; known: {', '.join(known)}", code="config/unknown-name")


def run_that_trains(config: Mapping[str, Any], system: str) -> str:
    """Return the system whose run trains the combiner of `system`, where several systems share one.

    It is the system that the combiner is named after. Where the experiment lacks that one, it is the first of its
    systems that share the combiner. InkError where `system` learns no combiner.
    """
    check_exists(config, system)
    system, _ = always_searching(system)
    known = system_named(system)
    if known.combiner_of is None or not known.learns_combiner:
        raise InkError(
            f"{known.label} learns no combiner; name a system that does, such as r_knn", code="combiner/not-learned"
        )
    whole, reduced = unreduced(system), system.removeprefix(unreduced(system))
    trained = system_named(whole).combiner_of
    sharing = [f"{name}{reduced}" for name, other in SYSTEMS.items() if other.combiner_of == trained]
    run = [name for name in sharing if name in config["systems"]]
    return run[0] if run and known.combiner_of not in run else known.combiner_of


def retrieval_settings(config: Mapping[str, Any], system: str) -> dict[str, Any]:
    """Return a retrieving system's settings, in which "combiner" is its combiner's name and "key" its kind of key.

    config: the whole, or of it the system's section (of an own system, and of one with settings here: own_systems).
    """
    whole = unreduced(system)
    known = system_of_papers(whole)
    if known is None or whole in config.get(OWN_SYSTEMS, {}):
        return dict(config[OWN_SYSTEMS][whole])
    if known.section is None:
        raise ValueError(f"{system} does not retrieve")
    return {"combiner": known.combiner, **(config[known.section] if known.settings is None else known.settings)}


def section_of(system: str) -> str:
    """Return where in the config a retrieving system's settings stand."""
    known = system_of_papers(unreduced(system))
    return f"{OWN_SYSTEMS}.{unreduced(system)}" if known is None else str(known.section)


def seeds_of(system: str, seeds: list[int]) -> list[int]:
    """Return the seeds that `system` runs with: all of them if it is trained, else the first alone."""
    return list(seeds) if system_named(system).is_trained else list(seeds[:1])
