"""Where what is handed in is tried."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which everything runs, with older output where there will be new; a refusal leaves it as it is."""
    folder = tmp_path / "project"
    for name in ("older", "corpus/older", "data/older", "vocabulary/older"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("older", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder
