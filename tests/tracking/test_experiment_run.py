"""The run above an experiment's runs: one line in MLflow that unfolds, for every call of the workflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ink.systems.layout import Run
from ink.tracking.experiment_run import ExperimentRun, mlflow_run_of_experiment, status_of
from ink.tracking.journal import JobRecord, Journal
from ink.tracking.provenance import record_workflow
from ink.tracking.runs import run_above
from ink.tracking.syncing import sync

from .conftest import Experiment, Store

POINTS = ("ink_alpha0.1_beta0.1", "ink_alpha0.1_beta0.3")
ONE_JOB = """
import sys
from pathlib import Path
from ink.tracking.job import JobCall, track

seed = int(sys.argv[1])
at_end = []
with track(Path("config.yaml"), JobCall("evaluate", ["ink"]), "adapter", "koran", seed, at_end) as job:
    print("ready", flush=True)
    sys.stdin.readline()
for act in at_end:
    act()
"""


def search(experiment: Experiment, seed: int = 1) -> None:
    """Train the points of a search, and choose one."""
    experiment.change("ink.search", True)
    experiment.change("ink.search_over", [0.1, 0.3])
    for point in POINTS:
        experiment.train([3.0], "train-ink-round", system=point, number=1, seed=seed)
        with experiment.job("finish-ink", system=point, seed=seed):
            pass


def scored(experiment: Experiment, system: str, domain: str, seed: int, bleu: float, **others: float) -> None:
    """Write down a scored run without a job, with its scores in other metrics."""
    journal = Journal(experiment.results, Run(system, domain, seed))
    about = {"git_commit": "c0ffee", "config_file": "config.yaml"}
    journal.open("evaluate", {"a": 1}, first=True, config=Path("config.yaml"), about=about)
    record = JobRecord(journal, "evaluate", "evaluate", ["ink", "evaluate"])
    for metric, value in {"bleu": bleu, **others}.items():
        record.measure(f"test/{metric}", value)
    record.end("FINISHED")
    journal.update(status="FINISHED", ended=1000)


def averages(experiment: Experiment) -> dict[str, float]:
    return {name: value for name, value, _, _ in mlflow_run_of_experiment(ExperimentRun(experiment.config)).points}


def test_an_experiment_is_one_line_that_unfolds(experiment: Experiment, store: Store) -> None:
    experiment.look()
    above = store.experiment_run()
    assert store.status(above) == "RUNNING"
    experiment.train([3.0, 2.0])
    experiment.train([4.0], seed=2)
    assert store.status(above) == "RUNNING"
    experiment.evaluate(20.0)
    assert store.status(above) == "RUNNING"  # the second has not finished
    experiment.evaluate(22.0, seed=2)
    assert store.status(above) == "FINISHED"
    assert store.experiment_run() == above
    assert store.below(above) == {"adapter/koran/seed1", "adapter/koran/seed2"}
    assert store.rows("select name from main.runs where run_uuid = ?", above) == [("micro",)]
    assert store.parameters(above) == {"experiment": "micro"}
    tags = store.tags(above)
    assert "mlflow.parentRunId" not in tags
    assert (tags["domains"], tags["seeds"]) == ("it, koran", "1")
    assert tags["systems"].startswith("off_the_shelf, knn_kd")
    with experiment.job("evaluate"):
        experiment.look()
        assert store.status(above) == "RUNNING"


def test_its_metrics_are_the_averages_of_systems_that_have_all_domains(experiment: Experiment, store: Store) -> None:
    experiment.change("seeds", [1, 2])
    scored(experiment, "ink", "it", 1, 30.0)
    scored(experiment, "ink", "koran", 1, 20.0)
    scored(experiment, "ink", "it", 2, 34.0)  # no Koran: this seed does not count
    scored(experiment, "adapter", "koran", 1, 18.0)
    scored(experiment, "off_the_shelf", "general", 1, 40.0)
    assert averages(experiment) == {"average/ink/bleu": 25.0}  # (30 + 20) / 2
    scored(experiment, "ink", "koran", 2, 25.0)
    assert averages(experiment) == {"average/ink/bleu": 27.25}  # and (34 + 25) / 2 = 29.5
    for _ in range(2):
        sync(experiment.config)
        above = store.experiment_run()
        assert store.curve(above, "average/ink/bleu") == [(0, 27.25)]
        assert "| INK | 27.25 |" in store.tags(above)["mlflow.note.content"]
        assert store.tags(above)["mlflow.source.git.commit"] == "c0ffee"


def test_a_system_on_a_reduced_datastore_has_a_name_that_mlflow_takes(experiment: Experiment, store: Store) -> None:
    experiment.change("reductions", {"half": {"method": "random", "keep": 0.5}})
    for domain in ("it", "koran"):
        scored(experiment, "v_knn+half", domain, 1, 20.0)
    sync(experiment.config)
    assert store.curve(store.experiment_run(), "average/v_knn.half/bleu") == [(0, 20.0)]


def test_every_metric_of_the_experiment_is_averaged_and_no_other(experiment: Experiment, store: Store) -> None:
    experiment.change("evaluation.metrics", ["ter", "bleu"])
    for domain, bleu, ter in (("it", 30.0, 50.0), ("koran", 20.0, 61.0)):
        scored(experiment, "ink", domain, 1, bleu, ter=ter, chrf=40.0)
        scored(experiment, "adapter", domain, 1, bleu - 1, **({"ter": ter} if domain == "it" else {}))
    assert averages(experiment) == {
        "average/ink/bleu": 25.0,
        "average/adapter/bleu": 24.0,
        "average/ink/ter": 55.5,  # the Adapter's Koran has none
    }
    sync(experiment.config)
    shown = store.tags(store.experiment_run())["mlflow.note.content"].splitlines()
    assert shown[-4:] == [
        "| System | average test TER | average test BLEU |",
        "| :--- | ---: | ---: |",
        "| Adapter | – | 24.00 |",
        "| INK | 55.50 | 25.00 |",
    ]


def test_an_average_that_goes_back_to_an_earlier_value_is_the_latest(experiment: Experiment, store: Store) -> None:
    from mlflow.tracking import MlflowClient

    scored(experiment, "ink", "it", 1, 30.0)
    scored(experiment, "ink", "koran", 1, 20.0)
    client = MlflowClient(experiment.uri)
    for domains, average in ((["it"], 30.0), (["it", "koran"], 25.0), (["koran"], 20.0), (["it"], 30.0)):
        experiment.change("domains", domains)
        sync(experiment.config)
        assert client.get_run(store.experiment_run()).data.metrics == {"average/ink/bleu": average}
    assert [value for _, value in store.curve(store.experiment_run(), "average/ink/bleu")] == [30.0, 25.0, 20.0, 30.0]


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([], "RUNNING"),
        (["FINISHED", "RUNNING", "FAILED"], "RUNNING"),
        (["FINISHED", "KILLED", "FAILED"], "FAILED"),
        (["FINISHED", "KILLED"], "KILLED"),
        (["FINISHED", "FINISHED"], "FINISHED"),
    ],
)
def test_its_status_sums_up_those_below(statuses: list[str], status: str) -> None:
    assert status_of(statuses) == status


def test_a_failed_run_fails_it_and_a_repetition_mends_it(experiment: Experiment, store: Store) -> None:
    with pytest.raises(RuntimeError), experiment.job("evaluate"):
        raise RuntimeError("no memory")
    above = store.experiment_run()
    assert store.status(above) == "FAILED"
    experiment.evaluate()
    assert store.status(above) == "FINISHED"


def test_another_call_of_the_workflow_goes_on_in_it(experiment: Experiment, store: Store) -> None:
    record_workflow(experiment.results, ["snakemake", "--cores", "2"], ["config.yaml"])
    experiment.evaluate()
    above = store.experiment_run()
    experiment.change("systems", ["adapter", "ink"])
    experiment.change("domains", ["koran"])
    record_workflow(experiment.results, ["snakemake", "--cores", "1"], ["other.yaml"])
    experiment.look()
    experiment.evaluate(system="ink")
    assert store.experiment_run() == above
    assert store.below(above) == {"adapter/koran/seed1", "ink/koran/seed1"}
    tags = store.tags(above)
    assert (tags["systems"], tags["domains"]) == ("adapter, ink", "koran")
    assert (tags["ink.workflow_command"], tags["ink.config_file"]) == ("snakemake --cores 1", "other.yaml")
    assert store.curve(above, "average/adapter/bleu") == [(0, 20.0)]


def test_two_processes_at_once_make_one_and_the_last_to_end_ends_it(experiment: Experiment, store: Store) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_JOB, seed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for seed in ("1", "2")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    experiment.look()
    above = store.experiment_run()
    assert store.below(above) == {"adapter/koran/seed1", "adapter/koran/seed2"}
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("end\n")
        process.stdin.flush()
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert store.status(above) == "FINISHED"


def test_a_search_s_points_stand_below_the_ink_that_was_chosen(experiment: Experiment, store: Store) -> None:
    search(experiment)
    above = store.experiment_run()
    # nothing is chosen yet
    assert store.below(above) == {f"{point}/koran/seed1" for point in POINTS}
    search(experiment, seed=2)
    with experiment.job("choose-ink", system="ink"):
        pass
    ink = store.run_named("ink/koran/seed1")
    assert store.below(ink) == {f"{point}/koran/seed1" for point in POINTS}
    assert store.below(above) == {"ink/koran/seed1", *(f"{point}/koran/seed2" for point in POINTS)}
    # trained again once that one is there
    experiment.train([2.9], "train-ink-round", system=POINTS[0], number=1)
    assert store.below(ink) == {f"{point}/koran/seed1" for point in POINTS}
    other = Store(Path("other.db"))
    assert sync(experiment.config, f"sqlite:///{experiment.path}/other.db")[0] == 5
    assert other.below(other.run_named("ink/koran/seed1")) == store.below(ink)
    assert other.below(other.experiment_run()) == store.below(above)


def test_what_stands_below_another_run() -> None:
    assert run_above(Run("ink_alpha0.1_beta0.3", "it", 2)) == Run("ink", "it", 2)
    for system in ("ink", "adapter", "ink_without_l_r", "ink_inner64"):
        assert run_above(Run(system, "it", 2)) is None


def test_runs_that_were_there_without_it_get_it(experiment: Experiment, store: Store) -> None:
    from mlflow.tracking import MlflowClient

    experiment.train([3.0])
    client = MlflowClient(experiment.uri)
    client.delete_tag(store.only_run(), "mlflow.parentRunId")
    (experiment.results / "runs" / "experiment.json").unlink()
    forgotten = store.experiment_run()
    client.delete_tag(forgotten, "ink.run")
    client.delete_tag(forgotten, "ink.experiment")
    experiment.evaluate()
    assert store.below(store.experiment_run()) == {"adapter/koran/seed1"}
    created = "select start_time from main.runs where run_uuid = ?"
    assert store.rows(created, store.experiment_run()) == [(experiment.run()["created"],)]


def test_a_store_that_forgot_its_id_does_not_get_a_second_one(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0])
    above = store.experiment_run()
    own = ExperimentRun(experiment.config)
    own.remember(experiment.uri, "no such run")
    experiment.evaluate()
    assert store.experiment_run() == above
    assert own.open()["mlflow"] == {experiment.uri: above}


def test_one_that_somebody_deleted_stays_deleted_and_costs_nothing(
    experiment: Experiment, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    from mlflow.tracking import MlflowClient

    experiment.train([3.0])
    above = store.experiment_run()
    client = MlflowClient(experiment.uri)
    client.delete_run(above)
    capfd.readouterr()
    experiment.evaluate()
    experiment.evaluate(seed=2)
    assert sync(experiment.config)[0] == 2
    assert capfd.readouterr() == ("", "")
    assert store.statuses() == ["FINISHED", "FINISHED"]
    assert store.rows("select lifecycle_stage from main.runs where run_uuid = ?", above) == [("deleted",)]
    assert store.experiment_run() == above
    # and brought back, it holds all of them again
    client.restore_run(above)
    assert sync(experiment.config)[0] == 2
    assert store.status(above) == "FINISHED"
    assert store.below(above) == {"adapter/koran/seed1", "adapter/koran/seed2"}


def test_one_that_is_gone_from_the_store_for_good_is_made_again(experiment: Experiment, store: Store) -> None:
    import sqlite3
    from contextlib import closing

    experiment.evaluate()
    before = store.experiment_run()
    with closing(sqlite3.connect(store.path)) as database, database:
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            database.execute(f"delete from {table} where run_uuid = ?", (before,))
    assert sync(experiment.config)[0] == 1
    after = store.experiment_run()
    assert after != before
    assert store.below(after) == {"adapter/koran/seed1"}


def test_averages_come_in_the_order_of_the_tables(experiment: Experiment) -> None:
    experiment.change("domains", ["koran"])
    for system in ("own", "ink", "off_the_shelf"):
        scored(experiment, system, "koran", 1, 20.0)
    assert list(averages(experiment)) == ["average/off_the_shelf/bleu", "average/ink/bleu", "average/own/bleu"]
