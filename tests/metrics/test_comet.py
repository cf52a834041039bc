"""COMET through unbabel-comet, on a tiny model of its own classes; no test touches the network."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from omegaconf import OmegaConf

from ink.cli import ink
from ink.config import load
from ink.config.slices.result_slices import ScoringSettings
from ink.metrics.comet_files import find_checkpoint, find_encoder, short_name
from ink.metrics.comet_model import load_comet, segment_scores
from ink.metrics.metric import Texts
from ink.metrics.score_files import score_run
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_lines
from ink.systems.layout import Run

SOURCES = ["der Leitung sieht das Wort .", "das Wort findet", "", "der Leitung"]
TRANSLATIONS = ["the line sees the word .", "a word , finds the line", "", "sees"]
REFERENCES = ["the line sees a word .", "the word finds", "", "the line ."]
TEXTS = Texts(TRANSLATIONS, REFERENCES, SOURCES)
MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Refuse every connection but those within this machine's processes, and begin with an empty cache of the hub."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError(f"the network was asked for: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def copy(tiny_comet: Any, tmp_path: Path) -> Any:
    """A copy of the model and its encoder, to be damaged."""
    shutil.copytree(tiny_comet.checkpoint.parents[1], tmp_path / "tiny-comet")
    shutil.copytree(tiny_comet.encoder, tmp_path / "encoder")
    return type(tiny_comet)(tmp_path / "tiny-comet" / "checkpoints" / "model.ckpt", tmp_path / "encoder")


def rewrite(checkpoint: Path, change: Any) -> None:
    state = torch.load(checkpoint, weights_only=True)
    change(state)
    torch.save(state, checkpoint)


def test_scores_are_those_of_comet_s_own_loader(tiny_comet: Any, copy: Any) -> None:
    import comet

    rewrite(copy.checkpoint, lambda state: state["hyper_parameters"].update(pretrained_model=str(copy.encoder)))
    theirs = comet.load_from_checkpoint(str(copy.checkpoint), local_files_only=True)
    expected = segment_scores(theirs, TEXTS, 4, CPU)
    ours = load_comet(tiny_comet.checkpoint, str(tiny_comet.encoder))
    found = segment_scores(ours, TEXTS, 4, CPU)
    assert found == expected
    assert len(set(found)) == 4
    assert segment_scores(ours, TEXTS, 1, CPU) == pytest.approx(found, abs=1e-6)
    # one sentence after the other, without COMET's way through Lightning
    for place, three in enumerate(zip(SOURCES, TRANSLATIONS, REFERENCES, strict=True)):
        batch = ours.prepare_sample([dict(zip(("src", "mt", "ref"), three, strict=True))], stage="predict")
        with torch.no_grad():
            assert float(ours(**batch).score) == pytest.approx(found[place], abs=1e-6)


def write_experiment(folder: Path, comet: dict[str, Any] | None) -> None:
    config = load(MICRO)
    config["evaluation"] |= {"comet": comet, "metrics": ["bleu", "chrf", *(["comet"] if comet else [])]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    write_lines(folder / "corpus" / "test.de", SOURCES)
    write_lines(folder / "corpus" / "test.en", REFERENCES)
    write_lines(folder / "hypotheses.en", TRANSLATIONS)


def test_the_command_writes_scores_that_say_what_they_are_of(
    tiny_comet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder = str(tiny_comet.checkpoint), str(tiny_comet.encoder)
    write_experiment(tmp_path, {"model": model, "encoder": encoder, "batch_sentences": 3})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ink.tracking.safe_uploader.SafeUploader.upload", lambda *arguments: None)
    run = "--config config.yaml --system ink --domain koran --seed 1"
    files = "--corpus corpus --hypotheses hypotheses.en --output found.json"
    ended = CliRunner().invoke(ink, f"score --metric comet {run} {files}".split())
    assert ended.exit_code == 0, ended.exception
    found = read_json(tmp_path / "found.json")
    assert {name: found[name] for name in ("system", "domain", "seed", "model", "sentences")} == {
        "system": "ink",
        "domain": "koran",
        "seed": 1,
        "model": "tiny-comet",
        "sentences": 4,
    }
    assert found["score"] == pytest.approx(100 * statistics.fmean(found["segments"]))
    assert found["fingerprint"] == hashlib.sha256(tiny_comet.checkpoint.read_bytes()).hexdigest()
    assert found["hypotheses"] == hashlib.sha256((tmp_path / "hypotheses.en").read_bytes()).hexdigest()
    job = read_json(tmp_path / "results/micro/runs/ink/koran/seed1/jobs/score-comet.json")
    assert (job["status"], job["metrics"]["test/comet"][0]) == ("FINISHED", found["score"])


@pytest.mark.failure(
    "COMET",
    "a COMET model or encoder that is not there",
    "`COMET's model gone/model.ckpt does not exist; set evaluation.comet.model to an existing "
    "checkpoints/model.ckpt, or ... [metric/files-missing]`; the encoder's folder likewise",
)
@pytest.mark.parametrize(
    ("comet", "lines", "message"),
    [
        (None, TRANSLATIONS, "evaluation.comet is null"),
        ({"model": "gone/model.ckpt"}, TRANSLATIONS, r"COMET's model gone/model.ckpt does not exist; set evaluation"),
        ({}, TRANSLATIONS[1:], r"hypotheses.en has 3 translations of 4 sentences with 4 references"),
        ({"encoder": "gone"}, TRANSLATIONS, r"COMET's encoder gone \(evaluation.comet.encoder\) is no folder"),
    ],
)
def test_what_cannot_be_scored(
    tiny_comet: Any, tmp_path: Path, comet: dict[str, Any] | None, lines: list[str], message: str
) -> None:
    whole = {"model": str(tiny_comet.checkpoint), "encoder": str(tiny_comet.encoder), "batch_sentences": 3}
    write_experiment(tmp_path, None)
    write_lines(tmp_path / "hypotheses.en", lines)
    settings = ScoringSettings.model_validate(
        {
            "device": "cpu",
            "data": {"source_language": "de", "target_language": "en"},
            "evaluation": {"comet": None if comet is None else whole | comet},
        }
    )
    found, hypotheses = tmp_path / "found.json", tmp_path / "hypotheses.en"
    with pytest.raises(InkError, match=message):
        score_run("comet", Run("ink", "koran", 1), tmp_path / "corpus", hypotheses, settings, found)
    assert not found.exists()


class Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.failure(
    "COMET",
    "a COMET model that would have to execute code",
    "the objects' types are named; nothing is loaded or run [model/unsafe]",
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_call_is_refused_and_not_run(copy: Any, tmp_path: Path, zipped: bool) -> None:
    state = torch.load(copy.checkpoint, weights_only=True)
    state["callbacks"] = Runs(tmp_path / "made")
    torch.save(state, copy.checkpoint, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        InkError, match="other than weights and plain settings" + (r" \(posix.system" if zipped else "")
    ):
        load_comet(copy.checkpoint, str(copy.encoder))
    assert not (tmp_path / "made").exists()


def test_a_checkpoint_with_the_callbacks_of_an_older_lightning(tiny_comet: Any, copy: Any) -> None:
    from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

    callbacks = {EarlyStopping: {"patience": 2}, ModelCheckpoint: {"best_model_path": "x"}}
    rewrite(copy.checkpoint, lambda state: state.update(callbacks=callbacks))
    loaded = load_comet(copy.checkpoint, str(copy.encoder)).state_dict()
    for name, weights in load_comet(tiny_comet.checkpoint, str(tiny_comet.encoder)).state_dict().items():
        assert torch.equal(weights, loaded[name])


def test_a_checkpoint_with_numpy_s_numbers_and_omegaconf_s_settings_beside_its_weights(copy: Any) -> None:
    beside = {"best": np.float64(0.5), "curve": np.arange(3), "settings": OmegaConf.create({"a": [1, None]})}
    rewrite(copy.checkpoint, lambda state: state.update(mine=beside))
    assert load_comet(copy.checkpoint, str(copy.encoder)) is not None


def lose_number(copy: Any) -> None:
    rewrite(copy.checkpoint, lambda state: state["state_dict"]["estimator.ff.0.weight"][0].fill_(float("nan")))


def lose_weight(copy: Any) -> None:
    rewrite(copy.checkpoint, lambda state: state["state_dict"].pop("estimator.ff.0.weight"))


def cut(copy: Any) -> None:
    copy.checkpoint.write_bytes(copy.checkpoint.read_bytes()[:5000])


def widen_encoder(copy: Any) -> None:
    path = copy.encoder / "config.json"
    path.write_text(path.read_text().replace('"hidden_size": 16', '"hidden_size": 32'))


def be_of_another_kind(copy: Any) -> None:
    path = copy.checkpoint.parents[1] / "hparams.yaml"
    path.write_text(path.read_text().replace("regression_metric", "bleu"))


def be_no_hparams(copy: Any) -> None:
    (copy.checkpoint.parents[1] / "hparams.yaml").write_text("- a list\n")


@pytest.mark.failure(
    "COMET",
    "a COMET model that lacks weights, is cut short or does not fit its encoder",
    "each is named; nothing is scored [metric/files-damaged]",
)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lose_weight, "lacks 1 weights of its model, such as estimator.ff.0.weight; fetch the COMET model again"),
        (cut, "is not a whole checkpoint"),
        pytest.param(
            lose_number,
            "of the numbers in estimator.ff.0.weight are NaN or infinite; fetch it again",
            marks=pytest.mark.failure(
                "COMET",
                "a COMET model with weights that are NaN or infinite",
                "`COMET's model .../model.ckpt: 96 of the numbers in estimator.ff.0.weight are NaN or infinite; "
                "fetch it again, or take another [model/not-finite]`",
            ),
        ),
        (widen_encoder, "does not fit the encoder in .*encoder: size mismatch"),
        (be_of_another_kind, "unbabel-comet has no model 'bleu'; it has referenceless_regression_metric, regression_"),
        (be_no_hparams, "hparams.yaml names no class_identifier"),
        (lambda copy: (copy.encoder / "tokenizer.json").write_text("{}"), "could not be made with the encoder in"),
        (lambda copy: (copy.encoder / "tokenizer.json").unlink(), "has no tokeniser"),
        (lambda copy: (copy.encoder / "config.json").unlink(), "has no config.json; fetch config.json and the"),
        (
            lambda copy: (copy.checkpoint.parents[1] / "hparams.yaml").unlink(),
            "lacks its hparams.yaml, looked for at /",
        ),
    ],
)
def test_what_is_damaged_or_missing_is_named(copy: Any, damage: Any, message: str) -> None:
    damage(copy)
    with pytest.raises(InkError, match=message):
        load_comet(find_checkpoint(str(copy.checkpoint)), str(copy.encoder))


@pytest.mark.failure(
    "COMET",
    "a COMET model on the hub, and no network",
    "`COMET's model Unbabel/wmt20-comet-da is not in .../hub and could not be fetched from the Hugging Face hub "
    "(...); run this where there is network, or set ... [metric/files-missing]`",
)
def test_what_is_neither_in_the_cache_nor_to_be_had_is_named(
    tiny_comet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*arguments: Any, **options: Any) -> Any:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    for setting in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(f"huggingface_hub.constants.{setting}", str(tmp_path / "cache"))
    with pytest.raises(InkError, match=r"model Unbabel/wmt20-comet-da is not in .* set evaluation.comet.model to"):
        find_checkpoint("wmt20-comet-da")
    with pytest.raises(InkError, match=r"encoder xlm-roberta-large is not in .* set evaluation.comet.encoder to"):
        load_comet(tiny_comet.checkpoint, None)
    with pytest.raises(InkError, match="COMET's model no such name/at all is not in"):
        find_checkpoint("no such name/at all")


def test_what_the_cache_holds_needs_no_network(
    tiny_comet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*arguments: Any, **options: Any) -> Any:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    revision = "0" * 40
    for name, folder in (
        ("Unbabel--tiny", tiny_comet.checkpoint.parents[1]),
        ("xlm-roberta-large", tiny_comet.encoder),
    ):
        (tmp_path / f"models--{name}" / "refs").mkdir(parents=True)
        (tmp_path / f"models--{name}" / "refs" / "main").write_text(revision)
        shutil.copytree(folder, tmp_path / f"models--{name}" / "snapshots" / revision)
    checkpoint = find_checkpoint("tiny")
    assert checkpoint == tmp_path / "models--Unbabel--tiny" / "snapshots" / revision / "checkpoints" / "model.ckpt"
    assert find_encoder(None, {"pretrained_model": "xlm-roberta-large"}).is_relative_to(tmp_path)
    assert segment_scores(load_comet(checkpoint, None), TEXTS, 4, CPU) == segment_scores(
        load_comet(tiny_comet.checkpoint, str(tiny_comet.encoder)), TEXTS, 4, CPU
    )


def test_names_as_tables_show_them() -> None:
    assert short_name("wmt20-comet-da") == short_name("Unbabel/wmt20-comet-da") == "wmt20-comet-da"
    assert short_name("/models/wmt20-comet-da/checkpoints/model.ckpt") == "wmt20-comet-da"


def test_nothing_to_score() -> None:
    with pytest.raises(InkError, match="no sentence to score"):
        Texts([], [], [])
