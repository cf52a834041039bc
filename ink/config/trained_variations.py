"""Which variations of Adapter and INK an experiment trains, a domain at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from ink.config.domains import adapted_domains, for_domain
from ink.systems.variations import SIZED, variation_named

# The setting of the section adapter that lists values of a control, by what the control is called.
ADAPTER_LISTS = {"smoothing": "label_smoothings", "dropout": "dropouts"}


def ablations_of(config: Mapping[str, Any], domain: str) -> list[str]:
    """List the ablations that the experiment runs on a domain."""
    if "ink" not in config["systems"]:
        return []
    return [f"ink_{name}" for name in _of_domain(config, "ink", domain)["ablations"]]


def ablated_domains(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the domains of Table 4, those that the experiment runs ablations on, with these."""
    ablations = {domain: ablations_of(config, domain) for domain in adapted_domains(dict(config))}
    return {domain: names for domain, names in ablations.items() if names}


def controls_of(config: Mapping[str, Any], domain: str) -> list[str]:
    """List the controls that the experiment runs on a domain: the Adapter's, then INK's."""
    adapter, ink = (_of_domain(config, section, domain) for section in ("adapter", "ink"))
    found = [f"adapter_{name}{value:g}" for name, setting in ADAPTER_LISTS.items() for value in adapter[setting]]
    found += [f"ink_{name}" for name in ink["controls"]]
    return [name for name in found if (named := variation_named(name)) is not None and named.of in config["systems"]]


def controlled_domains(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the domains that the experiment runs controls on, with these."""
    controls = {domain: controls_of(config, domain) for domain in adapted_domains(dict(config))}
    return {domain: names for domain, names in controls.items() if names}


def sizes_of(config: Mapping[str, Any], domain: str) -> list[str]:
    """List Adapter and INK, where they are among the systems, with each of the domain's further inner dimensions."""
    sizes = _of_domain(config, "adapter", domain)["sizes"]
    return [f"{system}_inner{size}" for system in SIZED if system in config["systems"] for size in sizes]


def scored_variations(config: Mapping[str, Any], domain: str) -> list[str]:
    """List the variations that are scored on a domain's test set: ablations, controls and sizes."""
    return [*ablations_of(config, domain), *controls_of(config, domain), *sizes_of(config, domain)]


def searched_points(config: Mapping[str, Any], domain: str) -> list[str]:
    """List the points among which INK's alpha and beta are chosen on a domain's dev set; none without a search."""
    ink = _of_domain(config, "ink", domain)
    if not ink["search"]:
        return []
    pairs = itertools.product(ink["search_over"], repeat=2)
    return [f"ink_alpha{alpha:g}_beta{beta:g}" for alpha, beta in pairs]


def variations(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the variations that an experiment trains, with the domains of each."""
    found: dict[str, list[str]] = {}
    for domain in adapted_domains(dict(config)):
        for name in [*scored_variations(config, domain), *searched_points(config, domain)]:
            found.setdefault(name, []).append(domain)
    return found


def _of_domain(config: Mapping[str, Any], section: str, domain: str) -> dict[str, Any]:
    return for_domain(config[section], domain, config["domains"])
