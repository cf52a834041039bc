"""A base model by its name on the hub, in the real workflow: one job fetches it, another revision is another model."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from nmt.small_huggingface import write_model
from tools.download.hub_on_loopback import Hub

from ink.config import load
from ink.runtime.whole_files import read_json

MICRO = load(Path(__file__).with_name("micro.yaml"))
NAME = "Helsinki-NLP/opus-mt-de-en"
TEXT = ["ein Wort und noch ein Wort", "zwei Worte sind kein Satz", "a word and one more word", "two words are no line"]
VOCABULARY = "work/hub/vocabulary"
JOBS = {"download_base_model": 1, "adopt_vocabulary": 1}


def experiment(revision: str) -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(MICRO)
    nothing = dict.fromkeys(("path", "bpe_codes", "source_dictionary", "target_dictionary", "train"))
    config.update(experiment="hub", base_model={**nothing, "hub": NAME, "revision": revision})
    config["text"] = {**config["text"], "bpe_merges": None}
    return config


def test_one_job_fetches_the_model_and_another_revision_runs_again(
    workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    write_model(tmp_path / "model", "marian", TEXT, TEXT)
    commit = hub.add(NAME, tmp_path / "model")
    name = workspace.write_config("hub.yaml", experiment(commit))
    run = workspace.snakemake(VOCABULARY, "--cores", "1", "--configfile", name)
    assert run.code == 0 and run.planned == JOBS, run.text[-5000:]
    folder = workspace.path / "downloads/hub/Helsinki-NLP--opus-mt-de-en" / commit
    assert read_json(folder / "hub.json")["commit"] == commit
    described = read_json(workspace.path / VOCABULARY / "huggingface.json")
    assert described["hub"] == f"{NAME}@{commit}"
    assert "Nothing to be done" in workspace.plan(VOCABULARY, "--configfile", name).text
    hub.close()
    other = workspace.plan(VOCABULARY, "--configfile", workspace.write_config("hub.yaml", experiment("v2")))
    assert other.code == 0 and other.planned == JOBS, other.text
