"""A system put together for inference: the base model with the system's adapter, or its datastore and combiner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ink.combiners.chosen import load_combiner
from ink.combiners.knn_transformer import KnnTransformer
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore
from ink.domain import Domain
from ink.nmt.translation_model import TranslationModel


@dataclass(frozen=True)
class Parts:
    """What a system adds to the base model: an adapter, or a datastore with a combiner, or neither."""

    adapter: Path | None = None
    datastore: Path | None = None
    combiner: Path | None = None

    def files(self) -> dict[str, Path]:
        """Return what inference reads beyond the base model, by name."""
        files = {}
        if self.adapter is not None:
            files["adapter.safetensors"] = self.adapter
        if self.datastore is not None:
            files |= {name: self.datastore / name for name in ("index.faiss", "values.npy")}
        return files


@dataclass(frozen=True)
class AssembledSystem:
    """`network` is what beam search takes; `model` the translation model inside it."""

    network: torch.nn.Module
    model: TranslationModel


def assemble(domain: Domain, parts: Parts, settings: Mapping[str, Any]) -> AssembledSystem:
    """Load a system; settings: device, index.

    Raises InkError where adapter or datastore belong to another base model, or the datastore to another corpus.
    """
    model = domain.load_model(settings, adapter=parts.adapter)
    if parts.datastore is None or parts.combiner is None:
        return AssembledSystem(model.network, model)
    store = open_datastore(parts.datastore, model=model.fingerprint, corpus=domain.data.fingerprint)
    searcher = Searcher(store, settings["index"])
    return AssembledSystem(KnnTransformer(model.network, searcher, load_combiner(parts.combiner)), model)
