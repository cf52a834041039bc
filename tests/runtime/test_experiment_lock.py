"""One workflow an experiment at a time, in real processes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ink.runtime.errors import InkError
from ink.runtime.experiment_lock import hold, holder, taken_over
from ink.runtime.processes import process_name

HOLD = "import sys; from ink.runtime.experiment_lock import hold; hold(sys.argv[1]); print('held', flush=True); input()"


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
    monkeypatch.setattr("ink.runtime.experiment_lock._HELD", {})
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


def test_a_workflow_is_taken_over_by_whoever_holds_the_lock_now(tmp_path: Path) -> None:
    first = start(tmp_path, "mini")
    lock = tmp_path / "results" / "mini" / ".running"
    name = process_name(first.pid)
    assert name is not None
    assert not taken_over(lock, name)
    first.kill()
    first.wait()
    assert not taken_over(lock, name)  # gone, and nobody has come
    second = start(tmp_path, "mini")
    assert taken_over(lock, name)
    second.kill()
    second.wait()
    assert not taken_over(tmp_path / "absent", name)


@pytest.mark.failure(
    "Two at once and killed",
    "a file system without locks",
    "`results/micro/.running: this file system has no locks (Function not implemented), ...; have it mounted "
    "with them (Lustre: -o flock), or ... [file/no-locks]`",
)
@pytest.mark.parametrize(("number", "message"), [(errno.ENOSYS, "has no locks"), (errno.EIO, None)])
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str | None
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ink.runtime.experiment_lock._HELD", {})
    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError if message is None else InkError, match=message):
        hold("mini")
