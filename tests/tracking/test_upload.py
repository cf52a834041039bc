"""MLflow as a projection of the journal: repeated without harm, into any store, and never at a job's cost."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_json
from ink.tracking.experiment_run import ExperimentRun
from ink.tracking.job import Terminated
from ink.tracking.store import configured_uri, without_password
from ink.tracking.syncing import sync
from ink.tracking.upload import Uploader

from .conftest import REPOSITORY, Experiment, Store


def test_mlflow_is_imported_where_it_is_needed_and_only_inside_functions() -> None:
    """It takes long to import. Only the script that MLflow runs does so at once, and nobody imports that."""
    importing = re.compile(r"^(?P<indent> *)(?:import|from) mlflow\b", re.MULTILINE)
    found = {}
    for path in (REPOSITORY / "ink").rglob("*.py"):
        if indents := [match["indent"] for match in importing.finditer(path.read_text(encoding="utf-8"))]:
            found[str(path.relative_to(REPOSITORY))] = indents
    assert found.pop("ink/serving/served_system.py")
    assert sorted(found) == ["ink/serving/registering.py", "ink/tracking/upload.py"]
    assert all(indent for indents in found.values() for indent in indents)
    sources = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "ink").rglob("*.py")]
    assert not [text for text in sources if re.search(r"import\b.*\bserved_system\b|serving\.served_system", text)]


def test_a_run_is_in_mlflow_as_its_jobs_said_it(experiment: Experiment, store: Store) -> None:
    log = Path("train.log")
    log.write_text("epoch 1\n")
    experiment.train([3.0, 2.0], log=log)
    assert store.statuses() == ["RUNNING"]
    experiment.evaluate(21.5)
    run_id = store.only_run()
    assert store.statuses() == ["FINISHED"]
    assert store.rows("select name from runs") == [("adapter/koran/seed1",)]
    assert ("micro",) in store.rows("select name from experiments")
    assert store.curve(run_id, "train/loss") == [(1, 3.0), (2, 2.0)]
    assert store.curve(run_id, "dev/bleu") == [(1, 11.0), (2, 12.0)]
    assert store.curve(run_id, "time/training_seconds") == [(1, 1.5), (2, 1.5)]
    single = {
        "test/bleu": 21.5,
        "test/chrf": 40.0,
        "general/bleu": 21.5,
        "general/chrf": 40.0,
        "memory/added_bytes": 1024.0,
        "decoding/sentences_per_second": 7.5,
    }
    for name, value in single.items():
        assert store.curve(run_id, name) == [(0, value)], name
    wall = [record["wall_seconds"] for record in experiment.journal().jobs().values()]
    assert store.curve(run_id, "time/wall_seconds") == [(0, sum(wall))]
    assert store.curve(run_id, "memory/peak_mb")[0][1] > 20
    tags = store.tags(run_id)
    assert (tags["system"], tags["domain"], tags["seed"]) == ("adapter", "koran", "1")
    assert tags["ink.command.train-adapter"] == "ink train-adapter --seed 1"
    assert tags["ink.command.evaluate"] == "ink evaluate --seed 1"
    assert tags["ink.config_file"] == "config.yaml"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", tags["mlflow.source.git.commit"])
    assert tags["mlflow.note.content"] == "**Adapter** on **koran**, seed 1: test BLEU 21.50, chrF 40.00"
    # a page of runs is what MLflow shows of such an experiment
    kinds = store.rows("select value from experiment_tags where key = 'mlflow.experimentKind'")
    assert kinds == [("custom_model_development",)]
    parameters = store.parameters(run_id)
    assert parameters["adapter.inner_dimension"] == "8"
    assert parameters["training.betas"] == "[0.9, 0.98]"
    assert parameters["text.escape"] == "false"
    artifacts = store.files()
    assert artifacts.is_relative_to(experiment.path / "mlruns" / "micro")
    files = sorted(str(path.relative_to(artifacts)) for path in artifacts.rglob("*") if path.is_file())
    assert files == ["config.yaml", "hypotheses.en", "logs/train-adapter.log", "scores.json"]
    assert (artifacts / "logs" / "train-adapter.log").read_text() == "epoch 1\n"


def test_a_combiner_s_curves_go_by_update_and_are_those_of_the_one_kept(experiment: Experiment, store: Store) -> None:
    checks = [{"update": 0, "dev_loss": 3.0, "dev_log_likelihood": -2.9, "lambda": 0.5}]
    checks += [{**checks[0], "update": update, "training_loss": 2.5, "dev_loss": 2.0} for update in (50, 100)]
    with experiment.job("train-combiner", system="r_knn") as job:
        write_json(Path("record.json"), {"best_dev_loss": 2.0, "history": checks})
        job.trained(Path("record.json"), curves_by="update")
    run_id = store.only_run()
    assert store.rows("select name from runs") == [("r_knn/koran/seed1",)]
    assert store.curve(run_id, "train/loss") == [(50, 2.5), (100, 2.5)]
    assert store.curve(run_id, "dev/loss") == [(0, 3.0), (50, 2.0), (100, 2.0)]
    assert store.curve(run_id, "dev/log_likelihood") == [(0, -2.9), (50, -2.9), (100, -2.9)]
    assert store.curve(run_id, "dev/lambda") == [(0, 0.5), (50, 0.5), (100, 0.5)]
    assert store.curve(run_id, "dev/loss_best") == [(0, 2.0)]


def test_uploading_again_and_again_adds_nothing(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0, math.nan, 2.0])
    experiment.evaluate()
    before = store.everything()
    for _ in range(2):
        assert sync(experiment.config)[0] == 1
        assert store.everything() == before


def test_a_resumed_job_adds_nothing_it_has_said_before(experiment: Experiment, store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), experiment.job("train-adapter") as job:
        job.epoch({"round": 1, "updates": 9, "loss": 3.0, "dev_bleu": 5.0, "seconds": 1.5})
        raise KeyboardInterrupt
    assert store.statuses() == ["KILLED"]
    with experiment.job("train-adapter") as job:
        experiment.look()
        assert store.statuses() == ["RUNNING"]
        job.epoch({"round": 1, "updates": 9, "loss": 3.0, "dev_bleu": 5.0, "seconds": 1.5})
        job.epoch({"round": 2, "updates": 18, "loss": 2.0, "dev_bleu": 6.0, "seconds": 1.5})
        experiment.look()
        # alive while the job still runs
        assert store.curve(store.only_run(), "train/loss") == [(1, 3.0), (2, 2.0)]
    experiment.evaluate()
    assert store.statuses() == ["FINISHED"]
    rows = store.rows("select key, step from metrics where key in ('train/loss', 'dev/bleu', 'time/training_seconds')")
    assert len(rows) == len(set(rows)) == 6


def test_a_second_store_gets_everything_and_the_first_nothing_more(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0, 2.0])
    experiment.evaluate()
    before = store.everything()
    other = Store(Path("elsewhere") / "other.db")
    count, uri = sync(experiment.config, f"sqlite:///{experiment.path}/elsewhere/other.db")
    assert (count, uri) == (1, f"sqlite:///{experiment.path}/elsewhere/other.db")
    assert store.everything() == before
    for query in ("select key, value, timestamp, step from metrics order by 1, 4", "select key, value from params"):
        assert sorted(other.rows(query)) == sorted(store.rows(query))
    assert other.statuses() == ["FINISHED"]
    assert other.rows("select start_time, end_time from runs") == store.rows("select start_time, end_time from runs")


def test_a_store_that_was_deleted_is_filled_again(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0])
    store.path.unlink()
    assert experiment.ink("sync", "config.yaml").returncode == 0
    assert store.curve(store.only_run(), "train/loss") == [(1, 3.0)]


def test_a_run_made_just_before_its_id_could_be_written_down_is_found(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0])
    experiment.journal().update(mlflow={})
    experiment.evaluate()
    assert store.count("runs") == 1
    assert list(experiment.run()["mlflow"].values()) == [store.only_run()]


@pytest.mark.failure(
    "Tracking",
    "a run deleted in MLflow by a person",
    "stays deleted",
)
def test_a_run_that_somebody_deleted_in_mlflow_stays_deleted(experiment: Experiment, store: Store) -> None:
    from mlflow.tracking import MlflowClient

    experiment.train([3.0])
    MlflowClient(experiment.uri).delete_run(store.only_run())
    experiment.evaluate()
    assert store.rows("select lifecycle_stage from runs") == [("deleted",)]
    assert sync(experiment.config)[0] == 0


def test_a_deleted_experiment_is_named_with_what_brings_it_back(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlflow.tracking import MlflowClient

    experiment.train([3.0])
    client = MlflowClient(experiment.uri)
    client.delete_experiment(client.get_experiment_by_name("micro").experiment_id)
    experiment.evaluate()
    (line,) = capsys.readouterr().err.splitlines()
    assert "the experiment micro was deleted there; `mlflow experiments restore --experiment-id 1`" in line
    assert "results are on disk, `ink sync config.yaml` uploads them later" in line


def test_a_run_in_place_of_an_unfinished_one_ends_that_in_mlflow_too(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0])
    experiment.change("adapter.inner_dimension", 4)
    experiment.train([3.5])
    assert store.statuses() == ["KILLED", "RUNNING"]
    assert store.rows("select value from params where key = 'adapter.inner_dimension' order by value") == [
        ("4",),
        ("8",),
    ]


def test_a_run_that_begins_again_after_it_finished_is_a_second_run(experiment: Experiment, store: Store) -> None:
    for _ in range(2):
        experiment.train([3.0])
        experiment.evaluate()
    assert store.statuses() == ["FINISHED", "FINISHED"]


def test_scores_with_other_settings_are_a_complete_second_run(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0])
    experiment.evaluate()
    experiment.change("data.general_domain", None)
    experiment.evaluate(23.0)
    assert store.statuses() == ["FINISHED", "FINISHED"]
    runs = [run_id for (run_id,) in store.rows("select run_uuid from runs")]
    assert [store.curve(run_id, "train/loss") for run_id in runs] == [[(1, 3.0)]] * 2
    assert sorted(store.curve(run_id, "test/bleu") for run_id in runs) == [[(0, 20.0)], [(0, 23.0)]]


def test_an_earlier_job_repeated_leaves_a_finished_run_finished(experiment: Experiment, store: Store) -> None:
    experiment.train([3.0], "train-ink-round", system="ink", number=1)
    with experiment.job("finish-ink", system="ink"):
        pass
    experiment.evaluate(system="ink")
    with experiment.job("finish-ink", system="ink"):
        experiment.look()
        assert store.statuses() == ["RUNNING"]
    assert store.statuses() == ["FINISHED"]


@pytest.mark.failure(
    "Tracking",
    "a job that fails",
    "its run is FAILED in MLflow, with the error and the log",
)
def test_a_failed_job_ends_failed_with_its_error_and_its_log_and_goes_on_when_repeated(
    experiment: Experiment, store: Store
) -> None:
    log = Path("job.log")
    log.write_text("error: the disk\nis full\n")
    with pytest.raises(InkError), experiment.job("train-adapter", log=log):
        raise InkError("the disk\nis full")
    assert store.statuses() == ["FAILED"]
    run_id = store.only_run()
    assert store.tags(run_id)["ink.error"] == "train-adapter: the disk is full [other/no-code]"
    assert (store.files() / "logs" / "train-adapter.log").read_text() == log.read_text()
    assert experiment.journal().jobs()["train-adapter"]["error"] == "the disk is full [other/no-code]"
    experiment.train([3.0])
    experiment.evaluate()
    assert store.statuses() == ["FINISHED"]
    assert store.only_run() == run_id
    assert "ink.error" not in store.tags(run_id)


def test_an_unforeseen_error_is_named_by_its_kind(experiment: Experiment) -> None:
    with pytest.raises(KeyError), experiment.job("train-adapter"):
        raise KeyError("no such key")
    assert experiment.journal().jobs()["train-adapter"]["error"] == "KeyError: 'no such key'"


def test_a_terminated_job_ends_killed(experiment: Experiment, store: Store) -> None:
    import os
    import signal

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as ended, experiment.job("train-adapter"):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal was not heard")
    assert ended.value.code == 143
    assert store.statuses() == ["KILLED"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_two_seeds_are_two_runs_of_one_experiment(experiment: Experiment, store: Store) -> None:
    for seed in (1, 2):
        experiment.train([3.0 + seed], seed=seed)
    assert store.count("runs") == 2
    assert len(store.rows("select distinct experiment_id from runs")) == 1
    assert {store.tags(run_id)["seed"] for (run_id,) in store.rows("select run_uuid from runs")} == {"1", "2"}


def test_more_points_than_mlflow_takes_at_once(experiment: Experiment, store: Store) -> None:
    with experiment.job("train-adapter") as job:
        for step in range(2100):
            job.record.point("train/loss", step, 1.0 / (1 + step))
        job.record.write()
    assert len(store.curve(store.only_run(), "train/loss")) == 2100


def test_nothing_is_said_where_all_is_well(experiment: Experiment, capfd: pytest.CaptureFixture[str]) -> None:
    experiment.train([3.0])
    experiment.evaluate()
    assert capfd.readouterr() == ("", "")


@pytest.mark.failure(
    "Tracking",
    "a tracking database that cannot be written",
    "a line, `tracking: sqlite:///.../mlflow.db: ... file is not a database ...; results are on disk, ink sync "
    "CONFIG uploads them later`; the job goes on",
)
def test_a_database_that_cannot_be_written_costs_a_line(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mlflow.db").write_text("this is no database, and long enough to be taken for a damaged one")
    experiment.train([3.0, 2.0])
    experiment.evaluate()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2  # one for each job
    for line in lines:
        assert line.startswith("tracking: sqlite:///mlflow.db: ")
        assert "file is not a database" in line
    assert experiment.run()["status"] == "FINISHED"


def test_where_runs_go(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_uri(experiment.config) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:1")
    assert configured_uri(experiment.config) == "http://environment:1"
    experiment.change("mlflow.tracking_uri", "http://config:2")
    assert configured_uri(experiment.config) == "http://config:2"


def test_a_password_is_neither_shown_nor_kept(experiment: Experiment) -> None:
    assert without_password("https://me:secret@host:5000/path") == "https://host:5000/path"
    assert without_password("sqlite:////tmp/a@b.db") == "sqlite:////tmp/a@b.db"
    assert "secret" not in Uploader(ExperimentRun(experiment.config), "http://me:secret@127.0.0.1:1").uri
