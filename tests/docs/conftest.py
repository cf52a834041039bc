"""Copies of the repository, in which tests write what a page of docs/ says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Iterable[str]], Path]:
    """Copy these files and folders of the repository, caches of bytecode apart: `copy_of(names)` is where they are."""

    def copied(names: Iterable[str]) -> Path:
        for name in names:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, tmp_path / name)
        return tmp_path

    return copied
