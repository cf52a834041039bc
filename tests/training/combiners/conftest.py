"""A datastore of the tiny model's training set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.datastore.build import build_datastore


@pytest.fixture(scope="session")
def store(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained-on") / "store"
    model = tiny.domain.load_model(tiny.settings)
    build_datastore(
        model,
        tiny.domain.data.load(model.task, "train"),
        tiny.domain.data.fingerprint,
        path,
        key="decoder_output",
        batch_tokens=500,
        index={"type": "exact"},
    )
    return path
