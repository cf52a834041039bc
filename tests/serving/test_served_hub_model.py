"""Systems on a model of the hub, and those that are whole models: what goes along, and that they answer alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from nmt.small_huggingface import write_model

from ink.config import load
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import TranslationSettings
from ink.corpus.preparation import prepare
from ink.nmt.adapter import write_adapter
from ink.nmt.huggingface import model_folder
from ink.nmt.huggingface.hub_record import HubRecord, hub_origin
from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend
from ink.nmt.huggingface.tokenisers import Languages
from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
from ink.nmt.text_loading import load_text
from ink.runtime.whole_files import read_lines
from ink.serving.answers import answers
from ink.serving.registering import requirements
from ink.serving.system_folder import load_system_folder, make_system_folder
from ink.systems.layout import Layout, Run
from ink.tools.translation.translator import load_translator

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
INK = str(Path(sys.executable).parent / "ink")
NAME, COMMIT = "Helsinki-NLP/opus-mt-de-en", "c" * 40
FOLDER = Path("downloads/hub/Helsinki-NLP--opus-mt-de-en/main")
NO_NETWORK = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9", "OMP_NUM_THREADS": "1"}
PREDICT = """
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
print(json.dumps(mlflow.pyfunc.load_model(sys.argv[2]).predict(json.loads(sys.argv[3]))))
"""


@pytest.fixture
def project(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def on_hub(tiny: Any) -> Layout:
    """An experiment with a model of the hub, as `download_base_model` and the jobs after it leave it."""
    sides = [read_lines(tiny.corpus / f"train.{language}") for language in tiny.languages]
    write_model(FOLDER, "marian", *sides)
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    HubRecord(NAME, "main", COMMIT, "apache-2.0", sizes).write(FOLDER)
    nothing = dict.fromkeys(("path", "bpe_codes", "source_dictionary", "target_dictionary", "train"))
    layout = experiment({**nothing, "hub": NAME, "revision": "main"})
    layout.config["text"]["bpe_merges"] = None
    make_vocabulary(FOLDER, tiny.languages, Languages(), Path(layout.vocabulary))
    text = load_text(Path(layout.vocabulary), tiny.settings.text, tiny.languages)
    shutil.copytree(tiny.corpus, layout.corpus("koran"))
    prepare(tiny.corpus, Path(layout.vocabulary), tiny.settings.text, tiny.languages, Path(layout.data("koran")), text)
    return layout


def of_fairseq(tiny: Any) -> Layout:
    """An experiment whose base model is fairseq's, and trained in it."""
    layout = experiment(load(MICRO)["base_model"])
    for path, place in ((tiny.vocabulary, layout.vocabulary), (tiny.data, layout.data("koran"))):
        shutil.copytree(path, place)
    Path(layout.base_model).parent.mkdir()
    shutil.copy(tiny.base_model, layout.base_model)
    return layout


def experiment(base_model: dict[str, Any]) -> Layout:
    config = load(MICRO)
    config["data"] |= {"source_language": "xx", "target_language": "yy"}
    config |= {"experiment": "hub", "domains": ["koran"], "base_model": base_model}
    config |= {"systems": ["off_the_shelf", "knn_kd", "adapter"]}
    config["decoding"] |= {"beam": 2, "max_len_a": 1.2, "max_len_b": 5}
    return Layout(config)


def train_adapter(tiny: Any, layout: Layout) -> None:
    """Leave an adapter with random weights where training does."""
    model = HuggingFaceBackend().load(FOLDER, Path(layout.vocabulary), tiny.languages)
    torch.manual_seed(2)
    model.attach_adapters(4, 0.0, "default")
    path = Path(layout.adapter("adapter", "koran", 1))
    path.parent.mkdir(parents=True)
    origin = {"system": "adapter", "domain": "koran", "seed": 1, **hub_origin(FOLDER)}
    write_adapter(path, model.adapter_weights(), base_model=model.base_fingerprint, **origin)


def student_of_hub(layout: Layout, path: Path) -> None:
    settings, weights = model_folder.read_model(FOLDER)
    model_folder.write_model(path, settings, {name: value.flip(0) for name, value in weights.items()})


def student_of_fairseq(layout: Layout, path: Path) -> None:
    state = torch.load(layout.base_model, weights_only=False)
    embeddings = [name for name in state["model"] if "embed" in name or "output_projection" in name]
    state["model"] |= {name: 0.5 * state["model"][name] for name in embeddings}
    torch.save(state, path)


def translated(layout: Layout, run: Run, lines: list[str]) -> list[str]:
    settings = settings_for(layout.config, TranslationSettings, "koran")
    return answers(load_translator(layout, settings, *run, pytest.fail), lines)


def run_in(folder: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        command, cwd=folder, env={**environment, **NO_NETWORK}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_adapter_of_a_hub_s_model_is_registered_and_answers_with_all_else_gone(tiny: Any, project: Path) -> None:
    layout = on_hub(tiny)
    train_adapter(tiny, layout)
    config = Path(layout.results, "config.yaml")
    config.parent.mkdir(parents=True)
    config.write_text(yaml.safe_dump(layout.config), encoding="utf-8")
    lines = [*read_lines(tiny.corpus / "test.xx")[:4], ""]
    expected = translated(layout, Run("adapter", "koran", 1), lines)
    assert expected != translated(layout, Run("off_the_shelf", "koran", 1), lines)

    chosen = ("--system", "adapter", "--domain", "koran", "--json")
    logged = json.loads(run_in(project, INK, "log-model", "--config", str(config), *chosen))
    (described,) = (project / "mlruns").rglob("MLmodel")
    system = described.parent / "artifacts" / "system"
    read = {"config.json", "generation_config.json", "pytorch_model.bin", "hub.json"}
    assert {path.name for path in (system / "base_model" / "main").iterdir()} == read
    card = (system / "card.md").read_text(encoding="utf-8")
    assert f"- base model: `{NAME}` of the Hugging Face hub, commit {COMMIT}, trained elsewhere" in card
    assert f"apache-2.0, as stated on the Hugging Face hub: {NAME}" in card
    requested = (described.parent / "requirements.txt").read_text(encoding="utf-8")
    assert "transformers==" in requested and "sentencepiece==" in requested

    for folder in ("downloads", "work", "results"):
        shutil.rmtree(project / folder)
    answered = run_in(project, sys.executable, "-c", PREDICT, logged["store"], logged["uri"], json.dumps(lines))
    assert json.loads(answered) == expected


@pytest.mark.parametrize(
    ("make", "student", "needs_transformers"),
    [(on_hub, student_of_hub, True), (of_fairseq, student_of_fairseq, False)],
    ids=["hub", "fairseq"],
)
def test_a_whole_model_takes_no_base_model_along(
    tiny: Any,
    project: Path,
    make: Callable[[Any], Layout],
    student: Callable[[Layout, Path], None],
    needs_transformers: bool,
) -> None:
    layout, run = make(tiny), Run("knn_kd", "koran", 1)
    path = Path(layout.model("knn_kd", "koran", 1))
    path.parent.mkdir(parents=True)
    student(layout, path)
    lines = read_lines(tiny.corpus / "test.xx")[:4]
    expected = translated(layout, run, lines)
    assert expected != translated(layout, Run("off_the_shelf", "koran", 1), lines)
    make_system_folder(layout, run, project / "elsewhere")
    weights = [path.name for path in (project / "elsewhere").rglob("*") if path.suffix in (".pt", ".bin")]
    assert weights == ["model.pt"]
    for folder in ("downloads", "work"):
        shutil.rmtree(project / folder, ignore_errors=True)
    assert answers(load_system_folder(project / "elsewhere", pytest.fail), lines) == expected
    requested = {name.partition("==")[0] for name in requirements(project / "elsewhere")}
    assert ("transformers" in requested) is needs_transformers
