"""A command gets what it declares of the config and nothing else, so that nothing else can call for it to run again."""

from __future__ import annotations

import copy
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_texts import rule_texts

from ink.cli import COMMANDS
from ink.config import load
from ink.errors import InkError
from ink.settings import READS, settings_for

REPOSITORY = Path(__file__).resolve().parent.parent
MINI = load(REPOSITORY / "config" / "config.yaml")
OWN_CORPUS = load(REPOSITORY / "config" / "own-corpus.yaml")
PAPER = load(REPOSITORY / "config" / "paper.yaml")
# commands of one source of text, and the experiments that have it
FILES_ONLY = {"ingest-corpus"}
BINARISED_ONLY = {"restore-corpus", "adopt-corpus"}
MODEL_GIVEN = {"adopt-vocabulary"}
SYNTHETIC_ONLY = {"generate-corpus", "learn-vocabulary", "train-base"}
# commands that no rule runs
FOR_PEOPLE = {"translate", "explain"}

Keys = tuple[str, ...]


def runs_with(command: str) -> dict[str, Any]:
    return PAPER if command in BINARISED_ONLY else OWN_CORPUS if command in FILES_ONLY | MODEL_GIVEN else MINI


def leaves(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """The place of everything that is no mapping, or an empty one."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from leaves(child, (*keys, key))
    else:
        yield keys


def at(config: Any, keys: Keys) -> Any:
    for key in keys:
        config = config[key]
    return config


def replaced(config: dict[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(config)
    at(config, keys[:-1])[keys[-1]] = value
    return config


def declared(command: str, keys: Keys) -> bool:
    return any(keys[: len(parts)] == parts for parts in (tuple(dotted.split(".")) for dotted in READS[command]))


def command_named(name: str) -> click.Command:
    command = getattr(importlib.import_module(COMMANDS[name]), name.replace("-", "_"))
    assert isinstance(command, click.Command)
    return command


@pytest.mark.parametrize("command", READS)
def test_a_command_gets_exactly_the_declared_keys(command: str) -> None:
    config = runs_with(command)
    chosen = settings_for(config, command)
    expected = {keys: at(config, keys) for keys in leaves(config) if declared(command, keys)}
    assert {keys: at(chosen, keys) for keys in leaves(chosen)} == expected
    assert expected


@pytest.mark.parametrize(
    ("command", "config"),
    [(command, MINI) for command in READS if command not in FILES_ONLY | BINARISED_ONLY | MODEL_GIVEN]
    + [(command, OWN_CORPUS) for command in READS if command not in SYNTHETIC_ONLY | BINARISED_ONLY]
    + [(command, PAPER) for command in READS if command not in SYNTHETIC_ONLY | FILES_ONLY | {"prepare-corpus"}],
    ids=lambda value: value if isinstance(value, str) else value["experiment"],
)
def test_what_is_declared_is_in_every_experiment_that_runs_the_command(command: str, config: dict[str, Any]) -> None:
    settings_for(config, command)


@pytest.mark.parametrize("command", READS)
def test_settings_are_a_copy(command: str) -> None:
    config = copy.deepcopy(runs_with(command))
    before = copy.deepcopy(config)
    chosen = settings_for(config, command)
    for keys in list(leaves(chosen)):
        at(chosen, keys[:-1])[keys[-1]] = "changed"
    assert config == before


@given(st.data())
def test_a_key_that_a_command_does_not_read_changes_nothing_for_it(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(sorted(READS)))
    config = runs_with(command)
    keys = data.draw(st.sampled_from(sorted(leaves(config))))
    value = data.draw(st.integers() | st.text(max_size=5) | st.none())
    changed = replaced(config, keys, value)
    same = settings_for(changed, command) == settings_for(config, command)
    assert same is (not declared(command, keys) or value == at(config, keys))


def by_domain(dotted: str, values: dict[str, Any]) -> dict[str, Any]:
    return replaced(MINI, tuple(dotted.split(".")), values)


@pytest.mark.parametrize(
    ("command", "dotted"),
    [
        ("train-adapter", "adapter.inner_dimension"),
        ("train-ink-round", "adapter.inner_dimension"),
        ("build-datastore-shard", "datastore.shards"),
        ("train-ink-round", "ink.k"),
        ("train-ink-round", "ink.alpha"),
        ("train-ink-round", "ink.beta"),
        ("tune-v-knn", "v_knn.k"),
        ("train-knn-kd", "knn_kd.k"),
        ("train-knn-kd", "knn_kd.temperature"),
        ("train-combiner", "a_knn.temperature"),
        ("train-combiner", "r_knn.decay"),
    ],
)
def test_what_differs_by_domain_is_resolved_for_one(command: str, dotted: str) -> None:
    keys = tuple(dotted.split("."))
    config = by_domain(dotted, {"medical": 1, "law": 2, "it": 3, "koran": 4})
    assert at(settings_for(config, command, "koran"), keys) == 4
    assert at(settings_for(config, command, "law"), keys) == 2
    other = by_domain(dotted, {"medical": 1, "law": 9, "it": 3, "koran": 4})
    assert settings_for(other, command, "koran") == settings_for(config, command, "koran")
    assert settings_for(other, command, "law") != settings_for(config, command, "law")
    same = by_domain(dotted, dict.fromkeys(MINI["domains"], 7))
    assert settings_for(same, command, "it") == settings_for(replaced(MINI, keys, 7), command, "it")


def test_a_domain_without_a_value_and_one_that_does_not_exist_are_refused() -> None:
    with pytest.raises(InkError, match=r"k: no value for the domain it, only for koran"):
        settings_for(by_domain("ink.k", {"koran": 4}), "train-ink-round", "it")
    with pytest.raises(InkError, match=r"domain 'lwa' is not in the config; known: medical, law"):
        settings_for(MINI, "train-adapter", "lwa")


def test_the_general_domain_has_settings_too() -> None:
    assert settings_for(MINI, "evaluate", MINI["data"]["general_domain"])["decoding"] == MINI["decoding"]


def test_every_command_with_a_config_says_what_it_reads() -> None:
    with_config = {name for name in COMMANDS if any("--config" in option.opts for option in command_named(name).params)}
    assert with_config == set(READS)


@pytest.mark.parametrize("name", READS)
def test_every_command_asks_for_its_own_settings(name: str) -> None:
    callback = command_named(name).callback
    assert callback is not None
    assert re.findall(r'(?:load_settings\(config|settings_for\(whole), "([\w-]+)"', inspect.getsource(callback)) == [
        name
    ]


def test_every_rule_reruns_for_the_settings_of_the_command_that_it_runs() -> None:
    seen = set()
    for name, rule in rule_texts().items():
        declared = re.findall(r'settings=settings\("([\w-]+)"\)', rule)
        if not declared:
            # the page, which is made of what other rules have rendered, and what all experiments share
            unread = ("ink --log {log:q} report --page-only", "ink --log {log:q} download")
            assert any(command in rule for command in unread), name
            continue
        (declared_for,) = declared
        (run,) = re.findall(r'"ink --log \{log:q\}(?: --threads \{threads\})? ([\w-]+) ', rule)
        assert declared_for == run, name
        seen.add(run)
    assert seen == set(READS) - FOR_PEOPLE


OWN = {
    "mine": {"combiner": "mine", "key": "ffn_input", "k": [4, 8]},
    "other": {"combiner": "other", "key": "ffn_input"},
}


@pytest.mark.parametrize(
    ("system", "section"), [("a_knn", "a_knn"), ("r_knn", "r_knn"), ("r_knn_without_keys", "r_knn"), ("mine", "mine")]
)
def test_a_combiner_is_trained_without_looking_at_those_of_other_systems(system: str, section: str) -> None:
    config = replaced(MINI, ("own_systems",), OWN)
    settings = settings_for(config, "train-combiner", "koran", system)
    own = {"mine": OWN["mine"]} if system == "mine" else {}
    assert settings["own_systems"] == own
    assert {"a_knn", "r_knn"} & set(settings) == {section} - {"mine"}
    assert settings["combiner_training"] == MINI["combiner_training"]


def test_settings_of_own_systems_are_resolved_for_a_domain() -> None:
    values = {"medical": 1, "law": 2, "it": 3, "koran": [4, 5]}
    config = replaced(MINI, ("own_systems",), {"mine": {**OWN["mine"], "k": values}})
    assert settings_for(config, "train-combiner", "koran", "mine")["own_systems"]["mine"]["k"] == [4, 5]
    assert settings_for(config, "train-combiner", "law", "mine")["own_systems"]["mine"]["k"] == 2
