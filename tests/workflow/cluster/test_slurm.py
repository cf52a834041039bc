"""The micro experiment, cut down, through profiles/slurm on a real Slurm of one node, beside the same on this machine.

It goes through every rule that the profile names but those of other text (ingest_corpus, restore_corpus, adopt_corpus,
adopt_vocabulary), which stand in the place of rules that it has, those of shards, and score, which needs a model.
"""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from ink.config import load
from ink.runtime.whole_files import read_json

REPOSITORY = Path(__file__).resolve().parents[3]
RESOURCES = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))["set-resources"]
OTHER_TEXT = {"ingest_corpus", "restore_corpus", "adopt_corpus", "adopt_vocabulary"}
SHARDS = {"build_datastore_shard", "join_datastore", "build_adapted_datastore_shard", "join_adapted_datastore"}
LEFT_OUT = OTHER_TEXT | SHARDS | {"score"}
ON_THE_CLUSTER = ("--workflow-profile", "profiles/slurm", "--jobs", "4", "--set-threads", "measure_speed=2")
SECONDS = 120.0
START = Path(__file__).with_name("start_slurm.py")
_spec = importlib.util.spec_from_file_location("start_slurm", START)
assert _spec is not None and _spec.loader is not None
start_slurm = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(start_slurm)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Slurm that ends with these tests, however they end."""
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the Slurm plugin is not installed (make slurm)")
    hindrance = start_slurm.hindrance()
    if hindrance is not None:
        pytest.skip(hindrance)
    command = [sys.executable, str(START), str(tmp_path_factory.mktemp("slurm"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
        process.stdin.close()
        assert process.wait(120) == 0
    assert start_slurm.hindrance() is None, "nothing of it is left"


def experiment() -> dict[str, Any]:
    """Micro on one domain with fewer rounds."""
    config: dict[str, Any] = copy.deepcopy(load(REPOSITORY / "tests/workflow/micro.yaml"))
    config["domains"] = ["koran"]
    config["systems"] = ["off_the_shelf", "knn_kd", "v_knn", "r_knn", "adapter", "ink", "ink_r_knn"]
    config["ink"]["max_rounds"] = config["adapter"]["max_epochs"] = 2
    return config


def interrupt(folder: Path, rule: str, ended: list[str], stop: threading.Event) -> None:
    """Let Slurm end the first job of a rule when its command has begun to work."""
    log = folder / "results" / "micro" / "logs" / f"{rule}.log"
    while not stop.wait(0.2):
        if not log.exists():
            continue
        command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (number,) = [line.split()[0] for line in listed.splitlines() if line.split()[1] == f"rule_{rule}"]
        subprocess.run(["scancel", number], check=True)
        ended.append(number)
        return


@pytest.fixture(scope="module")
def runs(slurm: None, fresh_workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """The experiment on the cluster, where one job is ended from outside, and on this machine."""
    os.environ.setdefault("USER", "root")  # a login sets it, and the plugin reads it
    there, here = (fresh_workspace(tmp_path_factory.mktemp(name) / "ink") for name in ("cluster", "local"))
    for workspace in (there, here):
        workspace.write_config("cut.yaml", experiment())
    ended: list[str] = []
    stop = threading.Event()
    # the cluster's run waits most of the time for its next look at the queue
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(interrupt, there.path, "train_base", ended, stop)
        local = pool.submit(here.snakemake, "--cores", "2", "--configfile", "cut.yaml")
        try:
            on_cluster = there.snakemake(*ON_THE_CLUSTER, "--configfile", "cut.yaml")
        finally:
            stop.set()
        watching.result()
        return there, on_cluster, here, local.result(), ended


def submitted(text: str) -> dict[str, str]:
    """Slurm's number of a job -> rule."""
    found = re.findall(r"submitted with SLURM jobid (\d+) \(log: \S+/slurm_logs/rule_(\w+)/", text)
    return dict(found)


def accounted(number: str, *what: str) -> list[str]:
    """What Slurm says of a job."""
    command = ["sacct", "--allocations", "--noheader", "--parsable2", f"--jobs={number}", f"--format={','.join(what)}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().split("|")


def test_every_job_that_is_not_light_went_through_slurm(runs: Any) -> None:
    _, run, _, local, _ = runs
    assert run.code == 0, run.text[-5000:]
    assert local.code == 0, local.text[-5000:]
    assert run.planned == local.planned
    jobs = submitted(run.text)
    times = {rule: list(jobs.values()).count(rule) for rule in set(jobs.values())}
    times["train_base"] -= 1  # the one that was ended
    assert set(times) == set(RESOURCES) - LEFT_OUT
    assert times == {rule: count for rule, count in run.planned.items() if rule in RESOURCES}


def test_each_asked_for_what_the_profile_says(runs: Any) -> None:
    for number, rule in submitted(runs[1].text).items():
        memory, minutes, nodes, cores, tres = accounted(
            number, "ReqMem", "TimelimitRaw", "ReqNodes", "ReqCPUS", "ReqTRES"
        )
        assert memory == f"{RESOURCES[rule]['mem_mb']}M"
        assert int(minutes) == RESOURCES[rule]["runtime"]
        assert (nodes, cores) == ("1", "2" if rule == "measure_speed" else "1")
        assert "gpu" not in tres


@pytest.mark.failure(
    "Two at once and killed",
    "a job that Slurm ends",
    "it is sent once more",
)
def test_a_job_that_slurm_ended_was_sent_again(runs: Any) -> None:
    _, run, _, _, ended = runs
    states = {number: accounted(number, "State")[0] for number in submitted(run.text)}
    assert len(ended) == 1
    assert states.pop(ended[0]).startswith("CANCELLED")
    assert set(states.values()) == {"COMPLETED"}


def test_scores_translations_and_tables_are_those_of_a_run_on_one_machine(runs: Any) -> None:
    there, _, here, *_ = runs
    compared = 0
    for pattern in ("scores/*/*/*.json", "hypotheses/*/*/*", "knn_accuracy/*/*", "tables/*", "figures/*"):
        files = here.files(f"results/micro/{pattern}")
        assert files == there.files(f"results/micro/{pattern}")
        for name in files:
            if name.endswith(".json"):
                first, second = ({**read_json(one.path / name), "decoding": None} for one in (here, there))
                assert first == second, name
            elif "table5" not in name:  # which is of times
                assert (here.path / name).read_bytes() == (there.path / name).read_bytes(), name
            compared += 1
    assert compared > 40


def test_what_jobs_leave_beside_their_outputs_is_complete(runs: Any) -> None:
    there, _, here, *_ = runs
    for pattern in ("logs/**/*.log", "benchmarks/**/*.tsv", "runs/**/*.json"):
        assert there.files(f"results/micro/{pattern}") == here.files(f"results/micro/{pattern}")
    states = []
    for workspace in (there, here):
        with closing(sqlite3.connect(workspace.path / "mlflow.db")) as database:
            states.append(sorted(database.execute("select name, status from runs").fetchall()))
    assert states[0] == states[1]
    assert {status for _, status in states[0]} == {"FINISHED"}


def test_a_second_call_has_nothing_to_do(runs: Any) -> None:
    again = runs[0].snakemake(*ON_THE_CLUSTER, "--configfile", "cut.yaml")
    assert again.code == 0, again.text
    assert "Nothing to be done" in again.text


def test_a_job_on_the_device_asks_slurm_for_a_gpu(runs: Any, tmp_path: Path) -> None:
    """The node has one by name; what torch makes of it is no part of this."""
    shutil.copytree(runs[0].path, tmp_path / "ink", symlinks=True)
    workspace = type(runs[0])(tmp_path / "ink")
    call = ("--configfile", "cut.yaml", "--config", "device=cuda", "--retries", "0")
    run = workspace.snakemake("results/micro/scores/off_the_shelf/koran/seed1.json", *ON_THE_CLUSTER, *call)
    ((number, rule),) = submitted(run.text).items()
    assert rule == "train_base"
    assert "gres/gpu=1" in accounted(number, "ReqTRES")[0]


@pytest.mark.failure(
    "Two at once and killed",
    "a workflow on a cluster, interrupted or killed",
    "its jobs are cancelled; killed, those on its machine end by themselves",
)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_job_outlives_a_workflow_that_ends(runs: Any, tmp_path: Path, how: signal.Signals) -> None:
    """Killed, it cancels nothing: a job on its machine sees that it is gone."""
    shutil.copytree(runs[0].path, tmp_path / "ink", symlinks=True)
    workspace = type(runs[0])(tmp_path / "ink")
    log = workspace.path / "results" / "micro" / "logs" / "train_base.log"
    log.unlink()
    call = [*ON_THE_CLUSTER, "--configfile", "cut.yaml", "--forcerun", "train_base", "--until", "train_base"]
    workflow = subprocess.Popen(
        [workspace.snakemake_program, *call],
        cwd=workspace.path,
        env=workspace.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    eventually(lambda: log.exists() or workflow.poll() is not None)
    assert workflow.poll() is None
    assert in_the_queue() != []
    workflow.send_signal(how)
    workflow.communicate(timeout=SECONDS)
    eventually(lambda: in_the_queue() == [])
    if how == signal.SIGKILL:
        assert "is gone: this job ends" in log.read_text(encoding="utf-8")


def in_the_queue() -> list[str]:
    """The jobs that wait, run or are ending."""
    return subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout.splitlines()


def eventually(reached: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)
