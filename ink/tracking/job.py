"""A job that is tracked: what it says goes to disk, from where MLflow gets it."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from ink.config import load
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.systems.layout import Layout, Run
from ink.systems.systems_of_experiment import seeds_of
from ink.tracking.curves import curve_points, score_measures, training_measures
from ink.tracking.experiment_run import ExperimentRun
from ink.tracking.journal import FAILED, FINISHED, KILLED, RUNNING, JobRecord, Journal
from ink.tracking.provenance import git_commit
from ink.tracking.runs import first_job, last_job, parameters
from ink.tracking.safe_uploader import SafeUploader, sync_command
from ink.tracking.store import configured_uri
from ink.tracking.upload import Uploader

ERROR_LENGTH = 500


class Terminated(SystemExit):
    """The system asked the job to end."""


class Job:
    """What a command says of its job."""

    def __init__(self, journal: Journal, record: JobRecord, last_job: str) -> None:
        self.journal, self.record, self.last_job = journal, record, last_job

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """Log an epoch's or a round's entry of the history; one that is known already changes nothing."""
        for name, value in curve_points(entry):
            self.record.point(name, int(entry["round"]), value)
        self.record.write()

    def trained(self, record: Path, curves_by: str | None = None) -> None:
        """Log what a training's record.json says of its outcome; its curves as well, by a count of its history."""
        found = read_json(record)
        if curves_by is not None:
            for entry in found["history"]:
                for name, value in curve_points(entry):
                    self.record.point(name, int(entry[curves_by]), value)
        for name, value in training_measures(found).items():
            self.record.measure(name, value)
        self.record.artifact("record.json", record)

    def scored(self, scores: Path, hypotheses: Path) -> None:
        """Log a scores file, and the translations behind it."""
        for name, value in score_measures(read_json(scores)).items():
            self.record.measure(name, value)
        self.record.artifact("scores.json", scores)
        self.record.artifact(f"hypotheses{hypotheses.suffix}", hypotheses)

    def scored_with(self, metric: str, scores: Path) -> None:
        """Log the score of the run's translations in one more metric."""
        self.record.measure(f"test/{metric}", float(read_json(scores, "score")["score"]))
        self.record.artifact(f"{metric}.json", scores)

    def end(self, status: str, error: str | None = None) -> None:
        """Write to disk how the job and its run ended."""
        # the largest of the processes, where several train together
        processes = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak = max(resource.getrusage(which).ru_maxrss for which in processes)  # KiB
        self.record.end(status, error=error, peak_mb=peak / 1024)
        if status == FINISHED:
            # the last job's record stands as well where an earlier job was repeated
            last = self.journal.jobs().get(self.last_job)
            status = FINISHED if last is not None and last["status"] == FINISHED else RUNNING
        self.journal.update(status=status, ended=None if status == RUNNING else self.record.record["ended"])


@dataclass(frozen=True)
class JobCall:
    """The command that is a job: its name, the words that were typed, the job's log, and its first round's number."""

    command: str
    argv: list[str]
    log: Path | None = None
    number: int | None = None

    @property
    def job(self) -> str:
        """The job's name."""
        return self.command if self.number is None else f"{self.command}-{self.number}"


@contextmanager
def track(
    config_path: Path,
    call: JobCall,
    system: str,
    domain: str,
    seed: int | None,
    at_end: list[Callable[[], None]] | None,
) -> Iterator[Job]:
    """Track a job of the run (system, domain, seed) while the block runs.

    Without `seed` the run is one of a system that does not learn. A block that raises leaves job and run FAILED, one
    that is interrupted or terminated KILLED. The upload to MLflow is put into `at_end`, when the log is complete; None
    where somebody else uploads it, as a workflow's follower does.
    """
    config = load(config_path)
    if seed is None:
        (seed,) = seeds_of(system, config["seeds"])
    name = Run(system, domain, seed)
    journal = Journal(Layout(config).results, name)
    journal.open(
        call.job,
        parameters(config, name),
        first=call.job == first_job(config, name),
        config=config_path,
        about={"git_commit": git_commit(), "config_file": str(config_path)},
    )
    record = JobRecord(journal, call.job, call.command, call.argv)
    if call.log is not None:
        record.artifact(f"logs/{call.job}.log", call.log)
    if at_end is not None:
        at_end.append(lambda: _upload(config, config_path, journal, record))
    job = Job(journal, record, last_job(config, name))
    with _terminations_raise():
        try:
            yield job
        except (KeyboardInterrupt, Terminated) as error:
            job.end(KILLED, "interrupted" if isinstance(error, KeyboardInterrupt) else "terminated")
            raise
        except BaseException as error:
            job.end(FAILED, _in_words(error))
            raise
    job.end(FINISHED)


def _in_words(error: BaseException) -> str:
    """Return what an error says on one line, with its code at the end if it has one, by which runs can be searched."""
    message = " ".join(str(error).split())
    if isinstance(error, InkError):
        return f"{message[:ERROR_LENGTH]} [{error.code}]"
    return f"{type(error).__name__}: {message}"[:ERROR_LENGTH]


def _upload(config: Mapping[str, Any], config_path: Path, journal: Journal, record: JobRecord) -> None:
    """Send everything the run says, with the job's files."""
    uploader = SafeUploader(Uploader(ExperimentRun(config), configured_uri(config)), sync_command(config_path))
    uploader.upload(journal, ["config.yaml", *record.record["artifacts"]])
    uploader.upload_below(journal)
    uploader.upload_experiment()


@contextmanager
def _terminations_raise() -> Iterator[None]:
    """Let a first SIGTERM unwind the block, so that the journal is told; a second one ends the process."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated(128 + number)

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
