"""Datastores by hand, and what a reduction is told of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ink.config.sections.base_system import Index
from ink.datastore.reductions.reduction import Original

EXACT = Index(type="exact")


@pytest.fixture(scope="session")
def original(store_of: Any) -> Callable[..., Original]:
    """`original(folder, keys, values, predictions)`: an exactly searched datastore, as reductions see it."""

    def make(folder: Path, keys: Any, values: Any, predictions: Any = None, as_many: int | None = None) -> Original:
        store = store_of(folder, keys, values, EXACT)
        return Original(store, EXACT, lambda: np.array(predictions), as_many)

    return make
