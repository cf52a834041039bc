"""A Hugging Face model through the real workflow, every system and the tables, then translated with and explained."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nmt.small_huggingface import languages_of, write_model

from ink.config import load
from ink.results.records.scores import read_scores
from ink.runtime.whole_files import read_lines
from ink.serving.answers import answers
from ink.serving.system_folder import load_system_folder, make_system_folder
from ink.synthetic import generate
from ink.systems.layout import Layout, Run

MICRO = load(Path(__file__).with_name("micro.yaml"))
INK = str(Path(sys.executable).parent / "ink")
SYSTEMS = ["off_the_shelf", "knn_kd", "v_knn", "r_knn", "adapter", "ink", "ink_r_knn"]


def experiment(folder: Path, kind: str) -> dict[str, Any]:
    """The micro experiment on one domain with such a model."""
    config: dict[str, Any] = copy.deepcopy(MICRO)
    config.update(experiment="hub", domains=["koran"], systems=SYSTEMS)
    known = languages_of(kind)
    named = {"source_code": known.source_code, "target_code": known.target_code, "tag": known.tag}
    nothing = dict.fromkeys(("path", "bpe_codes", "source_dictionary", "target_dictionary", "train"))
    config["base_model"] = {
        **nothing,
        "folder": str(folder),
        **{name: value for name, value in named.items() if value is not None},
    }
    config["text"] |= {"bpe_merges": None, "max_length": 90}
    config["datastore"]["batch_tokens"] = 1000
    return config


@pytest.mark.slow
def test_every_system_runs_to_the_tables_and_translates(
    workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic = MICRO["data"]["synthetic"]
    text = generate(synthetic["sentences"], synthetic["seed"], synthetic["in_general"])
    sources, targets = zip(*text["general"]["train"], strict=True)
    write_model(tmp_path / "its model", "m2m_100", sources, targets, max_position_embeddings=100)
    name = workspace.write_config("hub.yaml", experiment(tmp_path / "its model", "m2m_100"))
    run = workspace.snakemake("--cores", "2", "--configfile", name)
    assert run.code == 0, run.text[-5000:]
    assert run.planned["adopt_vocabulary"] == 1
    assert not {"train_base", "learn_vocabulary"} & run.planned.keys()
    results = workspace.path / "results" / "hub"
    scores = read_scores(results)
    assert {score.system for score in scores if score.domain == "koran"} == {*SYSTEMS}
    assert (results / "tables" / "table2.csv").is_file()
    assert (results / "tables" / "table3.csv").is_file()
    again = workspace.snakemake("--cores", "2", "--configfile", name)
    assert "Nothing to be done" in again.text

    first_of = {}
    line = read_lines(workspace.path / "work/hub/corpus/koran/test.de")[0]
    for command in (["translate", "--system", "ink"], ["explain", "--system", "ink_r_knn", "--neighbours", "2"]):
        whole = [INK, "--threads", "1", command[0], "--config", "results/hub/config.yaml", "--domain", "koran"]
        done = subprocess.run([*whole, *command[1:]], cwd=workspace.path, input=line.encode(), capture_output=True)
        assert (done.returncode, done.stderr.decode()) == (0, "")
        shown = first_of[command[0]] = done.stdout.decode()
        assert "▁" not in shown
        assert shown.strip()
    assert f"  de  {line}" in shown

    # the same answer from a copy that MLflow keeps, and a card that knows where the base model is from
    card = (workspace.path / "work/hub/adapters/ink/koran/seed1/card.md").read_text(encoding="utf-8")
    assert f"- base model: `{tmp_path / 'its model'}`, trained elsewhere" in card
    config = load(workspace.path / "results/hub/config.yaml")
    copy_of_it = tmp_path / "copy"
    monkeypatch.chdir(workspace.path)
    make_system_folder(Layout(config), Run("ink", "koran", 1), copy_of_it)
    (tmp_path / "its model").rename(tmp_path / "elsewhere")
    translated = answers(load_system_folder(copy_of_it, pytest.fail), [line])
    assert translated == [first_of["translate"].removesuffix("\n")]
