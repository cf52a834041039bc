"""The command that a trained file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ink.cli.jobs import typed


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ("results/mini/config.yaml", "results/mini/config.yaml"),
        ("./results/other/../mini/config.yaml", "results/mini/config.yaml"),
        ("{folder}/results/mini/config.yaml", "results/mini/config.yaml"),
        ("{folder}-elsewhere/mini.yaml", "mini.yaml"),
        ("../mini.yaml", "mini.yaml"),
    ],
)
def test_the_same_config_has_one_name_without_the_machine_s_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(config.format(folder=tmp_path))
    assert typed("train-adapter", path, "koran", 1) == f"ink train-adapter --config {shown} --domain koran --seed 1"


def test_a_round_is_named_and_what_a_shell_would_split_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = "ink train-ink-round --config 'my own.yaml' --domain koran --seed 2 --round 3"
    assert typed("train-ink-round", Path("my own.yaml"), "koran", 2, range(3, 4)) == expected
    assert typed("train-ink-round", Path("my own.yaml"), "koran", 2, range(3, 9)) == f"{expected} --last 8"
