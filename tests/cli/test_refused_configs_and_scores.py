"""Configurations and scores that are damaged, and a GPU that is not there: refused in one line, nothing overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

Damage = Callable[[Any], object]
Refused = Callable[[Damage, str, tuple[str, ...], str], None]
A_KNN = ("--system", "a_knn", "--datastore", "datastore", "--combiner", "a_knn/combiner.json")
V_KNN = ("--system", "v_knn", "--datastore", "datastore", "--combiner", "combiner.json")
ADAPTER = ("--system", "adapter", "--adapter", "adapter/adapter.safetensors")


def cut_config_between_lines(experiment: Any) -> None:
    """What is left is valid YAML."""
    path = experiment.path("config.yaml")
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("v_knn:")], encoding="utf-8")


# what is handed in: the outcome in docs/failures.md, the damage, the command, and what it says
CONFIGS: dict[str, tuple[str, Damage, str, tuple[str, ...], str]] = {
    "a config cut between two lines, which is valid YAML": (
        "`config.yaml: configuration: v_knn: missing; allowed: a mapping [config/wrong-setting]`",
        cut_config_between_lines,
        "adapt",
        (),
        "config.yaml: configuration: v_knn: missing; allowed: a mapping",
    ),
    "a GPU that is not there": (
        "`device is cuda:99, but torch finds 0 GPUs here; set device to cpu, or install ... [device/no-gpu]`",
        lambda e: e.path("config.yaml").write_text(
            e.path("config.yaml").read_text(encoding="utf-8").replace("device: cpu", "device: cuda:99")
        ),
        "build",
        (),
        "device is cuda:99, but torch finds ",
    ),
}
SCORES: dict[str, tuple[str, Damage, str, tuple[str, ...], str]] = {
    "a score cut short": (
        "`.../seed1.json is not whole JSON (...); delete it and run the workflow again [file/damaged]`",
        lambda e: e.cut("results/scores/off_the_shelf/koran/seed1.json"),
        "tables",
        ("table2",),
        "seed1.json is not whole JSON",
    ),
    "a score without a field": (
        "`.../seed1.json: sentences is missing; delete the file and run the workflow again [file/damaged]`",
        lambda e: e.lose("results/scores/off_the_shelf/koran/seed1.json", "sentences"),
        "tables",
        ("table2",),
        "seed1.json: sentences is missing; delete the file and run the workflow again",
    ),
    "no score": (
        "`no score under results/scores; run the workflow that writes scores first [results/none]`",
        lambda e: shutil.rmtree(e.path("results/scores")),
        "tables",
        ("table2",),
        "no score under results/scores",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(given, marks=pytest.mark.failure("Config", given, outcome))
        for given, (outcome, *_) in CONFIGS.items()
    ],
)
def test_a_config_is_refused_in_one_line_and_nothing_is_overwritten(case: str, refused: Refused) -> None:
    refused(*CONFIGS[case][1:])


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(given, marks=pytest.mark.failure("Results and reports", given, outcome))
        for given, (outcome, *_) in SCORES.items()
    ],
)
def test_a_score_is_refused_in_one_line_and_nothing_is_overwritten(case: str, refused: Refused) -> None:
    refused(*SCORES[case][1:])


@pytest.mark.failure(
    "Config",
    "a config cut within a line",
    "`config.yaml, line 46: not valid YAML: ... [config/not-yaml]`",
)
def test_a_config_cut_within_a_line_is_refused(experiment: Any, commands: Any, spelled: Any) -> None:
    whole = experiment.path("config.yaml").read_text(encoding="utf-8")
    experiment.path("config.yaml").write_text(whole[: whole.index("paper")] + "'pap", encoding="utf-8")
    refused = commands(*spelled("adapt", "--output", "out"), folder=experiment.folder)
    assert "config.yaml, line " in refused.refusal
    assert "not valid YAML" in refused.refusal


def test_the_undamaged_experiment_is_not_refused(experiment: Any, commands: Any, spelled: Any) -> None:
    """What the fixture has not run already works before anything is damaged: it is the damage that is refused."""
    for name, more in (
        ("go on", ("--output", "out")),
        ("score", (*V_KNN, "--scores", "out.json")),
        ("score", (*A_KNN, "--scores", "out.json")),
        ("learn", ("--system", "r_knn", "--output", "out.combiner")),
        ("score", (*ADAPTER, "--scores", "out.json")),
        ("prepare", ("--output", "out.data")),
        ("tables", ("table2",)),
    ):
        ended = commands(*spelled(name, *more), folder=experiment.folder)
        assert ended.code == 0, ended.err
