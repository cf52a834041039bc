from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ink.runtime.whole_files import read_json
from ink.tracking import provenance
from ink.tracking.provenance import record_environment

CALL = ["/somewhere/bin/snakemake", "--cores", "2"]


@pytest.fixture
def commit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the commit that the code is said to have."""

    def set_commit(name: str | None) -> None:
        monkeypatch.setattr(provenance, "git_commit", lambda: name)

    set_commit("c0ffee")
    return set_commit


def test_a_call_is_recorded_with_code_packages_and_machine(tmp_path: Path, commit: Any) -> None:
    record_environment(tmp_path, CALL, ["config/config.yaml"])
    (entry,) = read_json(tmp_path / "environment.json")
    assert entry["command"] == ["snakemake", "--cores", "2"]
    assert entry["config_files"] == ["config/config.yaml"]
    assert entry["git_commit"] == "c0ffee"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["started"])
    assert {"ink", "torch", "sacrebleu", "numpy"} <= entry["packages"].keys()
    assert entry["cores"] >= 1


def test_the_same_call_again_changes_nothing_and_another_is_added(tmp_path: Path, commit: Any) -> None:
    record_environment(tmp_path, CALL, [])
    before = (tmp_path / "environment.json").read_bytes()
    record_environment(tmp_path, CALL, [])
    assert (tmp_path / "environment.json").read_bytes() == before
    commit("decaf-dirty")
    record_environment(tmp_path, CALL, [])
    commit("c0ffee")
    record_environment(tmp_path, CALL, [])
    assert [entry["git_commit"] for entry in read_json(tmp_path / "environment.json")] == ["c0ffee", "decaf-dirty"]


@pytest.mark.parametrize("damaged", ['[{"command"', '{"command": []}', "[1]"])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, commit: Any, damaged: str) -> None:
    (tmp_path / "environment.json").write_text(damaged, encoding="utf-8")
    record_environment(tmp_path, CALL, [])
    assert len(read_json(tmp_path / "environment.json")) == 1
