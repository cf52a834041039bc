"""Tables, figures and report as files of the experiment's run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ink.tracking.syncing import sync

from .conftest import Experiment, Store
from .test_servers import closed_port

ALL = {name: f"{name}\n" for name in ("tables/table2.md", "tables/table2.csv", "figures/figure3.svg")}
ALL["report.html"] = "<!doctype html>\n<meta charset=utf-8>–\n"


@pytest.fixture
def rendered(experiment: Experiment) -> Experiment:
    for name, text in ALL.items():
        path = experiment.results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (experiment.results / "tables" / ".table1.partial.md").write_text("half")
    (experiment.results / "config.yaml").write_text("experiment: micro\n")
    return experiment


def artifacts(store: Store) -> dict[str, str]:
    """What the experiment's run has, by name."""
    folder = store.files(store.experiment_run())
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


def test_what_was_rendered_is_in_the_experiment_s_run(rendered: Experiment, store: Store) -> None:
    rendered.evaluate()
    assert artifacts(store) == {}
    done = rendered.ink("log-report", "config.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "config.yaml: 4 files in the run micro of sqlite:///mlflow.db\n"
    assert artifacts(store) == ALL
    assert store.status(store.experiment_run()) == "FINISHED"
    # rendered again
    (rendered.results / "tables" / "table2.md").write_text("other\n")
    assert rendered.ink("log-report", "config.yaml").returncode == 0
    assert artifacts(store) == {**ALL, "tables/table2.md": "other\n"}


def test_a_fragment_s_characters_are_named_and_no_whole_page_s(rendered: Experiment, store: Store) -> None:
    rendered.evaluate()
    (rendered.results / "tables" / "table2.html").write_text("<figure>–</figure>\n", encoding="utf-8")
    assert rendered.ink("log-report", "config.yaml").returncode == 0
    head = '<!doctype html>\n<meta charset="utf-8">\n'
    assert artifacts(store) == {**ALL, "tables/table2.html": f"{head}<figure>–</figure>\n"}


def test_sync_brings_it_into_another_store(rendered: Experiment) -> None:
    rendered.evaluate()
    sync(rendered.config, f"sqlite:///{rendered.path}/other.db")
    assert artifacts(Store(Path("other.db"))) == ALL


def test_nothing_rendered_is_said_and_is_no_failure(experiment: Experiment, store: Store) -> None:
    done = experiment.ink("log-report", "config.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "config.yaml: no tables, figures or report under results/micro yet\n"
    assert not store.path.exists()


def test_without_its_server_a_line_is_all_it_costs(rendered: Experiment) -> None:
    uri = f"http://127.0.0.1:{closed_port()}"
    done = rendered.ink("log-report", "config.yaml", MLFLOW_TRACKING_URI=uri)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        f"tracking: MLflow at {uri} cannot be reached (Connection refused); results are on disk, "
        "`ink sync config.yaml` uploads them later\n"
    )


def test_a_run_that_somebody_deleted_is_named(rendered: Experiment, store: Store) -> None:
    from mlflow.tracking import MlflowClient

    rendered.evaluate()
    MlflowClient(rendered.uri).delete_run(store.experiment_run())
    done = rendered.ink("log-report", "config.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("mlflow.db was deleted there\n")
    assert artifacts(store) == {}
