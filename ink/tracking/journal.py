"""The journal of a run: what its jobs did, on disk, from which MLflow can be filled at any time.

results/EXPERIMENT/runs/SYSTEM/DOMAIN/seedN holds run.json, which says which run it is, and jobs/JOB.json.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError
from ink.runtime.locks import exclusive
from ink.runtime.processes import may_be_running, own_name
from ink.runtime.whole_files import read_json, remove, write_atomically, write_json
from ink.systems.layout import Run

RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"  # as MLflow writes them
LOCK_SECONDS = 60.0


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def lock_of(results: Path) -> AbstractContextManager[None]:
    """Return the lock of all journals of an experiment, which nobody holds for longer than a write."""
    path = results / "runs" / "journals"
    path.parent.mkdir(parents=True, exist_ok=True)
    return exclusive(path, LOCK_SECONDS)


def remember_run(results: Path, path: Path, uri: str, run_id: str) -> None:
    """Write into the record of a run which run of an MLflow store it is."""
    with lock_of(results):
        run = read_record(path)
        if run is not None and run["mlflow"].get(uri) != run_id:
            write_json(path, run | {"mlflow": {**run["mlflow"], uri: run_id}})


class Journal:
    """The journal of one run. A job writes its own file alone; run.json changes under the experiment's lock."""

    def __init__(self, results: Path | str, name: Run) -> None:
        self.results = Path(results)
        self.name = name
        self.folder = self.results / "runs" / name.system / name.domain / f"seed{name.seed}"

    def run(self) -> dict[str, Any] | None:
        """Return what run.json says; None before the first job."""
        return read_record(self.folder / "run.json")

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return every job's record by name, in the order in which they began."""
        found = {path.stem: read_record(path) for path in (self.folder / "jobs").glob("[!.]*.json")}
        whole = {name: record for name, record in found.items() if record is not None}
        return dict(sorted(whole.items(), key=lambda item: item[1]["started"]))

    def open(
        self, job: str, parameters: Mapping[str, Any], *, first: bool, config: Path, about: Mapping[str, Any]
    ) -> None:
        """Say that `job` begins, in the run that is there or in a new one.

        A run that did not finish goes on under its key. A finished one whose `first` job begins again is another run.
        So is one with other parameters: it takes over the records of the jobs before `job`, which still hold.
        """
        fingerprint = _fingerprint(parameters)
        with lock_of(self.results):
            run, jobs = self.run(), self.jobs()
            begins_again = run is not None and first and run["status"] == FINISHED
            if run is None or run["fingerprint"] != fingerprint or begins_again:
                began = 0 if first or run is None else jobs.get(job, {"started": now() + 1})["started"]
                kept = {name: record for name, record in jobs.items() if record["started"] < began}
                for name in jobs.keys() - kept.keys():
                    self._job_path(name).unlink()
                run = {
                    "key": uuid.uuid4().hex,
                    "system": self.name.system,
                    "domain": self.name.domain,
                    "seed": self.name.seed,
                    "status": RUNNING,
                    "created": min([now(), *(record["started"] for record in kept.values())]),
                    "ended": None,
                    "fingerprint": fingerprint,
                    "parameters": dict(parameters),
                    "mlflow": {},
                    "replaced": _replaced(run),
                }
                with write_atomically(self.folder / "config.yaml") as temporary:
                    shutil.copyfile(config, temporary)
            self._write(run | {"status": RUNNING, "ended": None, **about})

    def update(self, **changes: Any) -> None:
        """Change run.json."""
        with lock_of(self.results):
            run = self.run()
            if run is not None:
                self._write(run | changes)

    def remember(self, uri: str, run_id: str) -> None:
        """Write down which run of an MLflow store this is."""
        remember_run(self.results, self.folder / "run.json", uri, run_id)

    def has_dead_jobs(self) -> bool:
        """Tell whether the journal takes a job for running whose process is gone."""
        running = [record for record in self.jobs().values() if record["status"] == RUNNING]
        return not all(may_be_running(record["process"]) for record in running)

    def close_dead(self) -> bool:
        """Call jobs killed whose processes are gone, and the run if nobody works on it; return whether any was."""
        with lock_of(self.results):
            run, jobs = self.run(), self.jobs()
            running = {name: record for name, record in jobs.items() if record["status"] == RUNNING}
            dead = {name: record for name, record in running.items() if not may_be_running(record["process"])}
            for name, record in dead.items():
                spent = (record["updated"] - record["started"]) / 1000
                changes = {"status": KILLED, "ended": record["updated"], "wall_seconds": spent, "error": "killed"}
                write_json(self._job_path(name), record | changes)
            left = run is not None and run["status"] == RUNNING and len(dead) == len(running)
            if left and run is not None:
                last = max([run["created"], *(record["updated"] for record in jobs.values())])
                self._write(run | {"status": KILLED, "ended": last})
            return left or bool(dead)

    def _job_path(self, job: str) -> Path:
        return self.folder / "jobs" / f"{job}.json"

    def _write(self, run: Mapping[str, Any]) -> None:
        write_json(self.folder / "run.json", run)


class JobRecord:
    """One job's record: made when it begins, written whenever it has something new to say."""

    def __init__(self, journal: Journal, job: str, command: str, argv: list[str]) -> None:
        self.journal, self.job = journal, job
        self.path = journal.folder / "jobs" / f"{job}.json"
        others = journal.jobs()
        before = others.get(job)
        # whoever says the same again means the same point: its time stays, so that uploading it again adds nothing
        self._known = {
            (name, step): (value, moment)
            for record in others.values()
            for name, points in record["curves"].items()
            for step, value, moment in points
        }
        self._written: set[tuple[str, int]] = set()
        resumed = before is not None and before["status"] != FINISHED
        self.record: dict[str, Any] = {
            "job": job,
            "command": command,
            "argv": argv,
            "status": RUNNING,
            "process": own_name(),
            "started": now(),
            "updated": now(),
            "ended": None,
            "wall_seconds": None,
            "earlier_wall_seconds": _spent(before) if before is not None and resumed else 0.0,
            "peak_mb": None,
            "error": None,
            "curves": before["curves"] if before is not None else {},
            "metrics": before["metrics"] if before is not None else {},
            "artifacts": {},
        }
        self.write()

    def write(self) -> None:
        self.record["updated"] = now()
        write_json(self.path, self.record)

    def point(self, curve: str, step: int, value: float) -> None:
        """Put a value on a curve."""
        known = self._known.get((curve, step))
        moment = known[1] if known is not None and _same(known[0], value) else now()
        self._known[curve, step] = (value, moment)
        self._written.add((curve, step))
        others = [point for point in self.record["curves"].get(curve, []) if point[0] != step]
        self.record["curves"][curve] = sorted([*others, [step, value, moment]], key=lambda point: point[0])

    def measure(self, name: str, value: float) -> None:
        """Write down a single value."""
        known = self.record["metrics"].get(name)
        moment = known[1] if known is not None and _same(known[0], value) else now()
        self.record["metrics"][name] = [value, moment]

    def artifact(self, name: str, path: Path | str) -> None:
        """Name a file that belongs to the run; what is not there when it is uploaded is left out."""
        self.record["artifacts"][name] = str(path)

    def end(self, status: str, *, error: str | None = None, peak_mb: float | None = None) -> None:
        """Write how the job ended; of a finished one the points stay that it has said itself."""
        if status == FINISHED:
            for name, points in list(self.record["curves"].items()):
                self.record["curves"][name] = [point for point in points if (name, point[0]) in self._written]
        ended = now()
        spent = (ended - self.record["started"]) / 1000
        self.record |= {"status": status, "ended": ended, "wall_seconds": spent, "peak_mb": peak_mb, "error": error}
        self.write()


def journals(results: Path | str) -> Iterator[Journal]:
    """Yield the journal of every run of an experiment, by name."""
    for path in sorted((Path(results) / "runs").glob("*/*/seed*/run.json")):
        system, domain, seed = path.parent.parts[-3:]
        yield Journal(results, Run(system, domain, int(seed.removeprefix("seed"))))


def read_record(path: Path) -> dict[str, Any] | None:
    """Read a record; a damaged one is removed with a line, for a run's results do not hang on it."""
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = read_json(path)
    except InkError as error:
        print(f"tracking: {error}; it is left out", flush=True)
        remove(path)
        return None
    return found


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()


def _spent(record: Mapping[str, Any]) -> float:
    """Seconds that a job has taken so far, earlier attempts included."""
    own = record["wall_seconds"]
    if own is None:
        own = (record["updated"] - record["started"]) / 1000
    return float(own + record["earlier_wall_seconds"])


def _replaced(run: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Ids, by store, of runs whose place a new one takes before MLflow need have heard that they ended."""
    if run is None:
        return []
    own = [run["mlflow"]] if run["status"] != FINISHED and run["mlflow"] else []
    return [*run["replaced"], *own]


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)
