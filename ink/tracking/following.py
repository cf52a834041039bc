"""Following an experiment's journals while its workflow runs, so that MLflow shows what its jobs say as they say it.

One process a workflow, which alone imports MLflow: jobs write to disk and know nothing of it. It may be killed at any
moment: the journals are still there, and the next one, or `ink sync`, uploads what this one did not.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ink.runtime.experiment_lock import holder
from ink.runtime.processes import is_on_this_machine, is_running, may_be_running
from ink.tracking.experiment_run import ExperimentRun
from ink.tracking.journal import RUNNING, Journal, now
from ink.tracking.safe_uploader import SafeUploader, sync_command
from ink.tracking.store import configured_uri
from ink.tracking.syncing import close_dead_runs
from ink.tracking.upload import Uploader
from ink.tracking.uploaded import State, Uploaded, state_of

SECONDS_BETWEEN_LOOKS = 3.0
SECONDS_AFTER_REFUSAL = 60.0  # until MLflow is asked again
SECONDS_FOR_LOG = 10.0  # within which a job on another machine has ended its log
SECONDS_FOR_JOBS = 20.0  # within which jobs end with a workflow that was killed
FINISHED = b"finished\n"  # what the workflow says on standard input when it has ended by itself


def follow(config: Mapping[str, Any], config_path: Path, workflow: str, stdin: int = 0) -> None:
    """Upload what changes until the workflow, a process by its name, has ended; then everything that is left.

    The workflow says on `stdin` that it has ended, and waits; one that was killed is gone without a word. Runs that
    nobody works on any more are closed then. MLflow's refusal is one line.
    """
    follower = Follower(config, config_path)
    follower.look()
    with _Ending(workflow, stdin) as ending:
        while not ending.within(SECONDS_BETWEEN_LOOKS):
            follower.look()
    if ending.was_told:
        # a run between two jobs goes on with the next call
        for journal in follower.experiment.journals():
            if journal.has_dead_jobs():
                journal.close_dead()
    else:
        _wait_for_jobs(follower.experiment)
        # the next workflow has closed them itself
        if holder(config["experiment"]) is None:
            close_dead_runs(config)
    follower.look(last=True)


class Follower:
    """Uploads what journals say that it, or another one before it, has not uploaded yet."""

    def __init__(self, config: Mapping[str, Any], config_path: Path, say: Callable[[str], None] | None = None) -> None:
        self.experiment = ExperimentRun(config)
        self.uploader = Uploader(self.experiment, configured_uri(config))
        self._safe = SafeUploader(self.uploader, sync_command(config_path), say, SECONDS_AFTER_REFUSAL)
        self._uploaded: Uploaded | None = None
        # files of journals as they were when nothing more was to be uploaded
        self._done: dict[str, Any] = {}

    def look(self, *, last: bool = False) -> None:
        """Upload what has changed since the last look; with `last` whatever it is, and though MLflow has refused."""
        self._safe.try_to(lambda: self._upload(last), in_any_case=last)

    def _upload(self, last: bool) -> None:
        if self._uploaded is None:
            self.uploader.upload_experiment()
            store = self.experiment.open()["mlflow"][self.uploader.uri]
            self._uploaded = Uploaded(self.experiment.folder / "uploaded.json", store)
        changed = False
        for journal in self.experiment.journals():
            files = _files_of(journal)
            if last or self._done.get(str(journal.name)) != files:
                changed |= self._upload_journal(journal, files, self._uploaded, last)
        if changed:
            self.uploader.upload_experiment()

    def _upload_journal(self, journal: Journal, files: Any, uploaded: Uploaded, last: bool) -> bool:
        """Upload one journal; return whether what the experiment's run sums up has changed."""
        run, jobs = journal.run(), journal.jobs()
        if run is None:
            return False
        state, before = state_of(run, jobs), uploaded.of(journal.name)
        ended = {name for name, record in jobs.items() if record["status"] != RUNNING}
        complete = {name for name in ended if last or _log_is_complete(jobs[name])}
        same_run = before.key == state.key
        sent = before.files if same_run else {}
        new = {name for name in complete if sent.get(name) != state.files[name]}
        if before.digest != state.digest or new:
            artifacts = [name for job in sorted(new) for name in jobs[job]["artifacts"]]
            self.uploader.upload(journal, artifacts if same_run else ["config.yaml", *artifacts])
            if not same_run:
                # runs that stand below it may have begun before it: now their place is known
                for below in self.experiment.journals_below(journal.name):
                    self.uploader.upload(below)
            files_sent = sent | {name: state.files[name] for name in new}
            uploaded.remember(journal.name, State(state.key, state.digest, state.summed, files_sent))
        if complete == ended:
            self._done[str(journal.name)] = files
        return before.summed != state.summed


def _files_of(journal: Journal) -> list[tuple[str, int, int]]:
    """Return what tells whether a journal was written to: every write makes a new file."""
    paths = [journal.folder / "run.json", *sorted((journal.folder / "jobs").glob("[!.]*.json"))]
    found = []
    for path in paths:
        with suppress(FileNotFoundError):  # replaced by another run meanwhile
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_ino))
    return found


def _log_is_complete(record: Mapping[str, Any]) -> bool:
    """Tell whether a job that has ended writes no more: its journal is told before its log's last lines."""
    if is_on_this_machine(record["process"]):
        return not is_running(record["process"])
    return bool(now() - record["ended"] > 1000 * SECONDS_FOR_LOG)


def _wait_for_jobs(experiment: ExperimentRun) -> None:
    """Wait for the jobs of this machine that end with their workflow."""
    deadline = time.monotonic() + SECONDS_FOR_JOBS
    while time.monotonic() < deadline and any(map(_is_worked_on, experiment.journals())):
        time.sleep(0.2)


def _is_worked_on(journal: Journal) -> bool:
    running = [record["process"] for record in journal.jobs().values() if record["status"] == RUNNING]
    return any(is_on_this_machine(process) and may_be_running(process) for process in running)


class _Ending:
    """Waits for the workflow's end: what it says, or that its process is gone."""

    def __init__(self, workflow: str, stdin: int) -> None:
        self.workflow, self._stdin = workflow, stdin
        self.was_told = False
        self._watched: int | None = None

    def __enter__(self) -> _Ending:
        with suppress(ProcessLookupError):
            self._watched = os.pidfd_open(int(self.workflow.split(":")[1]))
        return self

    def __exit__(self, *_: object) -> None:
        if self._watched is not None:
            os.close(self._watched)

    def within(self, seconds: float) -> bool:
        """Wait so long at most; return whether the workflow has ended."""
        # asked after the descriptor is open: from there on the number cannot become another process's
        if self._watched is None or not is_running(self.workflow):
            self.was_told = self._is_told()
            return True
        poll = select.poll()
        poll.register(self._watched, select.POLLIN)
        poll.register(self._stdin, select.POLLIN)
        if not poll.poll(1000 * seconds):
            return False
        self.was_told = self._is_told()
        return True

    def _is_told(self) -> bool:
        ready, _, _ = select.select([self._stdin], [], [], 0.0)
        return bool(ready) and os.read(self._stdin, len(FINISHED)) == FINISHED
