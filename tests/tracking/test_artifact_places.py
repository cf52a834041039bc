"""The project's database and the files beside it, whatever its folder is called and wherever it has been moved to."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ink.tracking.artifact_places import follow_project
from ink.tracking.store import database_file
from ink.tracking.syncing import sync

from .conftest import Experiment, Store, enter


def moved(experiment: Experiment, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The experiment in another folder, where it goes on."""
    enter(folder, monkeypatch)
    return Experiment(folder, experiment.config)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            id=case,
            marks=pytest.mark.failure(
                "Paths and places",
                f"the project in a folder called `{name}`",
                "runs are in its own `mlflow.db`, which `mlflow ui` opens there, and their files in its own `mlruns/`",
            ),
        )
        for case, name in {
            "blank": "my ink",
            "umlaut": "müller",
            "percent": "a%20b",
            "signs": "what? #1: Jörg's $HOME",
        }.items()
    ],
)
def test_runs_and_files_are_in_the_project_s_folder(
    experiment: Experiment, store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from mlflow import MlflowClient

    folder = experiment.path / "home" / name
    folder.mkdir(parents=True)
    here = moved(experiment, folder, monkeypatch)
    here.write()
    here.train([3.0])
    assert list(folder.parent.iterdir()) == [folder]
    assert store.count("runs") == 1
    assert store.files() == folder / "mlruns" / "micro" / store.only_run() / "artifacts"
    assert (store.files() / "config.yaml").read_bytes() == Path("config.yaml").read_bytes()
    # the address of its default is what `mlflow ui` opens in this folder
    client = MlflowClient("sqlite:///mlflow.db")
    assert [file.path for file in client.list_artifacts(store.only_run())] == ["config.yaml"]


@pytest.mark.failure(
    "Paths and places",
    "a project that was copied with its `mlflow.db`, and goes on in the copy",
    "the copy's runs, old and new, have their files in the copy; nothing is written into the original",
)
def test_a_copy_leaves_the_original_alone(
    experiment: Experiment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = experiment.path / "original"
    original.mkdir()
    here = moved(experiment, original, monkeypatch)
    here.write()
    here.train([3.0])
    before = everything_in(original)
    first = store.only_run()
    shutil.copytree(original, experiment.path / "a copy")
    copy = moved(here, experiment.path / "a copy", monkeypatch)
    copy.train([3.0], seed=2)
    assert everything_in(original) == before
    for run_id, name in ((first, "adapter/koran/seed1"), (store.run_named("adapter/koran/seed2"), "new")):
        assert store.files(run_id).is_relative_to(copy.path), name
        assert (store.files(run_id) / "config.yaml").is_file(), name


def test_a_project_that_was_renamed_has_one_run_of_each_and_its_files(
    experiment: Experiment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = experiment.path / "before", experiment.path / "größer, schöner"
    before.mkdir()
    here = moved(experiment, before, monkeypatch)
    here.write()
    here.train([3.0])
    run_id = store.only_run()
    before.rename(after)
    there = moved(here, after, monkeypatch)
    assert sync(there.config) == (1, "sqlite:///mlflow.db")
    assert store.only_run() == run_id
    assert store.files().is_relative_to(after) and (store.files() / "config.yaml").is_file()
    assert not before.exists()


# of runs and of models, as MLflow's database has them
ADDRESSES = {
    **{"experiments": "artifact_location", "runs": "artifact_uri"},
    **{"logged_models": "artifact_location", "model_versions": "storage_location"},
}


def locations(database: Path, *before: str) -> list[str]:
    """Make a database with these addresses if there are any; return those that it has."""
    with closing(sqlite3.connect(database)) as connection, connection:
        if before:
            for table, column in ADDRESSES.items():
                connection.execute(f"create table {table} ({column} text)")
                connection.executemany(f"insert into {table} values (?)", [(address,) for address in before])
        found = [
            [address for (address,) in connection.execute(f"select {column} from {table}")]
            for table, column in ADDRESSES.items()
        ]
        assert all(addresses == found[0] for addresses in found)
        return found[0]


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("/old/place/mlruns/1", "mlruns/1"),  # as MLflow writes by itself
        (Path("/old/place/mlruns/micro").as_uri(), "mlruns/micro"),
        ("/old/mlruns.d/1", None),  # chosen by somebody
        ("/data/runs", None),
        ("s3://bucket/mlruns/1", None),
        ("mlflow-artifacts:/mlruns/1", None),
    ],
)
def test_addresses_below_the_former_place_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, here: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    locations(Path("mlflow.db"), address, "/old/placement/mlruns/1")
    follow_project(Path("mlflow.db"), address)
    expected = address if here is None else (tmp_path / here).as_uri()
    assert locations(Path("mlflow.db")) == [expected, "/old/placement/mlruns/1"]


def test_a_database_outside_the_project_and_a_link_to_the_project_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, link = tmp_path / "project", tmp_path / "link"
    (project / "mlruns").mkdir(parents=True)
    link.symlink_to(project)
    locations(tmp_path / "shared.db", "/old/place/mlruns/1")
    locations(project / "mlflow.db", f"{link}/mlruns/1")
    monkeypatch.chdir(project)
    follow_project(tmp_path / "shared.db", "/old/place/mlruns/1")
    follow_project(Path("mlflow.db"), f"{link}/mlruns/1")
    assert locations(tmp_path / "shared.db") == ["/old/place/mlruns/1"]
    assert locations(Path("mlflow.db")) == [f"{link}/mlruns/1"]


def test_a_database_is_made_where_its_address_says_and_nothing_beside_it(experiment: Experiment) -> None:
    """Its lock is beside it as well: the folder of another name was made for that."""
    uri = f"sqlite:///{experiment.path}/my%20runs/all of them.db"
    assert database_file(f"{uri}?timeout=5") == experiment.path / "my%20runs" / "all of them.db"
    assert database_file("http://localhost:5000") is None
    sync(experiment.config, uri)
    assert (experiment.path / "my%20runs" / "all of them.db").is_file()
    assert not (experiment.path / "my runs").exists()
