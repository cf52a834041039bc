"""Checkpoints are read weights-only: what else they hold is refused by name, and never run."""

from __future__ import annotations

import argparse
import collections
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.data import Dictionary

from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.errors import InkError


@pytest.fixture
def state(tiny: Any) -> dict[str, Any]:
    read_checkpoint(tiny.base_model)
    return torch.load(tiny.base_model)


class Opens:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


class Runs(Opens):
    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


class Foreign:
    pass


@pytest.mark.failure(
    "Models and adapters",
    "a checkpoint that would have to execute code",
    "the object's type is named; nothing is loaded or run [model/unsafe]",
)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("make", "name"), [(Opens, "io.open"), (Runs, "posix.system")])
def test_a_pickled_call_is_refused_by_name_and_not_run(
    state: dict[str, Any], tmp_path: Path, make: Any, name: str, zipped: bool
) -> None:
    made = tmp_path / "made"
    torch.save({**state, "extra": make(made)}, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InkError, match=name):
        read_checkpoint(tmp_path / "model.pt")
    assert not made.exists()


@pytest.mark.parametrize(
    ("foreign", "name"),
    [(Foreign(), "Foreign"), (Path("x"), "pathlib.PosixPath"), (argparse.ArgumentParser, "argparse.ArgumentParser")],
)
def test_a_foreign_type_is_named(state: dict[str, Any], tmp_path: Path, foreign: Any, name: str) -> None:
    torch.save({**state, "extra": foreign}, tmp_path / "model.pt")
    with pytest.raises(InkError, match=name) as error:
        read_checkpoint(tmp_path / "model.pt")
    assert str(tmp_path / "model.pt") in str(error.value)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"nowhere\.pt does not exist"):
        read_checkpoint(tmp_path / "nowhere.pt")


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_checkpoint_cut_short_is_an_error_for_the_reader(tiny: Any, tmp_path: Path, share: float) -> None:
    data = tiny.base_model.read_bytes()
    (tmp_path / "model.pt").write_bytes(data[: int(share * len(data))])
    with pytest.raises(InkError, match=r"model\.pt"):
        read_checkpoint(tmp_path / "model.pt")


def test_a_file_of_another_kind_is_refused_without_advice_to_load_it_unsafely(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"no checkpoint at all" * 50)
    with pytest.raises(InkError) as error:
        read_checkpoint(tmp_path / "model.pt")
    assert "weights_only" not in str(error.value)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, torch.zeros(3)])
def test_what_torch_wrote_but_fairseq_did_not_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(InkError, match=r"model\.pt"):
        read_checkpoint(tmp_path / "model.pt")


def test_a_checkpoint_without_a_model_is_refused(state: dict[str, Any], tmp_path: Path) -> None:
    del state["model"]
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(InkError, match="holds no model"):
        read_checkpoint(tmp_path / "model.pt")


def test_a_checkpoint_of_the_time_before_configurations_loads(tiny: Any, state: dict[str, Any], tmp_path: Path) -> None:
    arguments = argparse.Namespace(**vars(state["cfg"]["model"]))
    arguments.task, arguments.arch = "translation", "transformer"
    old = {**state, "args": arguments, "cfg": None, "model": collections.OrderedDict(state["model"])}
    torch.save(old, tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    found = BaseModelFiles(tmp_path / "model.pt", tiny.vocabulary, tiny.languages).load()
    assert found.fingerprint == tiny.domain.load_model(tiny.settings).fingerprint


def test_loading_leaves_the_model_in_eval_mode_and_takes_the_dropout_asked_for(tiny: Any) -> None:
    as_trained = tiny.domain.load_model(tiny.settings).network
    for_training = tiny.domain.load_model(tiny.settings, dropout=0.37).network
    assert not as_trained.training
    assert not for_training.training
    assert as_trained.decoder.layers[0].dropout_module.p == 0.1
    assert {layer.dropout_module.p for layer in [*for_training.encoder.layers, *for_training.decoder.layers]} == {0.37}


@pytest.mark.failure(
    "Models and adapters",
    "dictionaries of another size than the model's",
    "`checkpoint ... does not fit the dictionaries in ...: size mismatch ... [vocabulary/other-dictionary]`",
)
def test_a_dictionary_that_is_not_the_models_is_refused(tiny: Any, tmp_path: Path) -> None:
    shutil.copytree(tiny.vocabulary, tmp_path / "vocabulary")
    for language in tiny.languages:
        path = tmp_path / "vocabulary" / f"dict.{language}.txt"
        dictionary = Dictionary.load(str(path))
        dictionary.add_symbol("another", 1)
        dictionary.save(str(path))
    with pytest.raises(InkError, match="does not fit the dictionaries") as error:
        BaseModelFiles(tiny.base_model, tmp_path / "vocabulary", tiny.languages).load()
    assert "size mismatch" in str(error.value)
    assert str(tmp_path / "vocabulary") in str(error.value)


def test_dictionaries_that_differ_where_the_model_shares_its_embeddings_are_refused(tiny: Any, tmp_path: Path) -> None:
    shutil.copytree(tiny.vocabulary, tmp_path / "vocabulary")
    path = tmp_path / "vocabulary" / "dict.yy.txt"
    path.write_text(path.read_text(encoding="utf-8") + "another 1\n", encoding="utf-8")
    with pytest.raises(InkError, match="does not fit the dictionaries"):
        BaseModelFiles(tiny.base_model, tmp_path / "vocabulary", tiny.languages).load()
