"""An experiment in a folder of its own whose jobs need no model, and eyes for what MLflow has of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import yaml

from ink.config import load
from ink.runtime.processes import own_name
from ink.systems.layout import Run
from ink.tracking.following import FINISHED, Follower
from ink.tracking.job import Job, JobCall, track
from ink.tracking.journal import Journal

REPOSITORY = Path(__file__).resolve().parents[2]
INK = Path(sys.executable).with_name("ink")


@dataclass
class Experiment:
    """The micro experiment's config in a folder that is the current one."""

    path: Path
    config: dict[str, Any]

    @property
    def results(self) -> Path:
        return Path("results/micro")

    uri = "sqlite:///mlflow.db"

    def change(self, dotted: str, value: Any) -> None:
        *sections, last = dotted.split(".")
        section = self.config
        for name in sections:
            section = section[name]
        section[last] = value
        self.write()

    def write(self) -> None:
        Path("config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")

    @contextmanager
    def job(
        self, command: str, system: str = "adapter", number: int | None = None, log: Path | None = None, seed: int = 1
    ) -> Iterator[Job]:
        """A job on koran, as a command runs it; what is left for the end is done at its end."""
        at_end: list[Callable[[], None]] = []
        argv = ["ink", command, "--seed", str(seed)]
        try:
            with track(Path("config.yaml"), JobCall(command, argv, log, number), system, "koran", seed, at_end) as job:
                yield job
        finally:
            for act in at_end:
                act()

    def train(self, losses: list[float], command: str = "train-adapter", **options: Any) -> None:
        with self.job(command, **options) as job:
            for epoch, loss in enumerate(losses, start=1):
                job.epoch(entry(epoch, loss))

    def evaluate(self, bleu: float = 20.0, **options: Any) -> None:
        with self.job("evaluate", **options) as job:
            Path("scores.json").write_text(json.dumps(scores(bleu)))
            Path("seed1.en").write_text("a line\n")
            job.scored(Path("scores.json"), Path("seed1.en"))

    def look(self) -> None:
        """What a workflow's follower does every few seconds, by one that has just been started."""
        Follower(self.config, Path("config.yaml")).look()

    def follower(self, workflow: str | None = None, **environment: str) -> subprocess.Popen[str]:
        """A follower of a workflow (this process's, where no other is named) as the Snakefile starts it."""
        command = [str(INK), "follow-runs", "config.yaml", "--workflow", workflow or own_name()]
        pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, text=True, env={**os.environ, **environment}, start_new_session=True, **pipes)

    def finish(self, follower: subprocess.Popen[str]) -> str:
        """Tell a follower that its workflow has ended; return its messages."""
        _, errors = follower.communicate(FINISHED.decode(), timeout=100)
        assert follower.returncode == 0
        return str(errors)

    def journal(self, system: str = "adapter", seed: int = 1) -> Journal:
        return Journal(self.results, Run(system, "koran", seed))

    def run(self, system: str = "adapter", seed: int = 1) -> dict[str, Any]:
        found = self.journal(system, seed).run()
        assert found is not None
        return found

    def ink(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(INK), *arguments], capture_output=True, text=True, env={**os.environ, **environment}, timeout=100
        )


def entry(epoch: int, loss: float) -> dict[str, Any]:
    """An epoch as training records it."""
    seconds = {"training": 1.5, "dev": 0.5}
    return {"round": epoch, "updates": 9 * epoch, "loss": loss, "dev_bleu": 10.0 + epoch, "seconds": seconds}


def scores(bleu: float) -> dict[str, Any]:
    measured = {"bleu": {"score": bleu}, "chrf": {"score": 40.0}}
    return {
        **measured,
        "general": {"domain": "general", **measured},
        "added_memory": {"adapter.safetensors": 1000, "other": 24},
        "decoding": {"sentences_per_second": 7.5},
    }


# what queries of `runs` are to see
BELOW_THE_EXPERIMENT_S_OWN = """
create temp view runs as select * from main.runs
where run_uuid not in (select run_uuid from tags where key = 'ink.experiment')
"""


@dataclass(frozen=True)
class Store:
    """An MLflow database, read with no help of ours. `runs` are the systems'; main.runs has the experiment's too."""

    path: Path = Path("mlflow.db")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as database:
            database.execute(BELOW_THE_EXPERIMENT_S_OWN)
            return database.execute(query, values).fetchall()

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) from {table}")[0][0])

    def statuses(self) -> list[str]:
        return [status for (status,) in self.rows("select status from runs order by start_time, run_uuid")]

    def tags(self, run_id: str) -> dict[str, str]:
        return {
            str(key): str(value) for key, value in self.rows("select key, value from tags where run_uuid = ?", run_id)
        }

    def parameters(self, run_id: str) -> dict[str, str]:
        found = self.rows("select key, value from params where run_uuid = ?", run_id)
        return {str(key): str(value) for key, value in found}

    def curve(self, run_id: str, name: str) -> list[tuple[int, float]]:
        query = "select step, value from metrics where run_uuid = ? and key = ? order by step, timestamp"
        return [(int(step), float(value)) for step, value in self.rows(query, run_id, name)]

    def only_run(self) -> str:
        ((run_id,),) = self.rows("select run_uuid from runs")
        return str(run_id)

    def files(self, run_id: str | None = None) -> Path:
        """The folder with a run's files (of the only one, where none is named), by the address that MLflow has."""
        query = "select artifact_uri from main.runs where run_uuid = ?"
        ((address,),) = self.rows(query, run_id or self.only_run())
        return Path(url2pathname(urlsplit(address).path))

    def experiment_run(self) -> str:
        """The run above all others."""
        ((run_id,),) = self.rows("select run_uuid from tags where key = 'ink.experiment'")
        return str(run_id)

    def status(self, run_id: str) -> str:
        ((status,),) = self.rows("select status from main.runs where run_uuid = ?", run_id)
        return str(status)

    def run_named(self, name: str) -> str:
        ((run_id,),) = self.rows("select run_uuid from runs where name = ?", name)
        return str(run_id)

    def below(self, run_id: str) -> set[str]:
        """Names of the runs that MLflow shows below a run."""
        query = """select name from runs join tags using (run_uuid)
                   where tags.key = 'mlflow.parentRunId' and tags.value = ?"""
        return {str(name) for (name,) in self.rows(query, run_id)}

    def everything(self) -> list[list[tuple[Any, ...]]]:
        tables = ("experiments", "main.runs", "params", "tags", "metrics", "latest_metrics")
        return [sorted(self.rows(f"select * from {table}"), key=repr) for table in tables]


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `folder` the current one, as for a new process: MLflow remembers ./mlflow.db and places of files."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._tracking_service import utils
    from mlflow.tracking._tracking_service.registry import TrackingStoreRegistry

    monkeypatch.chdir(folder)
    monkeypatch.setattr(SqlAlchemyStore, "_engine_map", {})
    TrackingStoreRegistry._get_store_with_resolved_uri.cache_clear()
    utils._artifact_repos_cache.clear()


@pytest.fixture(scope="session", autouse=True)
def tables_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow makes the tables of a new database in a second; here it does so once, and others begin as copies.

    Databases of commands, which are processes of their own, are made by MLflow itself.
    """
    from mlflow.store.db import utils

    make, made = utils._initialize_tables, tmp_path_factory.mktemp("tables") / "mlflow.db"

    def copy_or_make(engine: Any) -> None:
        with closing(sqlite3.connect(engine.url.database)) as new, closing(sqlite3.connect(made)) as kept:
            if made.stat().st_size:
                kept.backup(new)
                return
            make(engine)
            new.backup(kept)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_initialize_tables", copy_or_make)
        yield


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    enter(tmp_path, monkeypatch)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = Experiment(tmp_path, load(REPOSITORY / "tests" / "workflow" / "micro.yaml"))
    made.write()
    return made


@pytest.fixture
def store() -> Store:
    return Store()
