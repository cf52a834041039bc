"""The off-the-shelf model: trained, averaged, and opened as any fairseq checkpoint is."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch

from ink.config.languages import LanguagePair
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.whole_files import read_json
from ink.training import checkpoints
from ink.training.base_model_training import train_base_model
from ink.training.checkpoints import average


@pytest.fixture(scope="module")
def trained(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, torch.Tensor]]]:
    """The folder, and the weights that were averaged into it."""
    settings = tiny.settings.changed(base_model={"train": {"max_epochs": 3, "average_last": 2}})
    averaged: list[dict[str, torch.Tensor]] = []

    def watched(weights: Any) -> dict[str, torch.Tensor]:
        averaged.extend(weights)
        return average(weights)

    output = tmp_path_factory.mktemp("base") / "base_model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "average", watched)
        train_base_model(tiny.domain, settings, 1, output)
    return output, averaged


def test_it_is_the_average_of_the_last_epochs(tiny: Any, trained: tuple[Path, list[dict[str, torch.Tensor]]]) -> None:
    output, averaged = trained
    assert len(averaged) == 2
    assert any(not torch.equal(averaged[0][name], averaged[1][name]) for name in averaged[0])
    expected = average(averaged)
    stored = read_checkpoint(output / "model.pt")["model"]
    assert stored.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(stored[name], tensor), name


def test_it_opens_with_its_own_settings(tiny: Any, trained: tuple[Path, list[dict[str, torch.Tensor]]]) -> None:
    source, target = tiny.languages
    model = BaseModelFiles(trained[0] / "model.pt", tiny.vocabulary, LanguagePair(source, target)).load()
    requested = tiny.settings.base_model.train
    assert len(model.network.encoder.layers) == requested.encoder_layers
    assert len(model.network.decoder.layers) == requested.decoder_layers
    layer = model.network.decoder.layers[-1]
    assert (layer.fc1.in_features, layer.fc1.out_features) == (requested.dimension, requested.ffn_dimension)
    assert layer.self_attn.num_heads == requested.attention_heads
    assert model.network.encoder.embed_tokens.weight is model.network.decoder.embed_tokens.weight
    assert not model.network.training


def test_its_record_and_nothing_else_is_beside_it(trained: tuple[Path, list[dict[str, torch.Tensor]]]) -> None:
    output, _ = trained
    assert sorted(path.name for path in output.iterdir()) == ["model.pt", "record.json"]
    record = read_json(output / "record.json")
    assert record["seed"] == 1
    assert record["dev_bleu"] >= 0
    assert [entry["round"] for entry in record["history"]] == [1, 2, 3]
    losses = [entry["nll_loss"] for entry in record["history"]]
    assert losses == sorted(losses, reverse=True)


def test_it_keeps_no_optimiser(trained: tuple[Path, list[dict[str, torch.Tensor]]]) -> None:
    stored = read_checkpoint(trained[0] / "model.pt")
    assert not stored.get("last_optimizer_state")


def test_it_needs_none_of_fairseq_s_modules_that_are_compiled_against_torch(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # where pip builds fairseq by itself, they are compiled against another torch than the one that is installed
    files = metadata.files("fairseq-fixed") or []
    linked = [file for file in files if file.suffix == ".so" and b"libtorch" in file.locate().read_bytes()]
    names = {str(file).partition(".")[0].replace("/", ".") for file in linked}
    assert {"fairseq.libbase", "fairseq.libnat"} <= names
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
    settings = tiny.settings.changed(base_model={"train": {"max_epochs": 1, "average_last": 1}})
    train_base_model(tiny.domain, settings, 1, tmp_path / "base_model")
    source, target = tiny.languages
    model = BaseModelFiles(tmp_path / "base_model/model.pt", tiny.vocabulary, LanguagePair(source, target)).load()
    assert not model.network.training
