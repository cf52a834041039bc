"""The run that stands above all runs of an experiment, so that MLflow lists an experiment as one line that unfolds.

results/EXPERIMENT/runs/experiment.json says which one it is; what MLflow is to show of it is made from the journals.
"""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ink.config import metrics_of
from ink.metrics.known_metrics import find_metric
from ink.runtime.whole_files import write_json
from ink.systems.known_systems import SYSTEMS, system_named
from ink.systems.layout import Layout, Run
from ink.tracking.journal import (
    FAILED,
    FINISHED,
    KILLED,
    RUNNING,
    Journal,
    journals,
    lock_of,
    now,
    read_record,
    remember_run,
)
from ink.tracking.mlflow_run import LONGEST_PARAMETER, LONGEST_TAG, MlflowRun, Point, source_tags
from ink.tracking.runs import run_above

MARK = "ink.experiment"  # the tag that only this run has
# what readers look at, below results/EXPERIMENT: artifacts of this run by the same names
REPORTS = ("tables/*", "figures/*", "report.html")

Scores = Mapping[Run, float]  # in one metric
Averages = Mapping[str, Mapping[str, float]]  # metric -> system -> average


class ExperimentRun:
    """The run above an experiment's runs: one a folder of results, for all calls of the workflow."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.name = str(config["experiment"])
        self.results = Path(Layout(config).results)
        self.folder = self.results / "runs"
        self._path = self.folder / "experiment.json"

    def open(self) -> dict[str, Any]:
        """Return what is written down of the run: its key and its ids by store; the first who asks makes it."""
        with lock_of(self.results):
            run = read_record(self._path)
            if run is None:
                began = [found["created"] for journal in self.journals() if (found := journal.run()) is not None]
                run = {"key": uuid.uuid4().hex, "created": min([now(), *began]), "mlflow": {}, "averages": {}}
                write_json(self._path, run)
            return run

    def remember(self, uri: str, run_id: str) -> None:
        """Write down which run of an MLflow store this is."""
        remember_run(self.results, self._path, uri, run_id)

    def measure(self, averages: Mapping[str, float]) -> list[Point]:
        """Give each average the moment since which it has had this value: saying it again adds nothing to MLflow."""
        with lock_of(self.results):
            run = read_record(self._path)
            known = {} if run is None else run["averages"]
            found: dict[str, Any] = {
                name: known[name] if name in known and known[name][0] == value else [value, now()]
                for name, value in averages.items()
            }
            if run is not None and found != known:
                write_json(self._path, run | {"averages": found})
        return [(name, value, moment, 0) for name, (value, moment) in found.items()]

    def journals(self) -> list[Journal]:
        """Return the journals of the experiment's runs, those that stand below another one last."""
        return sorted(journals(self.results), key=lambda journal: run_above(journal.name) is not None)

    def journal_above(self, name: Run) -> Journal | None:
        """Return the journal of the run that `name`'s stands below, None where that is the experiment's own."""
        above = run_above(name)
        return None if above is None else Journal(self.results, above)

    def journals_below(self, name: Run) -> list[Journal]:
        """Return the journals of the runs that stand below `name`'s."""
        return [journal for journal in journals(self.results) if run_above(journal.name) == name]

    def reports(self) -> dict[str, Path]:
        """Return the rendered tables, figures and report by their names below results/EXPERIMENT."""
        found = (path for pattern in REPORTS for path in sorted(self.results.glob(pattern)))
        # what is being written has a name that begins with a point
        whole = (path for path in found if path.is_file() and not path.name.startswith("."))
        return {str(path.relative_to(self.results)): path for path in whole}


def mlflow_run_of_experiment(experiment: ExperimentRun) -> MlflowRun:
    """Read all journals of an experiment, and sum them up."""
    own, config = experiment.open(), experiment.config
    runs: list[dict[str, Any]] = []
    scores: dict[str, dict[Run, float]] = {metric: {} for metric in metrics_of(config)}
    for journal in experiment.journals():
        run = journal.run()
        if run is None:
            continue
        runs.append(run)
        for record in journal.jobs().values():
            for metric, found in scores.items():
                if f"test/{metric}" in record["metrics"]:
                    value, _ = record["metrics"][f"test/{metric}"]
                    found[journal.name] = float(value)
    averages = {metric: _averages(found, config["domains"], config["seeds"]) for metric, found in scores.items()}
    status = status_of(run["status"] for run in runs)
    ended = [run["ended"] for run in runs if run["ended"] is not None]
    tags = {
        "ink.run": own["key"],
        MARK: experiment.name,
        **{name: ", ".join(map(str, config[name])) for name in ("domains", "systems", "seeds")},
        "mlflow.note.content": _description(experiment, averages),
        **source_tags(experiment.results, max(runs, key=lambda run: int(run["created"]), default=None)),
    }
    return MlflowRun(
        name=experiment.name,
        status=status,
        created=own["created"],
        ended=max(ended, default=None) if status != RUNNING else None,
        # MLflow lets no parameter change, and a later call may add domains, systems or seeds: those are tags
        parameters={"experiment": experiment.name[:LONGEST_PARAMETER]},
        tags={name: value[:LONGEST_TAG] for name, value in tags.items()},
        # MLflow's names have no plus sign
        points=experiment.measure(
            {
                f"average/{system.replace('+', '.')}/{metric}": value
                for metric, found in averages.items()
                for system, value in found.items()
            }
        ),
        artifacts=experiment.reports(),
    )


def status_of(statuses: Iterable[str]) -> str:
    """Sum up the status of runs: running while one is, or while there is none yet; finished where all have."""
    found = set(statuses)
    if RUNNING in found or not found:
        return RUNNING
    return next((status for status in (FAILED, KILLED) if status in found), FINISHED)


def _averages(scores: Scores, domains: Collection[str], seeds: Collection[int]) -> dict[str, float]:
    """Average each system's test scores over the domains, then over the seeds that have all of them, as in Table 2."""
    averages: dict[str, float] = {}
    for system in _in_order({run.system for run in scores}):
        complete = [[Run(system, domain, seed) for domain in domains] for seed in seeds]
        complete = [runs for runs in complete if all(run in scores for run in runs)]
        if complete:
            averages[system] = statistics.fmean(statistics.fmean(scores[run] for run in runs) for runs in complete)
    return averages


def _in_order(systems: Collection[str]) -> list[str]:
    return [*(name for name in SYSTEMS if name in systems), *sorted(name for name in systems if name not in SYSTEMS)]


def _description(experiment: ExperimentRun, averages: Averages) -> str:
    """Say in Markdown what the experiment is and how its systems rank so far."""
    lines = [f"**{experiment.name}** on {', '.join(experiment.config['domains'])}"]
    if known := {metric: found for metric, found in averages.items() if found}:
        lines += ["", f"| System |{''.join(f' average test {find_metric(metric).heading} |' for metric in known)}"]
        lines += [f"| :--- |{' ---: |' * len(known)}"]
        for system in _in_order({system for found in known.values() for system in found}):
            values = (f" {found[system]:.2f} |" if system in found else " – |" for found in known.values())
            lines.append(f"| {system_named(system).label} |{''.join(values)}")
    return "\n".join(lines)
