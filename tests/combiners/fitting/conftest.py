"""Datastores of the tiny model's training set, with and without an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.nmt.adapter import write_adapter


@pytest.fixture(scope="session")
def store(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tiny, tmp_path_factory.mktemp("trained-on") / "store")


def build(tiny: Any, path: Path, adapter: Path | None = None) -> Path:
    """Write the datastore of the model, with `adapter` if one is named."""
    model = tiny.domain.load_model(tiny.settings, adapter=adapter)
    build_datastore(
        Extraction(
            model, model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint, "decoder_output", 500
        ),
        path,
        Index(type="exact"),
    )
    return path


@pytest.fixture(scope="session")
def adapter(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random adapters, which change what the tiny model says."""
    path = tmp_path_factory.mktemp("adapter") / "adapter.safetensors"
    model = tiny.domain.load_model(tiny.settings)
    model.attach_adapters(4, dropout=0.0)
    drawn = torch.Generator().manual_seed(5)
    for parameter in model.network.adapters.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=drawn)
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint)
    return path


@pytest.fixture(scope="session")
def adapted_store(tiny: Any, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tiny, tmp_path_factory.mktemp("adapted") / "store", adapter)
