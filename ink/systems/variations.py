"""Variations: Adapter or INK with other settings. Ablations (Table 4), controls, sizes (Figure 3), a search's points.

A variation goes by a name that says what it is, such as ink_without_l_r, adapter_inner64 or ink_alpha0.1_beta0.3, and
is trained and scored under it as any other system is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variation:
    """The system that it is a variation of, what tables call it, and its settings that are other than that system's."""

    of: str
    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)  # by dotted key


ABLATIONS = {
    "without_refresh": Variation("ink", "INK w/o datastore refresh", {"ink.refresh": "never"}),
    "without_l_r": Variation("ink", "INK w/o L_r", {"ink.beta": 0.0}),
    "without_l_i": Variation("ink", "INK w/o L_i", {"ink.alpha": 0.0}),
}
# What else could explain a difference between INK and Adapter: of INK, by name; of the Adapter, by its setting.
CONTROLS = {"exact_neighbours": Variation("ink", "INK, exact neighbours", {"ink.neighbours": "per_round_exact"})}
ADAPTER_CONTROLS = {"smoothing": "label_smoothing", "dropout": "dropout"}
SIZED = {"adapter": "Adapter", "ink": "INK"}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e-[0-9]+)?"
_SIZE = re.compile(rf"({'|'.join(SIZED)})_inner([1-9][0-9]*)")
_ADAPTER_CONTROL = re.compile(rf"adapter_({'|'.join(ADAPTER_CONTROLS)})({_NUMBER})")
_POINT = re.compile(rf"ink_alpha({_NUMBER})_beta({_NUMBER})")


def variation_named(name: str) -> Variation | None:
    """Return the variation of this name, None where it is none's."""
    if name.startswith("ink_") and (named := (ABLATIONS | CONTROLS).get(name.removeprefix("ink_"))) is not None:
        return named
    if found := _ADAPTER_CONTROL.fullmatch(name):
        setting, value = ADAPTER_CONTROLS[found[1]], float(found[2])
        label = f"Adapter ({setting.replace('_', ' ')} {value:g})"
        return Variation("adapter", label, {f"training.{setting}": value})
    if found := _SIZE.fullmatch(name):
        size = int(found[2])
        return Variation(found[1], f"{SIZED[found[1]]} ({size})", {"adapter.inner_dimension": size})
    if found := _POINT.fullmatch(name):
        alpha, beta = float(found[1]), float(found[2])
        return Variation("ink", f"INK (α = {alpha:g}, β = {beta:g})", {"ink.alpha": alpha, "ink.beta": beta})
    return None


def is_search_point(name: str) -> bool:
    """Whether the name is one of a point of the search over alpha and beta."""
    return _POINT.fullmatch(name) is not None


def changed(settings: dict[str, Any], system: str | None) -> dict[str, Any]:
    """Give `settings` the changes of `system`, if it is a variation, in the sections that they have."""
    variation = None if system is None else variation_named(system)
    for dotted, value in (variation.changes if variation is not None else {}).items():
        section, key = dotted.split(".")
        if key in settings.get(section, {}):
            settings[section][key] = value
    return settings
