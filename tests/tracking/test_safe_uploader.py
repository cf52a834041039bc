"""The line that a job says where MLflow cannot be filled, and the command in it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from ink.tracking.safe_uploader import SafeUploader, sync_command
from ink.tracking.store import UploadError


@pytest.mark.parametrize("path", ["my configs/1.yaml", "Jörg's.yaml", "$HOME/x.yaml", "a&b;c.yaml", 'a"b.yaml'])
def test_the_command_can_be_pasted(path: str) -> None:
    messages: list[str] = []
    uploader: Any = None
    quiet = SafeUploader(uploader, sync_command(Path(path)), messages.append)

    def refuse() -> None:
        raise UploadError("nobody is there")

    quiet.try_to(refuse)
    command = messages[0].partition("`")[2].rpartition("`")[0]
    assert shlex.split(command) == ["ink", "sync", path]


def test_a_plain_name_is_left_as_it_is() -> None:
    assert sync_command(Path("results/mini/config.yaml")) == "ink sync results/mini/config.yaml"
