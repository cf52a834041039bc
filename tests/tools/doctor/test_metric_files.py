"""COMET's files, where the config names a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.tools.doctor.finding import ERROR, OK, WARNING, Finding
from ink.tools.doctor.inputs import examine_inputs


@pytest.fixture
def comet(config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A config's section with a model and an encoder that are there; the hub's cache is empty."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "cache"), raising=False)
    model(tmp_path / "a-model")
    (tmp_path / "encoder").mkdir()
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / "encoder" / name).write_text("{}")
    path = tmp_path / "a-model" / "checkpoints" / "model.ckpt"
    config["evaluation"]["comet"] = {"model": str(path), "encoder": str(tmp_path / "encoder"), "batch_sentences": 8}
    found: dict[str, Any] = config["evaluation"]["comet"]
    return found


def model(folder: Path) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "model.ckpt").write_text("weights")
    (folder / "hparams.yaml").write_text("class_identifier: regression_metric\npretrained_model: xlm-roberta-large\n")


def findings(config: Any) -> list[Finding]:
    return [finding for finding in examine_inputs(config)[0] if finding.check == "COMET"]


def test_local_files_that_are_there(config: Any, comet: Any) -> None:
    (found,) = findings(config)
    assert (found.status, found.text.split(" and ")[0]) == (OK, comet["model"])


def test_every_local_file_that_is_missing_is_named(config: Any, comet: Any, tmp_path: Path) -> None:
    (tmp_path / "a-model" / "checkpoints" / "model.ckpt").unlink()
    (tmp_path / "encoder" / "tokenizer.json").unlink()
    found = findings(config)
    assert [finding.status for finding in found] == [ERROR, ERROR]
    assert f"{comet['model']} does not exist" in found[0].text
    assert f"{comet['encoder']} (evaluation.comet.encoder) has no tokeniser" in found[1].text


def test_hparams_that_are_none(config: Any, comet: Any, tmp_path: Path) -> None:
    (tmp_path / "a-model" / "hparams.yaml").write_text("")
    (found,) = findings(config)
    assert found.status == ERROR
    assert "hparams.yaml names no class_identifier" in found.text


def test_what_will_be_fetched_is_said(config: Any, comet: Any, tmp_path: Path) -> None:
    comet |= {"model": "wmt20-comet-da", "encoder": None}
    (found,) = findings(config)
    assert found.status == WARNING
    assert found.text.startswith(f"Unbabel/wmt20-comet-da not in {tmp_path / 'cache'}: ")
    comet["model"] = str(tmp_path / "a-model" / "checkpoints" / "model.ckpt")
    (found,) = findings(config)
    assert (found.status, found.text.split()[0]) == (WARNING, "xlm-roberta-large")


def test_what_the_cache_holds(config: Any, comet: Any, tmp_path: Path) -> None:
    revision = "0" * 40
    for name in ("Unbabel--wmt20-comet-da", "xlm-roberta-large"):
        folder = tmp_path / "cache" / f"models--{name}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(revision)
        model(folder / "snapshots" / revision)
        (folder / "snapshots" / revision / "config.json").write_text("{}")
    comet |= {"model": "wmt20-comet-da", "encoder": None}
    (found,) = findings(config)
    assert found.status == OK
