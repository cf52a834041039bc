"""What a store is remembered to have: read back as written, and nothing of a file that another version wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.runtime.whole_files import write_json
from ink.systems.layout import Run
from ink.tracking.uploaded import State, Uploaded

NAME = Run("ink", "koran", 1)
STATE = State(key="a", digest="b", summed="c", files={"evaluate": "d"})


def test_stores_are_kept_apart_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "uploaded.json"
    Uploaded(path, "1").remember(NAME, STATE)
    Uploaded(path, "2").remember(NAME, State(key="other"))
    assert Uploaded(path, "1").of(NAME) == STATE
    assert Uploaded(path, "2").of(NAME) == State(key="other")
    assert Uploaded(path, "3").of(NAME) == State()


@pytest.mark.parametrize(("state", "known"), [({"key": "a", "said": "b"}, State(key="a")), ({}, State())])
def test_what_another_version_wrote_is_uploaded_again(tmp_path: Path, state: dict[str, Any], known: State) -> None:
    write_json(tmp_path / "uploaded.json", {"1": {str(NAME): state}})
    assert Uploaded(tmp_path / "uploaded.json", "1").of(NAME) == known
