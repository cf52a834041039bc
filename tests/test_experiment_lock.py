"""One workflow an experiment at a time, in real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ink.errors import InkError
from ink.experiment_lock import hold, holder

HOLD = "import sys; from ink.experiment_lock import hold; hold(sys.argv[1]); print('held', flush=True); input()"


def start(folder: Path, experiment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, experiment],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_holder_is_refused_by_name_until_the_first_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ink.experiment_lock._HELD", {})
    assert holder("mini") is None
    first = start(tmp_path, "mini")
    found = holder("mini")
    assert found is not None
    assert found["pid"] == first.pid
    with pytest.raises(InkError, match=rf"experiment mini is being run in this folder already: process {first.pid}, "):
        hold("mini")
    other = start(tmp_path, "another")  # is nobody's business
    first.kill()
    first.wait()
    assert holder("mini") is None
    hold("mini")
    hold("mini")  # one's own is no obstacle
    other.kill()
    other.wait()
