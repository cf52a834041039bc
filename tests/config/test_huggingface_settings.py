"""A Hugging Face model in the configuration: what belongs to it, and what it stands in the place of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import check, given_base_model, load, read, resolve
from ink.config.slices.commands import READS, settings_for
from ink.runtime.errors import InkError
from ink.systems.layout import Layout

REPOSITORY = Path(__file__).resolve().parents[2]
GIVEN = {"folder": "models/nllb", "source_code": "deu_Latn", "target_code": "eng_Latn"}


def config(**base_model: Any) -> dict[str, Any]:
    found = load(REPOSITORY / "config" / "own-corpus.yaml")
    nothing = dict.fromkeys(("path", "bpe_codes", "source_dictionary", "target_dictionary", "train"))
    return {**found, "base_model": {**nothing, **GIVEN, **base_model}}


def test_a_folder_is_the_base_model() -> None:
    chosen = config()
    check(chosen)
    assert given_base_model(chosen) == Layout(chosen).base_model == "models/nllb"
    read = settings_for(chosen, READS["adopt-vocabulary"]).that_matter()["base_model"]
    assert {name: read[name] for name in GIVEN} == GIVEN


@pytest.mark.failure(
    "Config",
    "a Hugging Face base model beside another base model, or with settings of one",
    "`configuration: base_model.folder: found 'models/nllb' (text); allowed: null, since base_model.hub is given: "
    "exactly one of the two`, and likewise of base_model.path, its codes and dictionaries, and text.bpe_merges "
    "[config/impossible-combination]",
)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"hub": "facebook/nllb"},
            "base_model.folder: found 'models/nllb' .text.; allowed: null, since base_model.hub is",
        ),
        ({"revision": "v1"}, "base_model.revision: found v1; allowed: null, since base_model.hub is not given"),
        ({"hub": "../nllb", "folder": None}, "base_model.hub: found '../nllb' .text.; allowed: a model's name on the"),
        (
            {"hub": "a/b", "folder": None, "revision": "-x"},
            "base_model.revision: found '-x' .text.; allowed: a commit,",
        ),
        (
            {"hub": "a/b", "folder": None, "path": "model.pt"},
            "base_model.path: found 'model.pt' .text.; allowed: null, since base_model.hub is given",
        ),
        ({"path": "model.pt"}, "base_model.path: found 'model.pt' .text.; allowed: null, since base_model.folder"),
        ({"bpe_codes": "codes"}, "base_model.bpe_codes: found 'codes' .text.; allowed: null"),
        ({"folder": ""}, "base_model.folder: found '' .text.; allowed: a path, not empty"),
        (
            {"folder": None},
            "base_model.source_code: found deu_Latn; allowed: null, since base_model.folder",
        ),
    ],
)
def test_what_does_not_go_with_a_folder(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InkError, match=message):
        check(config(**changes))


def test_codes_and_tags_are_of_a_folder() -> None:
    chosen = load(REPOSITORY / "config" / "own-corpus.yaml")
    chosen["base_model"]["source_code"] = "deu_Latn"
    with pytest.raises(InkError, match=r"source_code: found deu_Latn; allowed: null, since base_model"):
        check(chosen)


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("text", {"bpe_merges": 300}, "text.bpe_merges: found 300; allowed: null, since base_model.folder is given"),
        ("training", {"processes": 2}, "training.processes: found 2; allowed: 1, since base_model.folder is given"),
        ("knn_kd", {"processes": 3}, "knn_kd.processes: found 3; allowed: 1, since base_model.folder is given"),
    ],
)
def test_other_settings_that_such_a_model_refuses(section: str, changes: dict[str, Any], message: str) -> None:
    chosen = config()
    chosen[section] |= changes
    with pytest.raises(InkError, match=message):
        check(chosen)


def test_training_in_fp16_is_refused() -> None:
    chosen = {**config(), "device": "cuda", "precision": "fp16"}
    with pytest.raises(InkError, match="precision: found fp16; allowed: fp32 or bf16, since"):
        check(chosen)


@pytest.mark.parametrize("scale", ["small", "mini"])
def test_nothing_is_asked_of_moses_and_bpe(scale: str) -> None:
    stated = read(REPOSITORY / "config" / "own-corpus.yaml")
    whole = resolve({**stated, "scale": scale, "base_model": dict(GIVEN), "text": {"max_length": 60}})
    check(whole)
    assert (whole["text"]["bpe_merges"], whole["text"]["max_length"]) == (None, 60)
    assert whole["base_model"].get("train") is None and "source_tokeniser_language" not in whole["text"]
    settings_for(whole, READS["prepare-corpus"])
    del stated["text"]
    check(resolve({**stated, "base_model": dict(GIVEN)}))


def test_codes_that_moses_does_not_know_are_without_effect() -> None:
    chosen = config()
    chosen["text"]["source_tokeniser_language"] = "deu_Latn"
    check(chosen)


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.failure(
    "Config",
    "a fairseq base model without the languages of Moses' rules",
    "`configuration: text.source_tokeniser_language: missing; allowed: a language code such as de, pt_BR or zh-CN "
    "[config/impossible-combination]`; with a Hugging Face model they may be left out",
)
def test_fairseq_s_text_needs_the_languages_of_moses_rules(side: str) -> None:
    chosen = load(REPOSITORY / "config" / "own-corpus.yaml")
    del chosen["text"][f"{side}_tokeniser_language"]
    with pytest.raises(InkError, match=f"text.{side}_tokeniser_language: missing; allowed: a language code such as de"):
        check(chosen)


def test_another_revision_is_another_model() -> None:
    found = [
        config(folder=None, hub="facebook/nllb", **given) for given in ({}, {"revision": "v1"}, {"revision": "v2"})
    ]
    for chosen in found:
        check(chosen)
    places = [Layout(chosen).base_model for chosen in found]
    assert places == [f"downloads/hub/facebook--nllb/{name}" for name in ("main", "v1", "v2")]
    read = [settings_for(chosen, READS["adopt-vocabulary"]).that_matter() for chosen in found]
    assert read[1] != read[2]


def test_a_served_copy_s_folder_stands_in_the_place_of_the_hub_s() -> None:
    assert given_base_model(config(hub="facebook/nllb", folder="copy")) == "copy"
