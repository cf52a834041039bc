"""The process that follows a workflow's jobs: what it uploads, and its end, however the workflow ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ink.runtime.processes import process_name
from ink.tracking import following
from ink.tracking.following import Follower
from ink.tracking.job import JobCall, track
from ink.tracking.syncing import sync

from .conftest import Experiment, Store, entry
from .test_servers import closed_port, server

# a job of a workflow, which uploads nothing by itself and tells of one epoch a line that it is given
JOB = """
import os, sys
from pathlib import Path
from ink.tracking.job import JobCall, track

log = Path("job.log")
log.write_text("begun\\n")
call = JobCall("train-adapter", ["ink", "train-adapter"], log)
with track(Path("config.yaml"), call, "adapter", "koran", 1, at_end=None) as job:
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "fail\\n":
            raise ValueError("no such word")
        if line == "end\\n":
            break
        job.epoch({"round": int(line), "updates": 1, "loss": 3.0, "seconds": 1.0})
        print("ready", flush=True)
assert "mlflow" not in sys.modules
"""


class Job:
    """A job in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", JOB],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._hear()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def say(self, word: str | int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        if isinstance(word, int):
            self._hear()
        else:
            self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def job(experiment: Experiment) -> Iterator[Job]:
    started = Job()
    yield started
    started.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def curve_in(store: Store) -> list[tuple[int, float]]:
    if not store.path.exists() or not store.rows("select name from sqlite_master where name = 'metrics'"):
        return []
    # asked once: the follower writes between two questions
    runs = store.rows("select run_uuid from runs")
    return store.curve(runs[0][0], "train/loss") if runs else []


def artifacts(store: Store) -> dict[str, str]:
    folder = store.files()
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_curves_are_there_while_the_job_runs_and_all_is_there_in_the_end(
    experiment: Experiment, store: Store, job: Job
) -> None:
    follower = experiment.follower()
    job.say(1)
    wait_until(lambda: curve_in(store) == [(1, 3.0)])
    job.say(2)
    wait_until(lambda: curve_in(store) == [(1, 3.0), (2, 3.0)])
    assert store.statuses() == ["RUNNING"]
    job.say(3)
    job.say("end")
    assert job.process.returncode == 0
    assert experiment.finish(follower) == ""
    assert curve_in(store) == [(1, 3.0), (2, 3.0), (3, 3.0)]
    assert artifacts(store)["logs/train-adapter.log"] == "begun\n"
    assert store.statuses() == ["RUNNING"]  # its evaluation is another call's
    experiment.evaluate()
    before = store.everything()
    assert sync(experiment.config)[0] == 1
    assert store.everything() == before


def test_a_job_that_fails_is_a_failed_run_with_its_log(experiment: Experiment, store: Store, job: Job) -> None:
    follower = experiment.follower()
    job.say("fail")
    with Path("job.log").open("a") as log:
        log.write("ValueError: no such word\n")
    assert experiment.finish(follower) == ""
    assert store.statuses() == ["FAILED"]
    assert store.tags(store.only_run())["ink.error"] == "train-adapter: ValueError: no such word"
    assert artifacts(store)["logs/train-adapter.log"] == "begun\nValueError: no such word\n"


def test_a_log_is_sent_when_its_job_s_process_has_ended(experiment: Experiment, store: Store) -> None:
    """The journal says that the job has ended before the log's last lines are written."""
    follower = Follower(experiment.config, Path("config.yaml"))
    log = Path("job.log")
    log.write_text("begun\n")
    argv = ["ink", "train-adapter"]
    with track(Path("config.yaml"), JobCall("train-adapter", argv, log), "adapter", "koran", 1, at_end=None) as job:
        job.epoch(entry(1, 3.0))
    follower.look()
    assert curve_in(store) == [(1, 3.0)]
    assert "logs/train-adapter.log" not in artifacts(store)
    log.write_text("begun\nended\n")
    follower.look(last=True)
    assert artifacts(store)["logs/train-adapter.log"] == "begun\nended\n"


@pytest.mark.failure(
    "Tracking",
    "a job killed with SIGKILL",
    "its run is KILLED when the workflow ends, and goes on when the job does",
)
def test_a_killed_job_is_closed_when_the_workflow_ends(experiment: Experiment, store: Store, job: Job) -> None:
    follower = experiment.follower()
    job.say(1)
    job.kill()
    assert experiment.finish(follower) == ""
    assert store.statuses() == ["KILLED"]
    assert curve_in(store) == [(1, 3.0)]


@pytest.mark.failure(
    "Tracking",
    "a workflow killed with SIGKILL",
    "what its jobs have said is uploaded, and their runs are KILLED",
)
def test_a_workflow_that_was_killed_ends_it_after_a_last_upload(experiment: Experiment, store: Store, job: Job) -> None:
    """Its job, which ends a little later, is closed."""
    workflow = subprocess.Popen(["sleep", "600"])
    name = process_name(workflow.pid)
    assert name is not None
    follower = experiment.follower(name)
    job.say(1)
    wait_until(lambda: curve_in(store) == [(1, 3.0)])
    job.say(2)
    workflow.kill()
    workflow.wait()
    time.sleep(0.5)
    job.kill()
    assert follower.wait(60) == 0
    assert store.statuses() == ["KILLED"]
    assert curve_in(store) == [(1, 3.0), (2, 3.0)]


def test_a_workflow_that_is_gone_already_is_uploaded_and_closed(experiment: Experiment, store: Store, job: Job) -> None:
    workflow = subprocess.Popen(["sleep", "600"])
    name = process_name(workflow.pid)
    workflow.kill()
    workflow.wait()
    job.say(1)
    job.kill()
    follower = experiment.follower(name)
    assert follower.wait(60) == 0
    assert store.statuses() == ["KILLED"]


@pytest.mark.failure(
    "Tracking",
    "what uploads, killed with SIGKILL",
    "the next call of the workflow uploads what it missed",
)
def test_what_a_killed_one_missed_the_next_one_uploads_and_nothing_else(
    experiment: Experiment, store: Store, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment.train([9.0], seed=2)
    follower = experiment.follower()
    job.say(1)
    uploaded = experiment.results / "runs" / "uploaded.json"
    names = ("adapter/koran/seed1", "adapter/koran/seed2")
    wait_until(lambda: uploaded.exists() and all(name in uploaded.read_text() for name in names))
    os.kill(follower.pid, signal.SIGKILL)
    follower.wait(60)
    job.say(2)
    job.say("end")
    next_one = Follower(experiment.config, Path("config.yaml"))
    sent: list[str] = []
    upload = next_one.uploader.upload
    monkeypatch.setattr(next_one.uploader, "upload", lambda *given: (sent.append(str(given[0].name)), upload(*given)))
    next_one.look()
    assert sent == ["adapter/koran/seed1"]
    assert store.curve(store.run_named("adapter/koran/seed1"), "train/loss") == [(1, 3.0), (2, 3.0)]
    next_one.look()
    assert sent == ["adapter/koran/seed1"]


def test_a_store_that_was_emptied_is_filled_again(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0])
    for _ in range(2):
        assert experiment.finish(experiment.follower()) == ""
        assert curve_in(store) == [(1, 3.0)]
        store.path.unlink()


@pytest.mark.failure(
    "Tracking",
    "a tracking server that is down",
    "a line on the terminal, once a workflow (of a job typed by hand in its log), `... cannot be reached (...); "
    "results are on disk, ink sync CONFIG uploads them later`; the job goes on",
)
def test_without_its_server_it_costs_one_line_and_the_next_one_uploads(
    experiment: Experiment, store: Store, job: Job
) -> None:
    uri = f"http://127.0.0.1:{closed_port()}"
    follower = experiment.follower(MLFLOW_TRACKING_URI=uri)
    job.say(1)
    job.say("end")
    assert experiment.finish(follower) == (
        f"tracking: MLflow at {uri} cannot be reached (Connection refused); results are on disk, "
        "`ink sync config.yaml` uploads them later\n"
    )
    assert not store.path.exists()
    experiment.look()
    assert curve_in(store) == [(1, 3.0)]


@pytest.mark.failure(
    "Tracking",
    "a tracking server that never answers",
    "a line, `... cannot be reached (...); results are on disk, ink sync CONFIG uploads them later`; jobs do "
    "not wait, the workflow's end a few seconds",
)
def test_a_server_that_never_answers_delays_the_end_by_seconds(experiment: Experiment, job: Job) -> None:
    with server(None) as (uri, taken):
        follower = experiment.follower(MLFLOW_TRACKING_URI=uri)
        wait_until(lambda: len(taken) > 0)
        job.say("end")
        start = time.monotonic()
        (line,) = experiment.finish(follower).splitlines()
        assert time.monotonic() - start < 15
        assert len(taken) == 2  # when it began, and in the end
    assert "cannot be reached (timed out)" in line


def test_a_server_that_comes_back_is_asked_again(
    experiment: Experiment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    experiment.train([3.0])
    monkeypatch.setattr(following, "SECONDS_AFTER_REFUSAL", 0.3)
    follower = Follower(experiment.config, Path("config.yaml"), messages.append)
    database = store.path.read_bytes()
    store.path.write_text("this is no database, and long enough to be taken for a damaged one")
    for _ in range(3):
        follower.look()
    store.path.write_bytes(database)
    with experiment.job("train-adapter") as job:
        job.epoch(entry(2, 2.0))
        follower.look()
        assert curve_in(store) == [(1, 3.0)]  # not yet asked again
        time.sleep(0.4)
        follower.look()
        assert curve_in(store) == [(1, 3.0), (2, 2.0)]
    assert len(messages) == 1


def test_it_makes_database_experiment_and_its_run_before_any_job(experiment: Experiment, store: Store) -> None:
    assert experiment.finish(experiment.follower()) == ""
    assert ("micro",) in store.rows("select name from experiments")
    assert store.rows("select name, status from main.runs") == [("micro", "RUNNING")]


def test_a_search_s_points_stand_below_the_ink_that_began_after_them(experiment: Experiment, store: Store) -> None:
    follower = Follower(experiment.config, Path("config.yaml"))
    experiment.change("ink.search", True)
    experiment.change("ink.search_over", [0.1, 0.3])
    point = "ink_alpha0.1_beta0.3"
    argv = ["ink"]
    with track(Path("config.yaml"), JobCall("finish-ink", argv), point, "koran", 1, at_end=None):
        follower.look()
    assert store.below(store.experiment_run()) == {f"{point}/koran/seed1"}
    with track(Path("config.yaml"), JobCall("choose-ink", argv), "ink", "koran", 1, at_end=None):
        follower.look()
    assert store.below(store.experiment_run()) == {"ink/koran/seed1"}
    assert store.below(store.run_named("ink/koran/seed1")) == {f"{point}/koran/seed1"}


def test_a_workflow_starts_tracking_without_mlflow(experiment: Experiment, store: Store) -> None:
    started = experiment.ink("start-tracking", "config.yaml", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{closed_port()}")
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    assert not store.path.exists()
