"""Combiners by name: the module that defines one says so with COMBINER."""

from __future__ import annotations

import importlib

from ink.combiners.combiner import Combiner
from ink.runtime.errors import InkError

BUILT_IN = ("vanilla", "adaptive", "robust", "kernel_smoothed", "confidence", "distance_aware")


def find_combiner(name: str) -> type[Combiner]:
    """Return the combiner of the module ink.combiners.NAME, or of the module NAME where that has a dot in it.

    Raises InkError where there is no such module, or its COMBINER is no subclass of Combiner.
    """
    module = name if "." in name else f"ink.combiners.{name}"
    try:
        found = getattr(importlib.import_module(module), "COMBINER", None)
    except ModuleNotFoundError as error:
        # a module that the combiner itself misses is another matter
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        raise InkError(
            f"there is no combiner {name!r}: no module {module}; known: {', '.join(BUILT_IN)}, and your own modules",
            code="combiner/unknown",
        ) from None
    if not (isinstance(found, type) and issubclass(found, Combiner)):
        raise InkError(
            f"module {module} defines no combiner: it needs COMBINER = a subclass of Combiner", code="combiner/unknown"
        )
    return found
