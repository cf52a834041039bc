"""The journal on disk: which run a job belongs to, and what is kept when jobs are repeated."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ink.systems.layout import Run
from ink.tracking.journal import JobRecord, Journal, journals

PARAMETERS = {"ink.k": 8}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    (tmp_path / "config.yaml").write_text("experiment: x\n")
    return Journal(tmp_path / "results", Run("ink", "koran", 1))


def begin(journal: Journal, job: str, parameters: dict[str, Any] = PARAMETERS) -> JobRecord:
    config = journal.results.parent / "config.yaml"
    journal.open(job, parameters, first=job == "round-1", config=config, about={"git_commit": None})
    return JobRecord(journal, job, job, ["ink", job])


def do(journal: Journal, *jobs: str, parameters: dict[str, Any] = PARAMETERS) -> str:
    """Run jobs to their ends, the last of which ends the run; return the run's key."""
    for job in jobs:
        begin(journal, job, parameters).end("FINISHED")
    if jobs[-1] == "evaluate":
        journal.update(status="FINISHED", ended=1)
    return key(journal)


def key(journal: Journal) -> str:
    run = journal.run()
    assert run is not None
    return str(run["key"])


def test_the_jobs_of_a_run_share_its_key(journal: Journal) -> None:
    keys = {do(journal, job) for job in ("round-1", "round-2", "finish", "evaluate")}
    assert len(keys) == 1
    assert list(journal.jobs()) == ["round-1", "round-2", "finish", "evaluate"]


def test_a_resume_goes_on_in_the_same_run(journal: Journal) -> None:
    before = do(journal, "round-1", "round-2")
    assert do(journal, "round-1") == before
    journal.update(status="FAILED")
    assert do(journal, "round-1") == before
    assert list(journal.jobs()) == ["round-2", "round-1"]


def test_a_finished_run_that_begins_again_is_another_run(journal: Journal) -> None:
    before = do(journal, "round-1", "round-2", "evaluate")
    assert do(journal, "round-1") != before
    assert list(journal.jobs()) == ["round-1"]


def test_a_later_job_repeated_belongs_to_the_finished_run(journal: Journal) -> None:
    before = do(journal, "round-1", "evaluate")
    assert do(journal, "evaluate") == before
    assert list(journal.jobs()) == ["round-1", "evaluate"]


def test_other_parameters_are_another_run(journal: Journal) -> None:
    before = do(journal, "round-1", "round-2")
    assert do(journal, "round-1", parameters={"ink.k": 16}) != before
    assert list(journal.jobs()) == ["round-1"]


def test_a_later_job_with_other_parameters_takes_the_jobs_before_it_along(journal: Journal) -> None:
    before = do(journal, "round-1", "finish", "evaluate")
    created = journal.jobs()["round-1"]["started"]
    after = do(journal, "finish", parameters={"ink.k": 8, "average": 5})
    assert after != before
    # what was scored is no longer what the final adapter is
    assert list(journal.jobs()) == ["round-1", "finish"]
    run = journal.run()
    assert run is not None
    assert run["created"] == created
    assert run["status"] == "RUNNING"
    assert run["parameters"] == {"ink.k": 8, "average": 5}


def test_a_run_keeps_the_config_that_it_began_with(journal: Journal) -> None:
    do(journal, "round-1")
    (journal.results.parent / "config.yaml").write_text("experiment: y\n")
    do(journal, "round-2")
    assert (journal.folder / "config.yaml").read_text() == "experiment: x\n"


def test_a_run_that_was_replaced_before_it_finished_is_remembered(journal: Journal) -> None:
    do(journal, "round-1")
    journal.remember("sqlite:///there.db", "id-1")
    do(journal, "round-1", parameters={"ink.k": 16})
    run = journal.run()
    assert run is not None
    assert run["mlflow"] == {}
    assert run["replaced"] == [{"sqlite:///there.db": "id-1"}]


def test_a_point_said_again_keeps_its_time_and_a_new_value_gets_its_own(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1000, 10_000))
    monkeypatch.setattr("ink.tracking.journal.now", lambda: next(clock))
    first = begin(journal, "round-1")
    for step, value in ((1, 4.0), (2, math.nan), (3, 2.0)):
        first.point("train/loss", step, value)
    first.measure("test/bleu", 20.0)
    first.write()
    before = {step: moment for step, _, moment in first.record["curves"]["train/loss"]}
    again = begin(journal, "round-1")
    # not said yet by this attempt, and yet not lost
    assert [point[0] for point in again.record["curves"]["train/loss"]] == [1, 2, 3]
    again.point("train/loss", 1, 4.0)
    again.point("train/loss", 2, math.nan)
    again.measure("test/bleu", 20.0)
    after = {step: moment for step, _, moment in again.record["curves"]["train/loss"]}
    assert after == before
    again.point("train/loss", 2, 3.0)
    changed = {step: (value, moment) for step, value, moment in again.record["curves"]["train/loss"]}
    assert changed[2][0] == 3.0
    assert changed[2][1] > before[2]
    # a finished job has said all it has to say
    again.end("FINISHED")
    assert [point[0] for point in journal.jobs()["round-1"]["curves"]["train/loss"]] == [1, 2]


def test_a_point_of_another_job_of_the_run_said_again_keeps_its_time(journal: Journal) -> None:
    first = begin(journal, "round-1")
    first.point("dev/bleu", 1, 12.0)
    first.record["curves"]["dev/bleu"][0][2] = 77
    first.end("FINISHED")
    second = begin(journal, "round-2")
    second.point("dev/bleu", 1, 12.0)
    assert second.record["curves"]["dev/bleu"] == [[1, 12.0, 77]]


def test_time_spent_counts_the_attempts_that_did_not_finish(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0]
    monkeypatch.setattr("ink.tracking.journal.now", lambda: moment[0])
    killed = begin(journal, "round-1")
    moment[0] = 3000
    killed.write()  # the last that was heard of it
    moment[0] = 10_000
    failed = begin(journal, "round-1")
    moment[0] = 12_000
    failed.end("FAILED", error="no memory")
    done = begin(journal, "round-1")
    moment[0] = 17_000
    done.end("FINISHED")
    record = journal.jobs()["round-1"]
    assert record["wall_seconds"] == 5.0
    assert record["earlier_wall_seconds"] == 3.0 + 2.0
    assert begin(journal, "round-1").record["earlier_wall_seconds"] == 0.0


def test_a_job_that_lives_is_not_closed(journal: Journal) -> None:
    begin(journal, "round-1")
    assert journal.close_dead() is False
    assert journal.jobs()["round-1"]["status"] == "RUNNING"


@pytest.mark.parametrize(("field", "value"), [(1, 2**22 + 1), (2, 12)], ids=["no such process", "number given anew"])
def test_a_job_whose_process_is_gone_is_closed(journal: Journal, field: int, value: int) -> None:
    record = begin(journal, "round-1")
    name = record.record["process"].split(":")
    name[field] = str(value)
    record.record["process"] = ":".join(name)
    record.write()
    assert journal.close_dead() is True
    run = journal.run()
    assert run is not None
    assert (run["status"], journal.jobs()["round-1"]["status"]) == ("KILLED", "KILLED")
    assert run["ended"] == record.record["updated"]
    assert journal.close_dead() is False


def test_of_a_job_on_another_machine_nothing_is_known(journal: Journal) -> None:
    record = begin(journal, "round-1")
    record.record["process"] = "elsewhere" + record.record["process"]
    record.write()
    assert journal.close_dead() is False


def test_a_run_between_two_jobs_that_nobody_goes_on_with_is_closed_and_a_finished_one_left(journal: Journal) -> None:
    do(journal, "round-1")
    assert journal.close_dead() is True
    assert do(journal, "round-2")  # and opened again
    run = journal.run()
    assert run is not None
    assert run["status"] == "RUNNING"
    do(journal, "evaluate")
    assert journal.close_dead() is False


def test_a_damaged_record_is_left_out_with_a_line(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    before = do(journal, "round-1", "round-2")
    path = journal.folder / "jobs" / "round-1.json"
    path.write_text(path.read_text()[:40])
    assert list(journal.jobs()) == ["round-2"]
    assert "round-1.json is not whole JSON" in capsys.readouterr().out
    (journal.folder / "run.json").write_text("{")
    assert do(journal, "round-1") != before


def test_all_journals_of_an_experiment_are_found(journal: Journal) -> None:
    do(journal, "round-1")
    other = Journal(journal.results, Run("adapter", "it", 12))
    begin(other, "train")
    assert [str(one.name) for one in journals(journal.results)] == ["adapter/it/seed12", "ink/koran/seed1"]
    assert json.loads((other.folder / "run.json").read_text())["seed"] == 12
