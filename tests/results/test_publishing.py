"""Committed copies of an experiment's results, and whether those that are committed are still what the code renders."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from ink.cli.results import report
from ink.runtime.errors import InkError
from ink.tools.publishing import publish

REPOSITORY = Path(__file__).resolve().parents[2]
PUBLISHED = REPOSITORY / "results" / "published"
RENDERED = ("tables", "figures", "report.html")


def render(results: Path, *options: str) -> None:
    done = CliRunner().invoke(report, [str(results), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def with_leftovers(finished: Path) -> Path:
    """What else a run leaves in its results folder."""
    for name in ("logs/train_base.log", "runs/ink/koran/seed1/run.json", "workflow.json", ".running", "tables/.x.lock"):
        path = finished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n", encoding="utf-8")
    return finished


def change_call(results: Path, **changed: Any) -> None:
    (call,) = json.loads((results / "environment.json").read_text(encoding="utf-8"))
    (results / "environment.json").write_text(json.dumps([call, call | changed]), encoding="utf-8")


def test_what_readers_and_rendering_need_is_copied(with_leftovers: Path) -> None:
    copy = publish(with_leftovers)
    assert copy == with_leftovers.parent / "published" / "small"
    assert sorted(path.name for path in copy.iterdir()) == [
        *("benchmarks", "config.yaml", "corpus", "curves.csv", "environment.json", "figures", "hypotheses"),
        *("knn_accuracy", "references", "report.html", "scores", "speed", "tables"),
    ]
    assert not list(copy.rglob(".*"))
    original = contents(with_leftovers)
    assert contents(copy).items() <= original.items()


def test_the_copy_renders_to_the_same_bytes(finished: Path) -> None:
    copy = publish(finished)
    before = contents(copy)
    shutil.rmtree(finished)
    for name in ("tables", "figures"):
        shutil.rmtree(copy / name)
    render(copy)
    assert contents(copy) == before


def test_text_that_may_not_be_given_away_stays_behind(finished: Path) -> None:
    words = {word for path in (finished / "references").rglob("*.*") for word in path.read_text("utf-8").splitlines()}
    copy = publish(finished, without_text=True)
    left_out = {name for name in contents(finished) if name.startswith(("hypotheses/", "references/"))}
    assert left_out
    assert contents(finished).keys() - contents(copy).keys() == left_out
    for path in copy.rglob("*.*"):
        if path.suffix in (".html", ".json", ".md", ".csv", ".tex"):
            content = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in content], path
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as counted:
                assert {name for name in counted.files if counted[name].dtype.kind not in "iuf"} == {
                    *("run", "hypotheses", "references")
                }


def test_a_copy_without_text_renders_to_the_same_bytes(experiment: Callable[..., Path]) -> None:
    """Counts by sentence take the place of the text, for tables with intervals in every metric."""
    results = experiment(evaluation={"metrics": ["bleu", "ter", "chrf"]})
    render(results)
    copy = publish(results, without_text=True)
    before = contents(copy)
    assert {name for name in before if name.startswith("statistics/")} == {
        f"statistics/{path.relative_to(results / 'hypotheses').with_suffix('.npz')}"
        for path in (results / "hypotheses").rglob("*.en")
    }
    for name in ("tables", "figures"):
        shutil.rmtree(copy / name)
    render(copy)
    assert contents(copy) == before
    assert {name: before[name] for name in before if name.startswith("tables/")} == {
        name: content for name, content in contents(results).items() if name.startswith("tables/")
    }


def test_a_copy_without_text_can_be_copied_on(finished: Path) -> None:
    copy = publish(finished, without_text=True)
    again = publish(copy, without_text=True)
    assert contents(again) == contents(copy)


def test_older_copies_without_text_say_what_they_lack(finished: Path) -> None:
    copy = publish(finished, without_text=True)
    shutil.rmtree(copy / "statistics")
    with pytest.raises(InkError, match=r"does not exist; .*an older version published without its text"):
        render(copy)
    render(copy, "--page-only")


def test_an_older_copy_is_replaced_as_a_whole(finished: Path) -> None:
    copy = publish(finished)
    (copy / "scores" / "old.json").write_text("{}", encoding="utf-8")
    (finished / "report.html").write_text("new", encoding="utf-8")
    assert publish(finished) == copy
    assert (copy / "report.html").read_text(encoding="utf-8") == "new"
    assert not (copy / "scores" / "old.json").exists()
    assert [path.name for path in copy.parent.iterdir()] == ["small"]


@pytest.mark.parametrize("name", ["tables/table2.tex", "tables/table5.html", "figures/figure4.svg", "report.html"])
def test_an_incomplete_experiment_is_refused(finished: Path, name: str) -> None:
    (finished / name).unlink()
    with pytest.raises(InkError, match=rf"not complete: {name} missing"):
        publish(finished)
    assert not (finished.parent / "published").exists()


def test_what_the_config_does_not_have_is_not_missed(experiment: Callable[..., Path]) -> None:
    results = experiment(speed={"domain": None})
    render(results)
    assert not (publish(results) / "tables" / "table5.csv").exists()


@pytest.mark.parametrize("commit", ["c0ffee-dirty", None])
def test_code_that_no_commit_holds_is_refused(finished: Path, commit: str | None) -> None:
    change_call(finished, git_commit=commit)
    with pytest.raises(InkError, match="no commit holds"):
        publish(finished)
    assert publish(finished, allow_dirty=True).is_dir()


def test_code_that_nobody_knows_is_refused(finished: Path) -> None:
    (finished / "environment.json").unlink()
    with pytest.raises(InkError, match=r"environment\.json is missing"):
        publish(finished)


def test_a_folder_without_an_experiment(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="is not there: no experiment has been run"):
        publish(tmp_path / "results" / "mini")


def test_an_experiment_that_is_being_run(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.parent.parent)
    with (finished / ".running").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps({"pid": 7, "started": "today", "command": "snakemake"}))
        file.flush()
        with pytest.raises(InkError, match="is being written by process 7 since today"):
            publish(finished)


def test_copies_can_be_committed() -> None:
    """What git ignores in results/ does not reach the copies, whose benchmarks and hypotheses are committed too."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git clone")
    for name in ("mini/report.html", "mini/benchmarks/train_base.tsv", "mini/hypotheses/ink/koran/seed1.en"):
        done = subprocess.run(["git", "-C", str(REPOSITORY), "check-ignore", "-q", f"results/published/{name}"])
        assert done.returncode == 1, name


def test_the_shipped_experiment_is_published() -> None:
    """A clone shows the tables of `make reproduce` without running it: ink publish results/mini, then commit."""
    assert (PUBLISHED / "mini" / "report.html").is_file()


@pytest.mark.parametrize("name", sorted(path.name for path in PUBLISHED.glob("[!.]*")) if PUBLISHED.is_dir() else [])
def test_what_is_published_is_what_the_code_renders(name: str, tmp_path: Path) -> None:
    """A change of how tables are made has to be published with it: ink report results/published/EXPERIMENT."""
    shutil.copytree(PUBLISHED.parent / "paper", tmp_path / "paper")
    copy = tmp_path / "published" / name
    shutil.copytree(PUBLISHED / name, copy)
    if any((copy / name).is_dir() for name in ("references", "statistics")):
        for rendered in ("tables", "figures"):
            shutil.rmtree(copy / rendered)
        render(copy)
    else:
        render(copy, "--page-only")
    before, after = contents(PUBLISHED / name), contents(copy)
    # PNG is compressed by whatever zlib there is
    different = [file for file in before if not file.endswith(".png") and before[file] != after.get(file)]
    assert different == []
    assert before.keys() == after.keys()
