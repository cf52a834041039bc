"""One output has one writer; a lock ends with its process and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ink.runtime.errors import InkError
from ink.runtime.locks import exclusive
from ink.runtime.whole_files import write_atomically

HOLD = """
import sys, time
from pathlib import Path
from ink.runtime.whole_files import write_atomically
with write_atomically(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("holding", flush=True)
    time.sleep(float(sys.argv[2]))
    temporary.write_text("theirs")
"""


def hold(path: Path, seconds: float) -> Any:
    """Start a process that is writing `path` when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


@pytest.mark.failure(
    "Two at once and killed",
    "two processes that write one output",
    "the second waits 30 seconds, then: `... is being written by process 4711 on HOST (ink build-datastore "
    "...); wait until it has ended or end it, ... [job/already-running]`",
)
def test_a_second_writer_is_refused_and_the_first_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ink.runtime.locks.PATIENCE_SECONDS", 0.2)
    path = tmp_path / "store"
    path.write_text("before")
    first = hold(path, 60)
    try:
        named = rf"store is being written by process {first.pid} on .* \(-c .*store 60.*\)"
        with pytest.raises(InkError, match=named), write_atomically(path):
            pytest.fail("two writers at once")
        assert path.read_text() == "before"
        with write_atomically(tmp_path / "other") as temporary:  # beside it others may write
            temporary.touch()
    finally:
        first.kill()
        first.wait()


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    path = tmp_path / "store"
    first = hold(path, 0.5)
    with write_atomically(path) as temporary:
        assert path.read_text() == "theirs"
        temporary.write_text("ours")
    assert first.wait() == 0
    assert path.read_text() == "ours"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.failure(
    "Two at once and killed",
    "a process killed while it writes",
    "its lock ends with it; the next one removes what it left",
)
def test_a_killed_writer_holds_nothing_and_what_it_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    first = hold(path, 60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".store.lock", ".store.partial"]
    with write_atomically(path) as temporary:
        assert not temporary.exists()
        temporary.write_text("whole")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "whole"


def test_a_folder_may_be_filled_with_files_that_are_whole_or_absent_themselves(tmp_path: Path) -> None:
    with write_atomically(tmp_path / "store") as folder:
        folder.mkdir()
        for name in ("keys", "values"):
            with write_atomically(folder / name) as temporary:
                temporary.touch()
    assert sorted(entry.name for entry in (tmp_path / "store").iterdir()) == ["keys", "values"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


def test_no_two_of_many_are_ever_inside_together(tmp_path: Path) -> None:
    """Threads open the file each for itself, as processes do; every exit removes it under the others' feet."""
    inside, most, entered = [0], [0], [0]

    def enter() -> None:
        for _ in range(25):
            with exclusive(tmp_path / "store"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                entered[0] += 1
                time.sleep(0.0002)
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], entered[0]) == (1, 150)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_nobody_holds_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".store.lock").write_text('{"pid": 1, "host": "elsewhere", "command": "something much longer"}')
    with exclusive(tmp_path / "store", patience=0):
        assert f'"pid": {os.getpid()}' in (tmp_path / ".store.lock").read_text()
        assert "elsewhere" not in (tmp_path / ".store.lock").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files_is_named() -> None:
    with (
        pytest.raises(InkError, match="/proc/pairs cannot be written: its folder takes no new files"),
        exclusive(Path("/proc/pairs")),
    ):
        pass
