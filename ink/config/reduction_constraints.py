"""Reductions whose settings make no sense, and systems that cannot search a datastore reduced so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ink.config.domains import Config
from ink.config.schema import nearest, refusal, shown
from ink.config.sections.base_system import code_bits, codes_of
from ink.config.sections.reductions import NEEDED, POSSIBLE, PROJECTING
from ink.systems.known_systems import REDUCTIONS, system_named
from ink.systems.systems_of_experiment import retrieval_settings

# Combiners that read keys as the model's own: networks take them in, or the model is asked about them.
READ_KEYS = {"robust": "the model is asked about its keys", "kernel_smoothed": "its networks read keys beside h_t"}


def reduction_problems(config: Config) -> Iterator[str]:
    """Every reduction of a config, and every system on a reduced datastore, that cannot be."""
    for name, settings in config[REDUCTIONS].items():
        yield from _settings(f"{REDUCTIONS}.{name}", settings)
        if settings.get("lists", probes := config["index"]["probes"]) < probes and config["index"]["type"] == "ivfpq":
            yield refusal(f"{REDUCTIONS}.{name}.lists", settings["lists"], f"at least index.probes ({probes})")
        if (other := settings.get("as_many_as")) is not None:
            yield from _control(f"{REDUCTIONS}.{name}.as_many_as", other, config[REDUCTIONS])
        if "of" in settings:
            yield from _origin(name, config[REDUCTIONS])
        if settings["method"] in PROJECTING and "dimension" in settings:
            yield from _projection(f"{REDUCTIONS}.{name}", settings, config)
    yield from _systems(config, "systems", config["systems"])
    yield from _systems(config, "speed.systems", config["speed"]["systems"])


def _settings(key: str, settings: Config) -> Iterator[str]:
    """What the method needs and lacks, and what is there and not its own."""
    method = settings["method"]
    read = {"method", *POSSIBLE[method]}
    for alternatives in NEEDED[method]:
        read |= set(alternatives)
        found = [name for name in alternatives if name in settings]
        if len(found) != 1:
            allowed = " or ".join(alternatives) if len(alternatives) > 1 else f"it with method {method}"
            given = " and ".join(found) if found else "missing"
            place = f"{key}.{alternatives[0]}" if len(alternatives) == 1 else key
            yield f"{place}: {given}; allowed: {allowed}" if not found else refusal(place, given, f"one of {allowed}")
    for name in settings:
        if name not in read:
            allowed = ", ".join(sorted(read - {"method"}))
            yield refusal(f"{key}.{name}", shown(settings[name]), f"with method {method} {allowed}")


def _control(key: str, other: str, reductions: Config) -> Iterator[str]:
    if other not in reductions or reductions[other]["method"] == "random":
        others = [name for name, settings in reductions.items() if settings["method"] != "random"]
        allowed = f"a reduction that draws nothing ({', '.join(others)})" if others else "one with another method"
        yield refusal(key, other, f"{allowed}{nearest(other, others)}")


def _origin(name: str, reductions: Config) -> Iterator[str]:
    """What is wrong with the reduction whose datastore `name` reduces further."""
    key, other = f"{REDUCTIONS}.{name}.of", reductions[name]["of"]
    others = [one for one, settings in reductions.items() if one != name and settings["method"] not in PROJECTING]
    if other not in others:
        allowed = f"a reduction that leaves keys as they are ({', '.join(others)})" if others else "none here"
        yield refusal(key, other, f"{allowed}{nearest(other, others)}")
        return
    if name in chain(reductions, other):
        yield refusal(key, other, "one that is not made of this one in turn")


def chain(reductions: Config, name: str) -> list[str]:
    """Return a reduction, the one whose datastore it reduces further, and so on; each once."""
    passed = [name]
    while (other := reductions.get(passed[-1], {}).get("of")) is not None and other not in passed:
        passed.append(other)
    return passed


def _projection(key: str, settings: Config, config: Config) -> Iterator[str]:
    dimension, train, index = settings["dimension"], config["base_model"].get("train"), config["index"]
    if train is not None and config["base_model"]["path"] is None and dimension >= train["dimension"]:
        yield refusal(f"{key}.dimension", dimension, f"fewer than base_model.train.dimension {train['dimension']}")
    code_bytes = settings.get("code_bytes", index["code_bytes"])
    if index["type"] == "ivfpq" and dimension % codes_of(code_bytes, code_bits(index)):
        where = (
            "code_bytes" if "code_bytes" in settings else "index.code_bytes, or set code_bytes here, which divides it"
        )
        yield refusal(f"{key}.dimension", dimension, f"a multiple of {where} ({code_bytes})")


def _systems(config: Config, key: str, names: Sequence[str]) -> Iterator[str]:
    for position, name in enumerate(names):
        system = system_named(name)
        if system.reduction is None:
            continue
        settings, reductions = retrieval_settings(config, name), config[REDUCTIONS]
        methods = [reductions[one]["method"] for one in chain(reductions, system.reduction)]
        found = f"{key}[{position}]: found {name}"
        if methods[0] in PROJECTING and (why := READ_KEYS.get(settings["combiner"])) is not None:
            yield f"{found}; allowed: a combiner that reads no keys, since {why} and {methods[0]} projects them"
        if "plac" in methods and settings["key"] != "decoder_output":
            yield f"{found}; allowed: a system with key decoder_output, of which plac takes the model's own prediction"
