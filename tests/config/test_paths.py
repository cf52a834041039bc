"""Paths that people give: `~` is their home folder, in every setting and option, and nothing else in them is read."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from ink.cli import COMMANDS, ink
from ink.cli.options import PathOnDisk
from ink.config import check, expand_home, load
from ink.config.paths import PATHS, expand_database
from ink.config.schema import schema
from ink.runtime.errors import InkError
from ink.runtime.home import with_home
from ink.tools.costs.text_amounts import source_files

REPOSITORY = Path(__file__).resolve().parents[2]
OWN_CORPUS = load(REPOSITORY / "config" / "own-corpus.yaml")
NULL = {"url": None, "path": None, "sha256": None}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder whose name has a blank and an umlaut."""
    folder = tmp_path / "Jörg Müller"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def paths_of(rules: Any, place: str = "") -> Iterator[str]:
    """Dotted names of the settings that the schema declares to be paths; * is any key of a mapping."""
    if not isinstance(rules, dict):
        return
    if rules.get("title") == "a path":
        yield place
    for key, inner in rules.get("properties", {}).items():
        yield from paths_of(inner, f"{place}.{key}" if place else key)
    for inner in rules.get("anyOf", ()):
        yield from paths_of(inner, place)
    for inner in (rules.get("additionalProperties"), rules.get("items")):
        yield from paths_of(inner, f"{place}.*")


def at(config: dict[str, Any], name: str) -> Any:
    for key in name.split("."):
        config = config[int(key) if key.isdecimal() else key]
    return config


def test_every_setting_that_is_a_path_is_known() -> None:
    declared = {"downloads.*.path" if name.startswith("downloads.") else name for name in paths_of(schema())}
    assert declared == set(PATHS) - {"evaluation.comet.model"}  # a name on the hub as well


@pytest.mark.failure(
    "Paths and places",
    "`~` at the beginning of a path in the config (text, checkpoint, codes, COMET, downloads, MLflow's database)",
    "your home folder, for every command and for the workflow",
)
def test_the_home_folder_is_put_into_every_path_once(home: Path) -> None:
    config = copy.deepcopy(OWN_CORPUS)
    config["evaluation"]["comet"] = {"model": "", "encoder": "", "batch_sentences": 8}
    config["data"]["binarised"] = {"folder": "", "sentences": {}}
    config["downloads"] = {"comet_model": NULL | {"path": ""}, "comet_settings": NULL}
    config["data"]["files"]["train_from"] = {"general": [{"pattern": "", "weight": 1}]}
    names = [name.replace("from.*.*", "from.general.0").replace("*", "comet_model") for name in PATHS]
    for number, name in enumerate(names):
        *sections, last = name.split(".")
        at(config, ".".join(sections))[last] = f"~/my data/~{number}"
    config["mlflow"]["tracking_uri"] = "sqlite:///~/my runs.db"
    (home / "experiment.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    loaded = load(home / "experiment.yaml")
    for number, name in enumerate(names):
        assert at(loaded, name) == f"{home}/my data/~{number}", name
    assert loaded["mlflow"]["tracking_uri"] == f"sqlite:///{home}/my runs.db"
    assert loaded["downloads"]["comet_settings"] == NULL
    again = copy.deepcopy(loaded)
    expand_home(again)
    assert again == loaded


def test_the_doctor_looks_where_the_workflow_does(home: Path) -> None:
    config = copy.deepcopy(OWN_CORPUS)
    config["data"]["files"]["pattern"] = "~/Texte/{domain}.{split}.{language}"
    (home / "experiment.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (dev,) = [one for one in source_files(load(home / "experiment.yaml"))["koran"] if one.split == "dev"]
    assert (Path(dev.source), Path(dev.target)) == (home / "Texte" / "koran.dev.de", home / "Texte" / "koran.dev.en")


@pytest.mark.parametrize("path", ["a/~/b", "./~/b", "~nobody-has-this-name/b", "$HOME/b", "/abs/~", "", "100%/#1?"])
def test_nothing_else_is_replaced(home: Path, path: str) -> None:
    assert with_home(path) == path


def test_only_a_database_on_this_machine_has_a_home_folder(home: Path) -> None:
    assert expand_database("sqlite:///~/a.db?timeout=5") == f"sqlite:///{home}/a.db?timeout=5"
    for uri in ("http://host/~me", "postgresql://me@host/~", "sqlite:///a/~.db", "sqlite:////~/a.db"):
        assert expand_database(uri) == uri


@pytest.mark.parametrize(
    "config", [{}, {"data": None}, {"data": "~"}, {"data": {"files": ["~", {"train_from": ["~"]}]}}, {"downloads": 1}]
)
def test_what_is_no_experiment_is_left_to_the_check(config: dict[str, Any]) -> None:
    before = copy.deepcopy(config)
    expand_home(config)
    assert config == before


@pytest.mark.failure(
    "Paths and places",
    "`{` or `}` in a path of the config",
    "`base_model.path: found '/data/{new}/model.pt'; allowed: a path without { and } ... "
    "[config/impossible-combination]`, before the first job",
)
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("base_model.path", "/data/{new}/model.pt"),
        ("base_model.bpe_codes", "codes}"),
        ("data.files.pattern", "te{{x}}t/{domain}.{split}.{language}"),
        ("data.files.train_from.general.0.pattern", "{{new}}/{language}"),
        ("evaluation.comet.encoder", "~/{}"),
    ],
)
def test_braces_would_be_wildcards(name: str, path: str) -> None:
    config = copy.deepcopy(OWN_CORPUS)
    config["evaluation"]["comet"] = {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 8}
    config["evaluation"]["metrics"].append("comet")
    config["data"]["files"]["train_from"] = {"general": [{"pattern": "{language}", "weight": 1}]}
    config["data"]["files"]["splits"]["general"] = ["train", "dev", "test"]
    check(config)
    *sections, last = name.split(".")
    at(config, ".".join(sections))[last] = path
    with pytest.raises(
        InkError,
        match=re.escape(f"configuration: {name.replace('.0.', '[0].')}: found {path!r}; allowed: a path without"),
    ):
        check(config)


def test_every_command_takes_paths_with_a_home_folder() -> None:
    for name, module in COMMANDS.items():
        command = getattr(importlib.import_module(module), name.replace("-", "_"))
        for parameter in [*command.params, *ink.params]:
            kinds = parameter.type.types if isinstance(parameter.type, click.Tuple) else [parameter.type]
            for kind in kinds:
                assert not isinstance(kind, click.Path) or isinstance(kind, PathOnDisk), (name, parameter.name)


@pytest.mark.failure(
    "Paths and places",
    "`--config=~/x.yaml` or another option of `ink` with `~`, which the shell does not replace there",
    "your home folder",
)
def test_an_option_and_an_argument_with_a_home_folder(home: Path) -> None:
    folder = home / "meine Versuche"
    folder.mkdir()
    (folder / "1.yaml").write_bytes((REPOSITORY / "config" / "config.yaml").read_bytes())
    for arguments in (["check-config", "~/meine Versuche/1.yaml"], ["clean", "--dry-run", "~/meine Versuche/1.yaml"]):
        assert CliRunner().invoke(ink, arguments, catch_exceptions=False).exit_code == 0
    result = CliRunner().invoke(ink, ["translate", "--config=~/nirgends.yaml", "--adapter=~/a.safetensors"])
    assert f"{home}/nirgends.yaml" in str(result.exception)
