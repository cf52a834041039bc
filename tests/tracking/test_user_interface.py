"""`mlflow ui`, as a person types it in the project's folder, whatever that is called: runs, to this machine alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import Experiment, enter

MLFLOW = Path(sys.executable).with_name("mlflow")
SECONDS_TO_START = 180


def ask(base: str, call: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{base}/{call}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.fixture
def user_interface(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, psutil.Process]]:
    experiment.path /= "my %20 größer #1?"
    experiment.path.mkdir()
    enter(experiment.path, monkeypatch)
    experiment.write()
    experiment.train([3.0, 2.0])
    experiment.evaluate(21.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with Path("ui.log").open("w") as log:
        process = subprocess.Popen(
            [str(MLFLOW), "ui", "--port", str(port)], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(SECONDS_TO_START):
            try:
                urllib.request.urlopen(f"{base}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, Path("ui.log").read_text()
                time.sleep(1)
        yield base, psutil.Process(process.pid)
    finally:
        for one in [*psutil.Process(process.pid).children(recursive=True), process]:
            one.terminate()
        process.wait(timeout=60)


@pytest.mark.slow
def test_the_user_interface_shows_the_runs_and_listens_to_this_machine_alone(
    experiment: Experiment, user_interface: tuple[str, psutil.Process]
) -> None:
    base, process = user_interface
    api = f"{base}/api/2.0/mlflow"
    found = ask(api, "experiments/get-by-name?experiment_name=micro")["experiment"]

    def runs() -> dict[str, Any]:
        listed = ask(api, "runs/search", {"experiment_ids": [found["experiment_id"]]})["runs"]
        assert len({run["info"]["run_name"] for run in listed}) == len(listed)
        return {run["info"]["run_name"]: run for run in listed}

    assert set(runs()) == {"micro", "adapter/koran/seed1"}
    above, run = runs()["micro"], runs()["adapter/koran/seed1"]
    assert [one["info"]["status"] for one in (above, run)] == ["FINISHED", "FINISHED"]
    # by this tag MLflow lists the experiment as one line that unfolds
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert tags["mlflow.parentRunId"] == above["info"]["run_id"]
    run_id = run["info"]["run_id"]
    history = ask(api, f"metrics/get-history?run_id={run_id}&metric_key=train/loss")["metrics"]
    assert [(int(point["step"]), point["value"]) for point in history] == [(1, 3.0), (2, 2.0)]
    files = ask(api, f"artifacts/list?run_id={run_id}")["files"]
    assert sorted(file["path"] for file in files) == ["config.yaml", "hypotheses.en", "scores.json"]

    everyone = [process, *process.children(recursive=True)]
    listening = {
        connection.laddr.ip
        for one in everyone
        for connection in one.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}

    # and what a server takes over its own protocol is the same
    experiment.change("mlflow.tracking_uri", base)
    done = experiment.ink("sync", "config.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"config.yaml: 1 run in {base}\n"
    assert set(runs()) == {"micro", "adapter/koran/seed1"}
    history = ask(api, f"metrics/get-history?run_id={run_id}&metric_key=train/loss")["metrics"]
    assert [(int(point["step"]), point["value"]) for point in history] == [(1, 3.0), (2, 2.0)]
