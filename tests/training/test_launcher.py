"""Processes that train together start together, and end together however one of them ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ink.nmt import distributed
from ink.runtime.errors import InkError
from ink.runtime.processes import process_name
from ink.training.launcher import train_together

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def work(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HERE))
    import process_work

    return process_work


def pids(folder: Path) -> list[int]:
    """Wait until both processes have begun, and return their numbers."""
    deadline = time.monotonic() + 120
    while len(found := sorted(folder.glob("*.pid"))) < 2:
        assert time.monotonic() < deadline, "they have not begun"
        time.sleep(0.05)
    return [int(path.read_text()) for path in found]


def gone(numbers: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while any(process_name(number) is not None for number in numbers):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_they_know_one_another_and_the_first_reports(
    work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They meet in the folder for temporary files, which may be called anything."""
    temporary = tmp_path / "Jörgs Zeug, 100%20 #1?"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    reported: list[Any] = []
    train_together(partial(work.say_who_is_who, tmp_path), 2, "cpu", reported.append)
    one, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert len({one.pop("pid"), other.pop("pid"), os.getpid()}) == 3
    assert one.pop("addresses") == other.pop("addresses") == ["127.0.0.1"], "they are heard on this machine alone"
    assert one == {"first": 0, "all": [0, 1], "is_first": True}
    assert other == {"first": 0, "all": [0, 1], "is_first": False}
    assert reported == [{"round": number, "by": 0} for number in (1, 2, 3)]


@pytest.mark.parametrize("name", ["my files", "müller", "a%20b", "o'n $x {y}"])
def test_they_meet_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with distributed.joined(0, 1, "cpu", tmp_path / name / "meeting"):
        assert distributed.count() == 1 and distributed.from_all(3) == [3]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_one_that_trains_alone_is_this_one(work: Any, tmp_path: Path) -> None:
    reported: list[Any] = []
    train_together(partial(work.say_who_is_who, tmp_path), 1, "cpu", reported.append)
    found = json.loads((tmp_path / "0.json").read_text())
    assert found == {"first": 0, "all": [0], "is_first": True, "pid": os.getpid(), "addresses": []}
    assert len(reported) == 3
    assert distributed.count() == 1


@pytest.mark.failure(
    "Training",
    "one of several processes that train together fails",
    "all of them end, and the job with its error",
)
@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("InkError", InkError, r"^the second one cannot go on$"),
        ("ValueError", RuntimeError, r"^process 2 of 2 .* failed: ValueError: the second one is wrong\nTraceback"),
        ("SIGKILL", InkError, r"^process 2 of 2 that train together was ended by signal 9 \(SIGKILL\); was memory"),
    ],
)
def test_the_error_of_the_one_that_fails_is_everybody_s(
    work: Any, how: str, error: type[Exception], message: str
) -> None:
    """The other one waits for an answer that will not come, and fails only after it."""
    with pytest.raises(error, match=message):
        train_together(partial(work.fail_in_the_second, how), 2, "cpu")


def test_an_interruption_here_ends_them_all(work: Any, tmp_path: Path) -> None:
    found: list[int] = []

    def interrupt(_entry: Any) -> None:
        found.extend(pids(tmp_path))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_together(partial(work.wait_for_ever, tmp_path), 2, "cpu", interrupt)
    assert gone(found)


@pytest.mark.failure(
    "Training",
    "a job of several processes is interrupted, or killed alone",
    "none of them outlives it",
)
def test_none_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "from functools import partial; from pathlib import Path; import sys\n"
        "if __name__ == '__main__':\n"
        "    from ink.training.launcher import train_together; import process_work\n"
        "    train_together(partial(process_work.wait_for_ever, Path(sys.argv[1])), 2, 'cpu')\n"
    )
    (tmp_path / "parent.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]), "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py"), str(tmp_path)], env=environment)
    found = pids(tmp_path)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(found)


@pytest.mark.failure(
    "Training",
    "more processes than GPUs",
    "`4 processes are to train together, one GPU each, but torch finds 2 GPUs here; lower processes and raise "
    "... [device/no-gpu]`; `ink doctor` says so before",
)
def test_more_processes_than_gpus_are_refused(work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InkError, match="4 processes are to train together, one GPU each, but torch finds 2 GPUs here"):
        train_together(partial(work.say_who_is_who, tmp_path), 4, "cuda")
    assert not list(tmp_path.iterdir())
