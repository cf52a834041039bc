"""From journals to MLflow, which is imported only when there is something to send."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ink.runtime.errors import InkError
from ink.runtime.locks import exclusive
from ink.tracking.artifact_places import artifact_location, follow_project
from ink.tracking.experiment_run import ExperimentRun, mlflow_run_of_experiment
from ink.tracking.journal import KILLED, RUNNING, Journal
from ink.tracking.mlflow_run import MlflowRun, Point, mlflow_run_of
from ink.tracking.store import (
    PROJECTS_DATABASE,
    UploadError,
    database_file,
    is_server,
    prepare_environment,
    probe,
    without_password,
)

LOCK_SECONDS = 120.0
# MLflow's limits of one call
METRICS, PARAMETERS, TAGS = 1000, 100, 100
# MLflow shows an HTML file as it is, and a fragment for another page says nothing of its characters
FRAGMENT_HEAD = b'<!doctype html>\n<meta charset="utf-8">\n'
ERROR_TAG, PARENT_TAG = "ink.error", "mlflow.parentRunId"
# what MLflow would otherwise have to guess: runs that train, not traces of language models
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}

Item = TypeVar("Item")


class Uploader:
    """Brings journals of one experiment into one MLflow store, without uploading twice what is there."""

    def __init__(self, experiment: ExperimentRun, uri: str | None) -> None:
        self.experiment = experiment
        self._uri = uri
        self._client: Any = None
        self._experiment_id = ""
        self._experiment_run_id: str | None = None
        # what this process has sent, by run: live curves send what is new
        self._sent: dict[str, set[Any]] = {}

    @property
    def uri(self) -> str:
        """Where runs go; known for certain once MLflow has been asked."""
        return without_password(self._uri or PROJECTS_DATABASE)

    def prepare(self) -> None:
        """Create database and experiment if they are missing; UploadError where that cannot be."""
        with self.errors_in_one_line(), self._locked():
            self._connect()

    def connected(self) -> tuple[Any, str]:
        """Return MLflow's client and its id of the experiment, as `prepare` makes sure of them."""
        self.prepare()
        return self._client, self._experiment_id

    def run_of(self, journal: Journal) -> str | None:
        """Return MLflow's id of a journal's run; None where MLflow does not have it, or no longer."""
        from mlflow.exceptions import MlflowException

        run_id = (journal.run() or {}).get("mlflow", {}).get(self.uri)
        if run_id is None:
            return None
        with contextlib.suppress(MlflowException):
            if self._client.get_run(run_id).info.lifecycle_stage != "deleted":
                return str(run_id)
        return None

    def upload(self, journal: Journal, artifacts: Collection[str] | None = ()) -> bool:
        """Send what a journal says, and the artifacts so named (None: all).

        False where somebody has deleted the run in MLflow, which is left at that. UploadError says in one line why
        nothing could be sent.
        """
        shown = mlflow_run_of(journal)
        run = journal.run()
        if shown is None or run is None:
            return False
        with self.errors_in_one_line(), self._locked():
            self._connect()
            found = self._find_or_create(journal, run, shown)
            if found.info.lifecycle_stage == "deleted":
                return False
            self._update(found, shown, self._parent_tag(journal), artifacts)
            for replaced in run["replaced"]:
                self._close_replaced(replaced)
            return True

    def upload_experiment(self, artifacts: Collection[str] | None = ()) -> bool:
        """Send what the experiment's own run is to show, as `upload` does a journal's."""
        with self.errors_in_one_line(), self._locked():
            self._connect()
            self.experiment.folder.mkdir(parents=True, exist_ok=True)
            # of two jobs that end at once, whoever writes last must have read last
            with exclusive(self.experiment.folder / "experiment-upload", LOCK_SECONDS):
                shown = mlflow_run_of_experiment(self.experiment)
                found = self._find_or_create(self.experiment, self.experiment.open(), shown)
                if found.info.lifecycle_stage == "deleted":
                    return False
                self._update(found, shown, {}, artifacts)
                return True

    def _parent_tag(self, journal: Journal) -> dict[str, str]:
        """Return the tag by which MLflow shows a run below another one, be that one deleted or not.

        A run whose place is below one that MLflow does not have yet stands below the experiment's until it does.
        """
        above = self.experiment.journal_above(journal.name)
        run = None if above is None else above.run()
        if run is not None and self.uri in run["mlflow"]:
            return {PARENT_TAG: run["mlflow"][self.uri]}
        if self._experiment_run_id is None:
            shown = mlflow_run_of_experiment(self.experiment)
            found = self._find_or_create(self.experiment, self.experiment.open(), shown)
            self._experiment_run_id = str(found.info.run_id)
        return {PARENT_TAG: self._experiment_run_id}

    def _update(
        self, found: Any, shown: MlflowRun, parent: Mapping[str, str], artifacts: Collection[str] | None
    ) -> None:
        """Make MLflow's run `found` what `shown` says."""
        run_id = found.info.run_id
        self._send(run_id, replace(shown, tags={**shown.tags, **parent}), found)
        wanted = shown.artifacts if artifacts is None else artifacts
        self._send_artifacts(run_id, {name: shown.artifacts[name] for name in wanted})
        self._set_status(run_id, shown, found.info.status)

    @contextlib.contextmanager
    def errors_in_one_line(self) -> Iterator[None]:
        """Turn whatever goes wrong with MLflow into one line; a run's results do not hang on it."""
        try:
            yield
        except UploadError:
            raise
        except InkError as error:
            raise UploadError(str(error), code=error.code) from None
        except Exception as error:
            line = next(iter(str(error).strip().splitlines()), "")[:300]
            raise UploadError(f"{self.uri}: {type(error).__name__}: {line}") from error

    def _locked(self) -> contextlib.AbstractContextManager[Any]:
        """Keep the other processes of this machine from a database: they race in creating it and wait on its locks."""
        uri = self._known_uri()
        if is_server(uri):
            return contextlib.nullcontext()
        if (path := database_file(uri)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            return exclusive(path, LOCK_SECONDS)
        return exclusive(Path(tempfile.gettempdir()) / f"ink-mlflow-{os.getuid()}", LOCK_SECONDS)

    def _known_uri(self) -> str:
        """Ask a server whether it is there, or MLflow for its default; slow imports come before any lock."""
        if self._client is None:
            if self._uri is not None and is_server(self._uri):
                probe(self._uri)
            prepare_environment()
            import mlflow

            logging.getLogger("alembic").setLevel(logging.WARNING)
            logging.getLogger("mlflow").setLevel(logging.WARNING)
            if self._uri is None:
                # its default is ./mlflow.db too, but written as an absolute path with percent signs in it
                default = mlflow.get_tracking_uri()
                self._uri = default if database_file(default) is None else PROJECTS_DATABASE
        assert self._uri is not None
        return self._uri

    def _connect(self) -> None:
        if self._client is not None:
            return
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        client: Any = MlflowClient(tracking_uri=self._uri)
        name = self.experiment.name
        found = client.get_experiment_by_name(name)
        if found is None:
            try:
                # a server knows itself where its files are
                place = None if is_server(self._known_uri()) else artifact_location(name)
                client.create_experiment(name, place, EXPERIMENT_TAGS)
            except MlflowException:
                # on a server another machine may have been first
                if client.get_experiment_by_name(name) is None:
                    raise
            found = client.get_experiment_by_name(name)
        if found.lifecycle_stage == "deleted":
            raise UploadError(
                f"{self.uri}: the experiment {name} was deleted there; "
                f"`mlflow experiments restore --experiment-id {found.experiment_id}` brings it back"
            )
        if (database := database_file(self._known_uri())) is not None:
            follow_project(database, found.artifact_location)
        self._client, self._experiment_id = client, found.experiment_id

    def _find_or_create(self, journal: Journal | ExperimentRun, run: Mapping[str, Any], shown: MlflowRun) -> Any:
        """Return MLflow's run of a journal or of the experiment.

        By the id that was written down, else by our key, else a new one.
        """
        from mlflow.entities import ViewType
        from mlflow.exceptions import MlflowException

        uri = self.uri
        if uri in run["mlflow"]:
            with contextlib.suppress(MlflowException):  # the store may have been emptied since
                return self._client.get_run(run["mlflow"][uri])
        # a sync could be about to create it while the job runs
        with exclusive(journal.folder / "upload", LOCK_SECONDS):
            ours = f"tags.`ink.run` = '{run['key']}'"
            there = self._client.search_runs([self._experiment_id], ours, run_view_type=ViewType.ALL, max_results=1)
            found = next(iter(there), None) or self._client.create_run(
                self._experiment_id,
                start_time=shown.created,
                tags={"ink.run": run["key"]},
                run_name=shown.name,
            )
        journal.remember(uri, found.info.run_id)
        return found

    def _send(self, run_id: str, shown: MlflowRun, found: Any) -> None:
        from mlflow.entities import Metric, Param, RunTag

        sent = self._sent.setdefault(run_id, set())
        points: Sequence[Point] = [point for point in shown.points if _identity(point) not in sent]
        parameters = [item for item in shown.parameters.items() if item not in sent]
        there = found.data.tags
        tags = [(name, value) for name, value in shown.tags.items() if there.get(name) != value]
        for batch in _batches(points, METRICS):
            metrics = [Metric(name, value, moment, step) for name, value, moment, step in batch]
            self._client.log_batch(run_id, metrics=metrics)
        for part in _batches(parameters, PARAMETERS):
            self._client.log_batch(run_id, params=[Param(name, value) for name, value in part])
        for part in _batches(tags, TAGS):
            self._client.log_batch(run_id, tags=[RunTag(name, value) for name, value in part])
        if ERROR_TAG in there and ERROR_TAG not in shown.tags:
            self._client.delete_tag(run_id, ERROR_TAG)
        sent.update([*map(_identity, points), *parameters])

    def _send_artifacts(self, run_id: str, artifacts: Mapping[str, Path]) -> None:
        present = {name: path for name, path in artifacts.items() if path.is_file()}
        if not present:
            return
        with tempfile.TemporaryDirectory(prefix="ink-artifacts-") as folder:
            for name, path in present.items():
                place = Path(folder) / name
                place.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix == ".html" and not (html := path.read_bytes()).startswith(b"<!doctype"):
                    place.write_bytes(FRAGMENT_HEAD + html)
                else:
                    place.symlink_to(path.resolve())
            self._client.log_artifacts(run_id, folder)

    def _set_status(self, run_id: str, shown: MlflowRun, status: str) -> None:
        if shown.status == RUNNING:
            if status != RUNNING:
                self._client.update_run(run_id, status=RUNNING)
        else:
            self._client.set_terminated(run_id, shown.status, shown.ended)

    def _close_replaced(self, ids: Mapping[str, str]) -> None:
        """End a run that MLflow believes running and that another one has taken the place of."""
        from mlflow.exceptions import MlflowException

        run_id = ids.get(self.uri)
        if run_id is None or run_id in self._sent:
            return
        with contextlib.suppress(MlflowException):  # it may be deleted
            if self._client.get_run(run_id).info.status == RUNNING:
                self._client.set_terminated(run_id, KILLED)
        self._sent[run_id] = set()


def _identity(point: Point) -> tuple[str, str, int, int]:
    """A point that equals itself, which one that is not a number does not."""
    name, value, moment, step = point
    return name, repr(value), moment, step


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
