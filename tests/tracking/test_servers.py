"""Servers that are down, hang or refuse: a job goes on, says so in one line, and `ink sync` makes up for it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from .conftest import Experiment, Store


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def server(answer: bytes | None) -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and gives each the same answer, or none."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    taken.append(connection)
                    if answer is not None:
                        connection.recv(65536)
                        connection.sendall(answer)
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken
        listener.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


def test_a_server_that_is_down_costs_a_line_and_sync_uploads_later(
    experiment: Experiment, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"http://127.0.0.1:{closed_port()}"
    experiment.change("mlflow.tracking_uri", uri)
    start = time.monotonic()
    experiment.train([3.0, 2.5, 2.0])
    experiment.evaluate()
    assert time.monotonic() - start < 3
    lines = capsys.readouterr().err.splitlines()
    line = (
        f"tracking: MLflow at {uri} cannot be reached (Connection refused); results are on disk, "
        "`ink sync config.yaml` uploads them later"
    )
    assert lines == [line, line]  # one for each job
    assert not store.path.exists()
    assert experiment.run()["status"] == "FINISHED"

    failed = experiment.ink("sync", "config.yaml")
    assert failed.returncode == 1
    assert failed.stderr == (f"error: MLflow at {uri} cannot be reached (Connection refused) [tracking/unreachable]\n")

    experiment.change("mlflow.tracking_uri", None)
    for _ in range(2):
        done = experiment.ink("sync", "config.yaml")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "config.yaml: 1 run in sqlite:///mlflow.db\n"
        assert store.statuses() == ["FINISHED"]
        assert store.curve(store.only_run(), "train/loss") == [(1, 3.0), (2, 2.5), (3, 2.0)]
        assert store.curve(store.only_run(), "test/bleu") == [(0, 20.0)]


def test_a_server_that_never_answers_is_not_waited_for(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    with server(None) as (uri, taken):
        experiment.change("mlflow.tracking_uri", uri)
        start = time.monotonic()
        experiment.train([3.0, 2.5, 2.0])
        assert time.monotonic() - start < 6
        assert len(taken) == 1  # asked once, and not at every epoch
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tracking: MLflow at {uri} cannot be reached (timed out); results are on disk")
    assert experiment.journal().jobs()["train-adapter"]["status"] == "FINISHED"


def test_a_server_that_is_something_else_costs_a_line(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone"
    with server(answer) as (uri, _):
        experiment.change("mlflow.tracking_uri", uri)
        experiment.train([3.0, 2.0])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tracking: {uri}: ")
    assert line.endswith("results are on disk, `ink sync config.yaml` uploads them later")


def test_sync_without_runs_says_so(experiment: Experiment) -> None:
    done = experiment.ink("sync", "config.yaml")
    assert done.returncode == 0
    assert done.stdout.startswith("config.yaml: 0 runs in sqlite:///")
