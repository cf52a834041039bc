"""What MLflow is to show of a run, made from its journal alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.metrics.known_metrics import METRICS, find_metric
from ink.systems.known_systems import system_named
from ink.tracking.journal import RUNNING, Journal
from ink.tracking.provenance import workflow_of

# MLflow's limits
LONGEST_PARAMETER, LONGEST_TAG = 6000, 5000

JUDGING = "score-"  # begins jobs whose time and memory are not the system's, but those of a metric that judges it

# name, value, milliseconds, step
Point = tuple[str, float, int, int]


@dataclass(frozen=True)
class MlflowRun:
    """A run as MLflow has it."""

    name: str
    status: str
    created: int
    ended: int | None
    parameters: dict[str, str]
    tags: dict[str, str]
    points: list[Point]
    artifacts: dict[str, Path]


def mlflow_run_of(journal: Journal) -> MlflowRun | None:
    """Read a journal; None where there is no run."""
    run, jobs = journal.run(), journal.jobs()
    if run is None:
        return None
    points: dict[Point, None] = {}
    for record in jobs.values():
        for name, curve in record["curves"].items():
            points |= {(name, value, moment, step): None for step, value, moment in curve}
        points |= {(name, value, moment, 0): None for name, (value, moment) in record["metrics"].items()}
    ended = [
        record for record in jobs.values() if record["ended"] is not None and not record["command"].startswith(JUDGING)
    ]
    if run["status"] != RUNNING and ended:
        moment = max(record["ended"] for record in ended)
        seconds = sum(record["wall_seconds"] + record["earlier_wall_seconds"] for record in ended)
        points[("time/wall_seconds", seconds, moment, 0)] = None
        peaks = [record["peak_mb"] for record in ended if record["peak_mb"] is not None]
        if peaks:
            points[("memory/peak_mb", max(peaks), moment, 0)] = None
    artifacts = {"config.yaml": journal.folder / "config.yaml"}
    for record in jobs.values():
        artifacts |= {name: Path(path) for name, path in record["artifacts"].items()}
    return MlflowRun(
        name=str(journal.name),
        status=run["status"],
        created=run["created"],
        ended=run["ended"],
        parameters={name: _written(value)[:LONGEST_PARAMETER] for name, value in run["parameters"].items()},
        tags={name: value[:LONGEST_TAG] for name, value in _tags(journal, run, jobs).items()},
        points=list(points),
        artifacts=artifacts,
    )


def _tags(journal: Journal, run: dict[str, Any], jobs: dict[str, dict[str, Any]]) -> dict[str, str]:
    tags = {
        "ink.run": run["key"],
        "system": run["system"],
        "domain": run["domain"],
        "seed": str(run["seed"]),
        "mlflow.note.content": _description(journal, jobs),
        # of the jobs that repeat a command, such as INK's rounds, the last one
        **{f"ink.command.{record['command']}": shlex.join(record["argv"]) for record in jobs.values()},
        **source_tags(journal.results, run),
    }
    errors = [f"{name}: {record['error']}" for name, record in jobs.items() if record["error"] is not None]
    if errors:
        tags["ink.error"] = "; ".join(errors)
    return tags


def source_tags(results: Path, run: Mapping[str, Any] | None) -> dict[str, str]:
    """Say by which call a run came about, and of which commit the code was that it ran with."""
    workflow = workflow_of(results)
    tags = {"mlflow.source.name": "snakemake" if workflow else "ink", "mlflow.source.type": "LOCAL"}
    commit = run["git_commit"] if run is not None else workflow["git_commit"] if workflow else None
    if commit is not None:
        tags["mlflow.source.git.commit"] = commit
    if run is not None:
        tags["ink.config_file"] = run["config_file"]
    if workflow:
        tags["ink.workflow_command"] = shlex.join(workflow["command"])
        tags["ink.config_file"] = shlex.join(workflow["config_files"])
    return tags


def _description(journal: Journal, jobs: dict[str, dict[str, Any]]) -> str:
    """Say in Markdown what the run is and what came out: what a run's page begins with."""
    name = journal.name
    measured = {name: value for record in jobs.values() for name, (value, _) in record["metrics"].items()}
    tested = {f"test/{metric}": find_metric(metric).heading for metric in METRICS if f"test/{metric}" in measured}
    shown = {"test/bleu": "test BLEU"} | tested | {"test/bleu": "test BLEU", "dev/bleu_final": "dev BLEU"}
    scores = [f"{label} {measured[key]:.2f}" for key, label in shown.items() if key in measured]
    what = f"**{system_named(name.system).label}** on **{name.domain}**, seed {name.seed}"
    return f"{what}: {', '.join(scores)}" if scores else what


def _written(value: Any) -> str:
    """Write a setting as the config would."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
