"""Real processes: many at once, and killed ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ink.tracking.syncing import close_dead_runs, sync

from .conftest import Experiment, Store

JOB = """
import sys
from pathlib import Path
from ink.tracking.job import JobCall, track

seed, points, then = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
argv = ["ink", "train-adapter"]
at_end = []
with track(Path("config.yaml"), JobCall("train-adapter", argv), "adapter", "koran", seed, at_end) as job:
    for epoch in range(1, points + 1):
        losses = {name: 1000.0 * seed + epoch for name in ("loss", "nll_loss", "loss_a", "loss_i")}
        job.epoch({"round": epoch, "updates": epoch, **losses, "seconds": 1.0})
    if then == "wait":
        print("ready", flush=True)
        sys.stdin.read()
for act in at_end:
    act()
"""


def start(seed: int, points: int, then: str = "end") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", JOB, str(seed), str(points), then]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )


@pytest.mark.failure(
    "Tracking",
    "many jobs that create one tracking database at once",
    "nothing is lost",
)
@pytest.mark.slow
def test_sixteen_processes_at_once_lose_nothing_in_a_fresh_database(experiment: Experiment, store: Store) -> None:
    processes = [start(seed, 6) for seed in range(1, 17)]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * 16
    assert outputs == [("", "")] * 16
    assert store.rows("select count(*) from experiments where name = 'micro'") == [(1,)]
    assert store.count("runs") == 16
    for (run_id,) in store.rows("select run_uuid from runs"):
        seed = int(store.tags(run_id)["seed"])
        for name in ("train/loss", "train/nll_loss", "train/loss_a", "train/loss_i"):
            assert store.curve(run_id, name) == [(epoch, 1000.0 * seed + epoch) for epoch in range(1, 7)]
        assert store.curve(run_id, "time/training_seconds") == [(epoch, 1.0) for epoch in range(1, 7)]
        expected = experiment.run(seed=seed)["parameters"]
        found = store.parameters(run_id)
        assert set(found) == set(expected)
        assert found["seed"] == str(seed)
    assert len(close_dead_runs(experiment.config)) == 16  # nobody goes on with them
    assert sync(experiment.config)[0] == 16
    assert store.statuses() == ["KILLED"] * 16
    above = store.experiment_run()
    assert store.below(above) == {f"adapter/koran/seed{seed}" for seed in range(1, 17)}
    assert store.status(above) == "KILLED"


def test_a_killed_job_is_closed_at_the_next_start_and_reopened_by_the_next_job(
    experiment: Experiment, store: Store
) -> None:
    process = start(1, 2, "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert experiment.ink("start-tracking", "config.yaml").returncode == 0
    experiment.look()
    assert store.statuses() == ["RUNNING"]
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    experiment.look()
    assert store.statuses() == ["RUNNING"]
    started = experiment.ink("start-tracking", "config.yaml")
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    experiment.look()
    assert store.statuses() == ["KILLED"]
    record = experiment.journal().jobs()["train-adapter"]
    assert (record["status"], record["error"]) == ("KILLED", "killed")
    run_id = store.only_run()
    with experiment.job("train-adapter") as job:
        experiment.look()
        assert store.statuses() == ["RUNNING"]
        for epoch in (1, 2):
            job.epoch({"round": epoch, "updates": epoch, "loss": 1000.0 + epoch, "seconds": 1.0})
    experiment.evaluate()
    assert store.only_run() == run_id
    assert store.statuses() == ["FINISHED"]
    assert store.curve(run_id, "train/loss") == [(1, 1001.0), (2, 1002.0)]


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_command_that_is_told_to_end_leaves_a_killed_run(
    experiment: Experiment, store: Store, name: str, code: int
) -> None:
    """A real `ink` command, told to end while it waits for a file that is a pipe."""
    os.mkfifo("adapter.safetensors")
    options = ["--config", "config.yaml", "--system", "adapter", "--domain", "koran", "--seed", "1"]
    for option in ("data", "corpus", "vocabulary", "base-model"):
        options += [f"--{option}", str(experiment.path / "adapter.safetensors")]
    script = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["ink", "--log", "job.log", "evaluate", *{options!r}, "--hypotheses", "h", "--scores", "s"]
import ink.cli.threads
ink.cli.threads.use_machine = lambda: None
import ink.systems.inference, ink.metrics.system_evaluation
def wait(*arguments):
    print("working", flush=True)
    open("adapter.safetensors").read()
ink.metrics.system_evaluation.evaluate_system = wait
import ink.cli
ink.cli.main()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    log = experiment.path / "job.log"
    for _ in range(1200):
        if log.exists() and "working" in log.read_text():
            break
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    assert process.returncode == code
    assert store.statuses() == ["KILLED"]
    record = experiment.journal().jobs()["evaluate"]
    assert record["status"] == "KILLED"
    assert record["error"] == {"SIGTERM": "terminated", "SIGINT": "interrupted"}[name]
