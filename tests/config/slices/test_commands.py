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
from ink.config import check, load
from ink.config.schema import schema, schema_problems
from ink.config.sections.experiment import Experiment
from ink.config.slices.commands import READS, settings_for
from ink.config.slices.slice import section_in
from ink.config.slices.training_slices import AdapterSettings, KnnKdSettings
from ink.config.values import WITHOUT_EFFECT, Section
from ink.metrics.known_metrics import METRICS
from ink.runtime.errors import InkError

REPOSITORY = Path(__file__).resolve().parents[3]
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

COMET = {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 8}

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


def fields(kind: type[Section]) -> dict[str, Any]:
    """The settings of a section by their names in the configuration."""
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def declared(command: str, keys: Keys) -> bool:
    """Whether the command's slice has the setting, by itself or in a section or mapping that it has."""
    kind: type[Section] | None = READS[command]
    for key in keys:
        if kind is None:
            return True
        if key not in fields(kind):
            return False
        kind = section_in(fields(kind)[key].annotation)
    return True


def as_read(config: dict[str, Any], command: str, domain: str | None = None, system: str | None = None) -> Any:
    return settings_for(config, READS[command], domain, system).plain()


def enumerated(rules: Any) -> Iterator[Any]:
    """Every value that the schema lists somewhere."""
    if isinstance(rules, dict):
        yield from rules.get("enum", ())
    for inner in rules.values() if isinstance(rules, dict) else rules if isinstance(rules, list) else ():
        yield from enumerated(inner)


def others(value: Any) -> Iterator[Any]:
    """What another value of a setting may be, some of it not allowed."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1, value / 2, value + 0.5, 2 * value)
    elif isinstance(value, str):
        yield from ("koran", "fr", "cpu", "cuda", f"{value}x", *enumerated(schema()))
    elif isinstance(value, list):
        yield from ([*value[:-1], other] for one in value[-1:] for other in others(one))
        yield from (value[:-1], [4], [0.25], ["exact_neighbours"], ["without_l_r"])
    elif isinstance(value, dict):
        yield from ({"medical": 5}, {"mine": {"combiner": "vanilla", "key": "ffn_input"}})
        yield from ({"half": {"method": "random", "keep": 0.5}}, {"unsure": {"below": 0.5}})
    else:
        yield from (3, "koran", "https://example.org/file", "0" * 64, COMET, MINI["base_model"]["train"])


def with_another_value(config: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The configuration with a different value, of which the schema takes it, for one setting."""
    value = at(config, keys)
    found = (replaced(config, keys, other) for other in others(value) if other != value)
    return next(changed for changed in found if not schema_problems(changed))


def runs(command: str, config: dict[str, Any]) -> bool:
    """Whether the command is among those of an experiment with this source of text and of the base model."""
    of_source = {"synthetic": {"generate-corpus"}, "files": FILES_ONLY, "binarised": BINARISED_ONLY}
    del of_source[config["data"]["source"]]
    of_other_model = MODEL_GIVEN if config["base_model"]["path"] is None else {"learn-vocabulary", "train-base"}
    return command not in of_other_model.union(*of_source.values())


def command_named(name: str) -> click.Command:
    command = getattr(importlib.import_module(COMMANDS[name]), name.replace("-", "_"))
    assert isinstance(command, click.Command)
    return command


@pytest.mark.parametrize("command", READS)
def test_a_command_gets_exactly_the_declared_keys(command: str) -> None:
    config = runs_with(command)
    chosen = as_read(config, command)
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
    settings_for(config, READS[command])


@pytest.mark.parametrize("command", READS)
def test_settings_are_a_copy(command: str) -> None:
    config = copy.deepcopy(runs_with(command))
    before = copy.deepcopy(config)
    settings = settings_for(config, READS[command])
    for chosen in (settings.plain(), settings.that_matter()):
        for keys in list(leaves(chosen)):
            at(chosen, keys[:-1])[keys[-1]] = "changed"
    assert config == before
    assert settings == settings_for(config, READS[command])


def parts(kind: type[Section], place: str = "") -> Iterator[tuple[str, type[Section]]]:
    """A section with its place, and those in it."""
    yield place, kind
    for name, field in fields(kind).items():
        if (inner := section_in(field.annotation)) is not None:
            yield from parts(inner, f"{place}.{name}" if place else name)


def test_every_slice_is_a_part_of_the_configuration() -> None:
    whole = dict(parts(Experiment))
    for command, kind in READS.items():
        for place, part in parts(kind):
            assert set(fields(part)) <= set(fields(whole[place])), (command, place)


ONLY_ONE_VALUE = ("r_knn", "key")
WITH_EFFECT_ON_NO_RESULT = {("training", "checkpoint_updates")}


@pytest.mark.parametrize("config", [MINI, OWN_CORPUS, PAPER], ids=lambda config: config["experiment"])
def test_a_changed_setting_reruns_the_commands_that_read_it_and_no_others(config: dict[str, Any]) -> None:
    running = [command for command in READS if runs(command, config)]
    before = {command: settings_for(config, READS[command]) for command in running}
    for keys in set(leaves(config)) - {ONLY_ONE_VALUE}:
        changed = with_another_value(config, keys)
        for command in running:
            after = settings_for(changed, READS[command])
            assert (after.plain() != before[command].plain()) is declared(command, keys), (command, keys)
            reruns = declared(command, keys) and keys not in WITH_EFFECT_ON_NO_RESULT
            assert (after.that_matter() != before[command].that_matter()) is reruns, (command, keys)


def test_a_job_that_scores_may_read_what_any_metric_does() -> None:
    for name, reads in METRICS.items():
        for dotted in reads:
            assert declared("score", tuple(dotted.split("."))), name


def test_settings_without_effect_are_marked_where_they_are_defined() -> None:
    found = {
        (place, name)
        for place, part in parts(Experiment)
        for name, field in fields(part).items()
        if WITHOUT_EFFECT in field.metadata
    }
    assert found == WITH_EFFECT_ON_NO_RESULT


@given(st.data())
def test_a_key_that_a_command_does_not_read_changes_nothing_for_it(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(sorted(READS)))
    config = runs_with(command)
    unread = sorted(keys for keys in leaves(config) if not declared(command, keys))
    value = data.draw(st.integers() | st.text(max_size=5) | st.none())
    changed = replaced(config, data.draw(st.sampled_from(unread)), value)
    assert settings_for(changed, READS[command]) == settings_for(config, READS[command])


@pytest.mark.parametrize("number", [10, 10.0, 0.5])
def test_numbers_stay_as_they_are_written(number: float) -> None:
    found = settings_for(replaced(MINI, ("knn_kd", "temperature"), number), KnnKdSettings)
    assert repr(found.plain()["knn_kd"]["temperature"]) == repr(found.knn_kd.temperature) == repr(number)


def test_settings_cannot_be_changed() -> None:
    settings = settings_for(MINI, AdapterSettings, "koran")
    with pytest.raises(ValueError, match="frozen"):
        settings.training.patience = 1  # type: ignore[misc]


def test_a_config_that_nobody_has_checked_is_refused_in_the_words_of_the_check() -> None:
    wrong = replaced(MINI, ("training", "patience"), "ten")
    with pytest.raises(InkError) as message:
        check(wrong)
    with pytest.raises(InkError, match=re.escape(str(message.value))):
        settings_for(wrong, READS["train-adapter"], "koran")


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
    assert at(as_read(config, command, "koran"), keys) == 4
    assert at(as_read(config, command, "law"), keys) == 2
    other = by_domain(dotted, {"medical": 1, "law": 9, "it": 3, "koran": 4})
    assert as_read(other, command, "koran") == as_read(config, command, "koran")
    assert as_read(other, command, "law") != as_read(config, command, "law")
    same = by_domain(dotted, dict.fromkeys(MINI["domains"], 7))
    assert as_read(same, command, "it") == as_read(replaced(MINI, keys, 7), command, "it")


def test_a_domain_without_a_value_and_one_that_does_not_exist_are_refused() -> None:
    with pytest.raises(InkError, match=r"k: no value for the domain it, only for koran"):
        as_read(by_domain("ink.k", {"koran": 4}), "train-ink-round", "it")
    with pytest.raises(InkError, match=r"domain 'lwa' is not in the config; known: medical, law"):
        as_read(MINI, "train-adapter", "lwa")


def test_the_general_domain_has_settings_too() -> None:
    assert as_read(MINI, "evaluate", MINI["data"]["general_domain"])["decoding"] == MINI["decoding"]


def test_every_command_with_a_config_says_what_it_reads() -> None:
    with_config = {name for name in COMMANDS if any("--config" in option.opts for option in command_named(name).params)}
    # it copies the config whole into the model
    assert with_config - {"log-model"} == set(READS)


@pytest.mark.parametrize("name", READS)
def test_every_command_asks_for_its_own_settings(name: str) -> None:
    callback = command_named(name).callback
    assert callback is not None
    requested = re.findall(
        r"(?:load_settings\(config|settings_for\((?:whole|layout\.config)), (\w+)", inspect.getsource(callback)
    )
    assert requested == [READS[name].__name__]


def test_every_rule_reruns_for_the_settings_of_the_command_that_it_runs() -> None:
    seen = set()
    for name, rule in rule_texts().items():
        declared = re.findall(r'settings=settings\("([\w-]+)"\)', rule)
        if not declared:
            # the page and the curves, which are made of what other rules have written, and what all experiments share
            unread = ("report --page-only", "download", "gather-curves")
            assert any(f"ink --log {{log:q}} {command}" in rule for command in unread), name
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
    settings = as_read(config, "train-combiner", "koran", system)
    own = {"mine": OWN["mine"]} if system == "mine" else {}
    assert settings["own_systems"] == own
    assert {"a_knn", "r_knn"} & set(settings) == {section} - {"mine"}
    assert settings["combiner_training"] == MINI["combiner_training"]


REDUCTIONS = {"half": {"method": "random", "keep": 0.5}, "merged": {"method": "greedy_merging", "k": 2}}


def test_a_datastore_is_reduced_without_looking_at_other_reductions() -> None:
    config = replaced(replaced(MINI, ("reductions",), REDUCTIONS), ("own_systems",), OWN)
    half = {"half": REDUCTIONS["half"]}
    of_one = settings_for(config, READS["reduce-datastore"], "koran", reduction="half").plain()
    assert of_one["reductions"] == half
    assert as_read(config, "reduce-datastore", "koran", "v_knn+half")["reductions"] == half
    assert as_read(config, "reduce-datastore", "koran", "v_knn")["reductions"] == {}
    assert as_read(config, "train-combiner", "koran", "mine+half") == as_read(config, "train-combiner", "koran", "mine")
    with pytest.raises(InkError, match="reduction 'third' is not in the config; known: half, merged"):
        settings_for(config, READS["reduce-datastore"], "koran", reduction="third")


def test_settings_of_own_systems_are_resolved_for_a_domain() -> None:
    values = {"medical": 1, "law": 2, "it": 3, "koran": [4, 5]}
    config = replaced(MINI, ("own_systems",), {"mine": {**OWN["mine"], "k": values}})
    assert as_read(config, "train-combiner", "koran", "mine")["own_systems"]["mine"]["k"] == [4, 5]
    assert as_read(config, "train-combiner", "law", "mine")["own_systems"]["mine"]["k"] == 2
