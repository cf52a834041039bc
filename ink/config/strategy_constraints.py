"""Search strategies whose settings make no sense, and systems that cannot search so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ink.config.domains import Config
from ink.config.schema import refusal, shown
from ink.config.sections.search_strategies import NEEDED
from ink.systems.known_systems import REDUCTIONS, system_named
from ink.systems.search_methods import SEARCH_STRATEGIES, search_method
from ink.systems.systems_of_experiment import impossible_systems, retrieval_settings

# Methods that make p_kNN of entries that no search has found, in the order of the text.
OF_V_KNN = ("chunks",)


def strategy_problems(config: Config) -> Iterator[str]:
    """Every search strategy of a config, and every system with one, that cannot be."""
    for name in config[REDUCTIONS]:
        if search_method(name) is not None:
            yield f"{REDUCTIONS}.{name}: found a name of {SEARCH_STRATEGIES}; allowed: one that begins otherwise"
    for name, settings in config[SEARCH_STRATEGIES].items():
        yield from _settings(f"{SEARCH_STRATEGIES}.{name}", str(search_method(name)), settings)
    yield from _systems("systems", config["systems"], config)
    yield from _systems("speed.systems", config["speed"]["systems"], config)


def _settings(key: str, method: str, settings: Config) -> Iterator[str]:
    """What the method needs and lacks, what is there and not its own, and what contradicts itself."""
    for name in NEEDED[method]:
        if name not in settings:
            yield f"{key}.{name}: missing; allowed: it with {method}"
    for name in settings:
        if name not in NEEDED[method]:
            yield refusal(f"{key}.{name}", shown(settings[name]), f"with {method} {', '.join(NEEDED[method])}")
    shortest, longest = settings.get("shortest_interval"), settings.get("longest_interval")
    if shortest is not None and longest is not None and shortest > longest:
        yield refusal(f"{key}.shortest_interval", shortest, f"at most longest_interval {longest}")


def _systems(key: str, names: Sequence[str], config: Config) -> Iterator[str]:
    impossible = impossible_systems(config)
    for position, name in enumerate(names):
        system = system_named(name)
        if system.strategy is None:
            continue
        (always,) = system.compared_with
        if name in impossible:
            yield refusal(f"{key}[{position}]", name, f"another strategy, since {always} {impossible[name]}")
        if always not in config["systems"]:
            yield f"{key}[{position}]: found {name} without {always}; allowed: both, since they share a combiner"
        if search_method(system.strategy) in OF_V_KNN and not _is_v_knn(config, name):
            allowed = f"{system.strategy} with the combiner vanilla on a whole datastore, as in v_knn+{system.strategy}"
            yield refusal(f"{key}[{position}]", name, allowed)


def _is_v_knn(config: Config, name: str) -> bool:
    return system_named(name).reduction is None and retrieval_settings(config, name)["combiner"] == "vanilla"
