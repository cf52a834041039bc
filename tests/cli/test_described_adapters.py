"""An adapter file that a person carries: looking at it, and translating with it."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from ink import __version__
from ink.cli import ink as ink_command

SYSTEM = ("--system", "adapter", "--domain", "koran")


def test_it_is_described_by_the_training_that_wrote_it(experiment: Any, commands: Any) -> None:
    shown = commands("describe-adapter", "adapter/adapter.safetensors", folder=experiment.folder)
    assert (shown.code, shown.err) == (0, "")
    base_model = json.loads(experiment.path("datastore/meta.json").read_text(encoding="utf-8"))["model"]
    found = {line[:15].rstrip(): line[17:] for line in shown.out.splitlines()}
    inner_dimension = found.pop("inner dimension")
    assert int(inner_dimension) > 0
    assert found == {
        "system": "adapter",
        "domain": "koran",
        "seed": "1",
        "base model": base_model,
        "encoder layers": "2",
        "decoder layers": "2",
        "dimension": "16",
        "averaged rounds": "1",
        "trained with": "ink train-adapter --config config.yaml --domain koran --seed 1",
        "version of ink": __version__,
    }


def test_its_card_is_beside_it_and_knows_no_scores_yet(experiment: Any) -> None:
    card = experiment.path("adapter/card.md").read_text(encoding="utf-8")
    assert card.startswith("# Adapter for koran\n")
    assert "| trained with | `ink train-adapter --config config.yaml --domain koran --seed 1` |" in card
    assert "dev BLEU " in card
    assert "the test set is translated after training" in card


def test_a_round_and_ink_s_average_say_what_they_are(experiment: Any, commands: Any, spelled: Any) -> None:
    model = spelled("adapt")[spelled("adapt").index("--base-model") :]
    finish = ("finish-ink", "--config", "config.yaml", "--domain", "koran", "--seed", "1", *model)
    ended = commands(*finish, "--round", "round", "--output", "final", folder=experiment.folder)
    assert ended.code == 0, ended.err
    for place, file, command in (
        ("round", "adapters/1.safetensors", "train-ink-round"),
        ("final", "adapter.safetensors", "finish-ink"),
    ):
        shown = commands("describe-adapter", f"{place}/{file}", folder=experiment.folder).out
        found = {line[:15].rstrip(): line[17:] for line in shown.splitlines()}
        assert [found[name] for name in ("system", "domain", "seed")] == ["ink", "koran", "1"]
        assert found["trained with"].startswith(f"ink {command} --config config.yaml --domain koran --seed 1")
        assert ("averaged rounds" in found) is (place == "final")


def translated(*arguments: str) -> str:
    """What `ink translate` writes for a text, one line of which is empty."""
    text = "Gott sieht das Wort .\n\nder Text meldet kein Signal heute .\n"
    shown = CliRunner().invoke(ink_command, ["translate", "--config", "config.yaml", "--scores", *arguments], text)
    assert shown.exit_code == 0, shown.output
    return shown.stdout


def test_a_file_from_anywhere_translates_as_the_system_that_it_was_trained_as(
    experiment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(experiment.folder)
    monkeypatch.setattr("ink.cli.translation.use_machine", lambda: None)
    base_model, vocabulary = experiment.path("work/micro/base_model/model.pt"), "work/micro/vocabulary"
    base_model.parent.mkdir(parents=True)
    shutil.copy(experiment.path("model.pt"), base_model)
    shutil.copytree(experiment.path("vocabulary"), experiment.path(vocabulary))
    carried, kept = experiment.path("koran.safetensors"), "work/micro/adapters/adapter/koran/seed1"
    shutil.copy(experiment.path("adapter/adapter.safetensors"), carried)
    shutil.copytree(experiment.path("adapter"), experiment.path(kept))
    by_system = translated(*SYSTEM)
    shutil.rmtree(experiment.path(kept))
    by_file = translated("--adapter", "koran.safetensors")
    assert by_file == by_system
    assert by_file != translated("--system", "off_the_shelf", "--domain", "koran")
    assert len(by_file.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--system", "ink", "--adapter", "a.safetensors"), "--system and --adapter exclude each other"),
        (("--domain", "koran", "--adapter", "a.safetensors"), "--domain and --adapter exclude each other"),
        (("--seed", "1", "--adapter", "a.safetensors"), "--seed and --adapter exclude each other"),
        (("--domain", "koran"), "Missing option '--system'"),
        (("--system", "ink"), "Missing option '--domain'"),
        ((), "Missing option '--system'; give --system and --domain, or --adapter"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_system_or_a_file_is_named_and_not_both(arguments: tuple[str, ...], message: str) -> None:
    refused = CliRunner().invoke(ink_command, ["translate", "--config", "config.yaml", *arguments])
    assert refused.exit_code == 2
    assert message in refused.output
