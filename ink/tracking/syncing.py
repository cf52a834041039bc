"""What concerns all runs of an experiment: closing dead ones, and bringing MLflow up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ink.systems.layout import Layout
from ink.tracking.experiment_run import ExperimentRun
from ink.tracking.journal import Journal, journals
from ink.tracking.safe_uploader import SafeUploader, sync_command
from ink.tracking.store import configured_uri
from ink.tracking.upload import Uploader


def close_dead_runs(config: Mapping[str, Any]) -> list[Journal]:
    """Call jobs and runs killed that nobody works on any more; return the journals that have changed."""
    return [journal for journal in journals(Layout(config).results) if journal.close_dead()]


def log_report(config: Mapping[str, Any], config_path: Path) -> str | None:
    """Upload tables, figures and report as artifacts of the experiment's run; say what came of it.

    None where MLflow's refusal has been told.
    """
    experiment = ExperimentRun(config)
    files = len(experiment.reports())
    if not files:
        return f"no tables, figures or report under {experiment.results} yet"
    uploader = SafeUploader(Uploader(experiment, configured_uri(config)), sync_command(config_path))
    there: list[bool] = []
    uploader.try_to(lambda: there.append(uploader.uploader.upload_experiment(None)))
    if not there:
        return None
    where = f"the run {experiment.name} of {uploader.uploader.uri}"
    return f"{files} {'file' if files == 1 else 'files'} in {where}" if there[0] else f"{where} was deleted there"


def sync(config: Mapping[str, Any], uri: str | None = None) -> tuple[int, str]:
    """Upload every run; return how many MLflow has now, and where. UploadError where it cannot be filled."""
    close_dead_runs(config)
    experiment = ExperimentRun(config)
    uploader = Uploader(experiment, uri or configured_uri(config))
    uploader.prepare()
    runs = experiment.journals()
    count = sum(uploader.upload(journal, None) for journal in runs)
    if runs:
        uploader.upload_experiment(None)
    return count, uploader.uri
