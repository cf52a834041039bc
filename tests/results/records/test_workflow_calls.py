from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ink.results.records.workflow_calls import calls
from ink.runtime.errors import InkError

CALL: dict[str, Any] = {
    "started": "2026-01-02T03:04:05+00:00",
    "command": ["snakemake", "--config", "seeds=[1, 2]"],
    "config_files": ["config/config.yaml"],
    "git_commit": "c0ffee",
    "platform": "Linux",
    "processor": "a processor",
    "cores": 1,
    "python": "3.11.2",
    "packages": {"torch": "2.13.0"},
}


def write(results: Path, entries: Any) -> None:
    (results / "environment.json").write_text(json.dumps(entries), encoding="utf-8")


def test_calls_in_their_order(tmp_path: Path) -> None:
    write(tmp_path, [CALL, CALL | {"git_commit": "decaf-dirty"}, CALL | {"git_commit": None}])
    one, two, three = calls(tmp_path)
    assert one.command == "snakemake --config 'seeds=[1, 2]'"
    assert one.machine == "Linux; a processor, 1 core"
    assert [call.is_committed for call in (one, two, three)] == [True, False, False]
    assert [call.code for call in (one, two, three)] == [
        "c0ffee",
        "decaf, with uncommitted changes",
        "outside a git repository",
    ]


def test_nothing_written_down(tmp_path: Path) -> None:
    assert calls(tmp_path) == []


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "holds no list of calls"),
        ([CALL, {**CALL, "cores": "two"}], r"\[1\]\.cores should be an integer"),
        ([{**CALL, "command": "snakemake"}], r"\[0\]\.command should be a list"),
        ([{name: CALL[name] for name in CALL if name != "python"}], r"\[0\]\.python is missing"),
    ],
)
def test_what_is_not_as_the_workflow_writes_it(tmp_path: Path, entries: Any, message: str) -> None:
    write(tmp_path, entries)
    with pytest.raises(InkError, match=message):
        calls(tmp_path)
