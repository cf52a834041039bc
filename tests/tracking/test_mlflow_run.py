"""What MLflow is shown of a run, from its journal."""

from __future__ import annotations

from pathlib import Path

from ink.systems.layout import Run
from ink.tracking.journal import JobRecord, Journal
from ink.tracking.mlflow_run import mlflow_run_of


def test_comet_s_score_is_the_run_s_and_what_it_took_is_not(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("experiment: x\n")
    journal = Journal(tmp_path / "results", Run("ink", "koran", 1))
    for job, measure, value, peak in (("evaluate", "test/bleu", 20.0, 900.0), ("score-comet", "test/comet", -1.5, 5e3)):
        journal.open(
            job, {}, first=False, config=tmp_path / "config.yaml", about={"git_commit": None, "config_file": ""}
        )
        record = JobRecord(journal, job, job, ["ink", job])
        record.measure(measure, value)
        record.end("FINISHED", peak_mb=peak)
    journal.update(status="FINISHED", ended=1)
    found = mlflow_run_of(journal)
    assert found is not None
    points = {name: value for name, value, _, _ in found.points}
    assert (points["test/bleu"], points["test/comet"], points["memory/peak_mb"]) == (20.0, -1.5, 900.0)
    assert points["time/wall_seconds"] == journal.jobs()["evaluate"]["wall_seconds"]
    assert found.tags["mlflow.note.content"] == "**INK** on **koran**, seed 1: test BLEU 20.00, COMET -1.50"
