"""A base model by its name on the hub, of a server on this machine: what comes, from where, and what is refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from click.testing import CliRunner, Result
from huggingface_hub.utils import reset_sessions
from nmt.small_huggingface import write_model
from tools.download.hub_on_loopback import Hub

from ink.cli import ink
from ink.config import load
from ink.config.hub_model import HubModel
from ink.nmt.huggingface.architectures import ARCHITECTURES
from ink.nmt.huggingface.folder_files import TOKENISER_FILES, files_read
from ink.nmt.huggingface.hub_record import hub_origin, read_hub_record
from ink.nmt.huggingface.model_folder import read_model
from ink.nmt.huggingface.tokenisers import FAST
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.systems.layout import Run
from ink.tools.doctor.finding import OK, WARNING
from ink.tools.doctor.model_on_hub import examine_hub_model
from ink.tools.licences import licences
from ink.tools.model_card import Subject, model_card

OWN_CORPUS = Path(__file__).resolve().parents[3] / "config" / "own-corpus.yaml"
NAME = "Helsinki-NLP/opus-mt-de-en"
FOLDER = Path("downloads/hub/Helsinki-NLP--opus-mt-de-en")
TEXT = ["ein Wort und noch ein Wort", "zwei Worte sind kein Satz", "a word and one more word", "two words are no line"]
# what the repositories of such models hold beside what is read
BESIDE = {
    "README.md": "---\nlicense: apache-2.0\n---\n",
    "tf_model.h5": "tf",
    "modeling.py": "raise",
    "metadata.json": "",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "model"
    write_model(folder, "marian", TEXT, TEXT)
    for name, text in BESIDE.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def model(written: Path, tmp_path: Path) -> Path:
    """A repository's folder, to be changed at will."""
    return Path(shutil.copytree(written, tmp_path / "model"))


@pytest.fixture(autouse=True)
def fresh_sessions() -> Iterator[None]:
    """The hub's client remembers whether it was online, also after a test."""
    yield
    reset_sessions()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, an empty cache of it, and an empty folder to work in."""
    running = Hub()
    place = running.url + "/{repo_id}/resolve/{revision}/{filename}"
    known = {"ENDPOINT": running.url, "HUGGINGFACE_CO_URL_TEMPLATE": place, "HF_HUB_CACHE": str(tmp_path / "cache")}
    for name, value in known.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", place, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield running
    running.close()


def config(**base_model: Any) -> dict[str, Any]:
    found = load(OWN_CORPUS)
    nothing = dict.fromkeys(("path", "bpe_codes", "source_dictionary", "target_dictionary", "train"))
    return {**found, "base_model": {**nothing, "hub": NAME, **base_model}}


def run(*command: str, **base_model: Any) -> Result:
    Path("config.yaml").write_text(yaml.safe_dump(config(**base_model)), encoding="utf-8")
    return CliRunner().invoke(ink, list(command))


def download(**base_model: Any) -> Result:
    return run("download", "config.yaml", "base_model", **base_model)


def refused(result: Result, code: str) -> str:
    assert isinstance(result.exception, InkError), result.output
    message = str(result.exception)
    assert result.exception.code == code
    assert "\n" not in message
    assert not FOLDER.exists() or not [*FOLDER.iterdir()]
    return message


def test_what_is_read_comes_and_no_code(hub: Hub, model: Path) -> None:
    commit = hub.add(NAME, model)
    result = download()
    assert result.exit_code == 0, result.exception
    assert "fetched, " in result.stdout and f"{NAME} at commit {commit} (main, not pinned)" in result.stdout
    folder = FOLDER / "main"
    tokeniser = {"vocab.json", "source.spm", "target.spm", "tokenizer_config.json"}
    weights = {"config.json", "generation_config.json", "pytorch_model.bin"}
    assert {path.name for path in folder.iterdir()} == {*tokeniser, *weights, "hub.json"}
    assert hub.files == {*tokeniser, *weights, "README.md"}
    assert read_model(folder)[1].keys() == read_model(model)[1].keys()
    assert {path.name for path in files_read(folder)} == {*weights, "hub.json"}
    record = read_hub_record(folder)
    assert record is not None and (record.commit, record.licence) == (commit, "apache-2.0")
    assert hub_origin(folder) == {"hub": f"{NAME}@{commit}"}
    # what is there is not asked for again, and what is damaged is
    hub.requests.clear()
    assert "was there" in download().stdout and not hub.requests
    (folder / "vocab.json").unlink()
    assert "fetched" in download().stdout and (folder / "vocab.json").is_file()


def test_safetensors_come_in_place_of_pickled_weights(hub: Hub, model: Path) -> None:
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model-other.safetensors"):
        (model / name).write_bytes(b"weights")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    hub.add(NAME, model)
    assert download().exit_code == 0
    assert {path.name for path in (FOLDER / "main").glob("*model*") if path.name != "generation_config.json"} == {
        "model.safetensors.index.json",
        *index["weight_map"].values(),
    }


def test_another_revision_has_another_folder(hub: Hub, model: Path) -> None:
    first = hub.add(NAME, model, "v1.0")
    (model / "README.md").write_text("another", encoding="utf-8")
    second = hub.add(NAME, model)
    assert first != second
    assert "not pinned" not in download(revision=first).stdout
    assert download(revision="v1.0").exit_code == download().exit_code == 0
    found = {path.name: read_json(path / "hub.json")["commit"] for path in FOLDER.iterdir()}
    assert found == {first: first, "v1.0": first, "main": second}


def offline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    reset_sessions()


def gone(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.close()


@pytest.mark.parametrize("leave", [offline, gone])
def test_without_network_it_comes_out_of_the_cache(
    hub: Hub, model: Path, monkeypatch: pytest.MonkeyPatch, leave: Callable[[Hub, pytest.MonkeyPatch], None]
) -> None:
    commit = hub.add(NAME, model)
    assert download().exit_code == 0
    before = {path.name: path.read_bytes() for path in (FOLDER / "main").iterdir()}
    shutil.rmtree("downloads")
    leave(hub, monkeypatch)
    listed = run("download", "--list", "config.yaml").stdout
    assert (
        "licence  apache-2.0, as stated at the source" in listed and "not there, but in the cache of the hub" in listed
    )
    result = download()
    assert result.exit_code == 0, result.exception
    assert {path.name: path.read_bytes() for path in (FOLDER / "main").iterdir()} == before
    shutil.rmtree("downloads")
    assert download(revision=commit).exit_code == 0


@pytest.mark.parametrize("leave", [offline, gone])
@pytest.mark.failure(
    "Downloads",
    "`base_model.hub` names a model that is not in the hub's cache, without network or with HF_HUB_OFFLINE",
    "`base_model.hub: Helsinki-NLP/opus-mt-de-en, revision main is not in the cache ..., and the Hugging Face hub "
    "cannot be reached (...); run `ink download` where there is network, or name a copy in base_model.folder "
    "[download/no-answer]`",
)
def test_no_cache_and_no_network(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, leave: Callable[[Hub, pytest.MonkeyPatch], None]
) -> None:
    leave(hub, monkeypatch)
    message = refused(download(), "download/no-answer")
    assert message.startswith(f"base_model.hub: {NAME}, revision main is not in the cache ")
    assert ("(HF_HUB_OFFLINE is set)" in message) == (leave is offline)
    assert message.endswith("run `ink download` where there is network, or name a copy in base_model.folder")
    listed = run("download", "--list", "config.yaml").stdout
    assert all(f"  {fact:<8} unknown" in listed for fact in ("size", "licence", "commit"))


@pytest.mark.failure(
    "Downloads",
    "a gated model of the Hugging Face hub, without leave",
    "`base_model.hub: ... is gated: its owner decides who gets it; accept its terms at ... and "
    "log in with hf auth login, or take another model [download/hub-refused]`",
)
def test_a_gated_model(hub: Hub, model: Path) -> None:
    hub.add(NAME, model, gated=True)
    assert f"{NAME} is gated: its owner decides" in refused(download(), "download/hub-refused")


@pytest.mark.failure(
    "Downloads",
    "a revision, or a model, that the Hugging Face hub does not have",
    "`base_model.revision: Helsinki-NLP/opus-mt-de-en has no revision v9; ... lists commits`, `base_model.hub: the "
    "Hugging Face hub has no model ..., or it is private; ... [download/hub-refused]`",
)
def test_an_unknown_revision_and_an_unknown_model(hub: Hub, model: Path) -> None:
    hub.add(NAME, model)
    message = refused(download(revision="v9"), "download/hub-refused")
    assert f"base_model.revision: {NAME} has no revision v9; {hub.url}/{NAME}/commits" in message
    message = refused(download(hub="nobody/nothing"), "download/hub-refused")
    assert "hub has no model nobody/nothing, or it is private" in message


def change(path: Path, **settings: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **settings}), encoding="utf-8")


UNFIT = pytest.mark.failure(
    "Downloads",
    "a decoder-only model of the hub, or one that brings code of its own (`auto_map`)",
    "`base_model.hub: ... is of the type 'gpt2', which is no encoder-decoder; ... [model/unsupported]`, `... brings "
    "Python code of its own (auto_map), which is not run; ... [model/unsafe]`, before weights are fetched",
)
SPEECHLESS = pytest.mark.failure(
    "Downloads",
    "a model of the hub whose tokeniser does not know the language",
    "`base_model.hub: Helsinki-NLP/opus-mt-de-en has no tag '>>fr<<'; it has >>yy<< [vocabulary/language-code]`, and "
    "likewise of codes, before weights are fetched",
)


@pytest.mark.parametrize(
    ("settings", "base_model", "printed", "code"),
    [
        pytest.param(
            {"model_type": "gpt2", "is_encoder_decoder": False},
            {},
            "'gpt2', which is no encoder-decoder; use one of FSMT, Marian",
            "model/unsupported",
            marks=UNFIT,
            id="decoder-only",
        ),
        pytest.param(
            {"auto_map": {"AutoModel": "modeling.M"}},
            {},
            "brings Python code of its own (auto_map), which is not run",
            "model/unsafe",
            marks=UNFIT,
            id="auto_map",
        ),
        pytest.param(
            {},
            {"tag": ">>fr<<"},
            "has no tag '>>fr<<'; it has >>yy<<",
            "vocabulary/language-code",
            marks=SPEECHLESS,
            id="language",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_weights_come(
    hub: Hub, model: Path, settings: dict[str, Any], base_model: dict[str, Any], printed: str, code: str
) -> None:
    change(model / "config.json", **settings)
    hub.add(NAME, model)
    message = refused(download(**base_model), code)
    assert message.startswith(f"base_model.hub: {NAME} ") and printed in message
    assert "config.json" in hub.files and not {"pytorch_model.bin", "modeling.py"} & hub.files


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.failure(
    "Downloads",
    "pickled weights of the hub with code in them",
    "`base_model.hub: .../pytorch_model.bin holds an object of type ..., which is no weight; it was not loaded and "
    "nothing in it was run. ... [model/unsafe]`",
)
def test_a_hostile_pickle(hub: Hub, model: Path, tmp_path: Path) -> None:
    for code in ("model/unsafe", "model/damaged"):  # as torch writes it, and a bare pickle
        if code == "model/unsafe":
            torch.save({"model.x": Hostile(tmp_path / "ran")}, model / "pytorch_model.bin")
        else:
            (model / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "ran")))
        hub.add(NAME, model)
        assert f"base_model.hub: {NAME}/pytorch_model.bin" in refused(download(), code)
        assert not (tmp_path / "ran").exists()


def test_a_folder_that_somebody_has_filled_is_left_alone(hub: Hub, model: Path) -> None:
    hub.add(NAME, model)
    (FOLDER / "main").mkdir(parents=True)
    (FOLDER / "main" / "config.json").write_text("{}", encoding="utf-8")
    result = download()
    assert isinstance(result.exception, InkError) and "`ink download` has not fetched it" in str(result.exception)
    assert not hub.requests


def test_the_list_the_doctor_and_the_config_s_check_tell_of_it(hub: Hub, model: Path) -> None:
    commit = hub.add(NAME, model)
    (entry,) = json.loads(run("download", "--list", "--json", "config.yaml").stdout)
    assert (entry["name"], entry["commit"], entry["licence"]) == ("base_model", commit, "apache-2.0")
    assert entry["state"] == "not there" and entry["from"] == f"{hub.url}/{NAME}"
    findings, to_come = examine_hub_model(config(), offline=False)
    assert [finding.status for finding in findings] == [OK, WARNING] and to_come > 0
    assert [finding.status for finding in examine_hub_model(config(), offline=True)[0]] == [WARNING, WARNING]
    assert download().exit_code == 0
    findings, to_come = examine_hub_model(config(), offline=True)
    assert f"whole; commit {commit}, licence apache-2.0" in findings[0].text and to_come == 0
    printed = f"base_model.revision: main may name another commit of {NAME} tomorrow; pin the commit that was fetched, "
    printed += commit
    assert findings[1].text == printed
    assert f"warning: {printed}" in run("check-config", "config.yaml").stderr
    assert "warning" not in run("check-config", "config.yaml", revision=commit).stderr
    listed = run("download", "--list", "config.yaml").stdout
    assert f"  commit   {commit}, not pinned in the config" in listed and "  state    there, " in listed
    card = model_card(Subject(config(), Run("off_the_shelf", "koran", 1), {}, {}), None)
    assert f"- base model: `{NAME}` of the Hugging Face hub, commit {commit}, trained elsewhere" in card
    assert dict(licences(config(), "koran"))[f"base model, {FOLDER}/main"].startswith("apache-2.0, as stated on the")


def test_base_model_names_nothing_without_a_model_of_the_hub(hub: Hub) -> None:
    result = download(hub=None, folder="models/nllb")
    assert isinstance(result.exception, InkError) and "base_model.hub names no model" in str(result.exception)


def test_every_tokeniser_s_files_are_among_those_that_come() -> None:
    for architecture in ARCHITECTURES.values():
        for name in architecture.tokenisers:
            for kind in filter(None, (getattr(transformers, name), getattr(transformers, name + FAST, None))):
                assert {*kind.vocab_files_names.values()} <= {*TOKENISER_FILES}


def test_a_name_and_a_revision_are_one_folder() -> None:
    assert HubModel.of({"hub": "a/b", "revision": "refs/pr/1"}) == HubModel("a/b", "refs/pr/1")
    assert HubModel("a/b", "refs/pr/1").folder == "downloads/hub/a--b/refs--pr--1"
    assert HubModel("a/b", "0" * 40).warning(None) is None and HubModel.of({"path": "x"}) is None
