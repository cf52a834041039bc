"""Tables, figures and the report are planned from results/ alone: what work/ held is not missed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.results import contents
from ink.results.records.workflow_calls import calls

REPOSITORY = Path(__file__).resolve().parents[2]

# a domain and two systems of the micro experiment: everything that a table needs, and few jobs
SMALL = ("--configfile", "micro.yaml", "--config", "domains=[koran]", "systems=[off_the_shelf, v_knn, adapter]")
RENDERED = {"table1": 1, "table2": 1, "figures": 1}


def outputs(plan: Any) -> list[str]:
    """Every output of every planned job."""
    return [
        path for line in re.findall(r"^ +output: (.+)$", plan.text, flags=re.MULTILINE) for path in line.split(", ")
    ]


@pytest.fixture(scope="module")
def touched(tmp_path_factory: pytest.TempPathFactory, clone: Any) -> Any:
    """An experiment whose every job Snakemake believes to have run, with its settings; files say nothing."""
    path = tmp_path_factory.mktemp("touched") / "ink"
    shutil.copytree(clone.path, path)
    workspace = type(clone)(path)
    plan = workspace.plan(*SMALL)
    assert plan.code == 0, plan.text
    found = outputs(plan)
    assert "results/micro/scores/adapter/koran/seed1.json" in found
    for name in found:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix:
            file.write_text("x\n", encoding="utf-8")
        else:
            file.mkdir()
            (file / "file").write_text("x\n", encoding="utf-8")
    done = workspace.snakemake("--touch", "--forceall", "--cores", "1", *SMALL)
    assert done.code == 0, done.text
    assert workspace.plan(*SMALL).planned == {}
    return workspace


@pytest.fixture
def without_work(touched: Any, tmp_path: Path) -> Any:
    """The same, to change, with work/ deleted."""
    shutil.copytree(touched.path, tmp_path / "ink", symlinks=True)
    workspace = type(touched)(tmp_path / "ink")
    shutil.rmtree(workspace.path / "work")
    return workspace


def delete_rendered(workspace: Any) -> None:
    for name in ("tables", "figures"):
        shutil.rmtree(workspace.path / "results" / "micro" / name)


def planned(workspace: Any, *arguments: str) -> dict[str, int]:
    """The jobs that do something: target rules do nothing."""
    plan = workspace.plan(*arguments)
    assert plan.code == 0, plan.text
    return {rule: count for rule, count in plan.planned.items() if rule != "tables"}


def test_the_settings_of_jobs_are_known(touched: Any) -> None:
    """Or nothing below would say anything: a changed setting of a job reruns it."""
    changed = (*SMALL, "v_knn={temperature: 5}")
    assert planned(touched, *changed) == {"tune_v_knn": 1, "evaluate": 1, "table2": 1, "figures": 1, "report": 1}


def test_who_renders_is_not_written_down_as_who_measured(without_work: Any) -> None:
    results = without_work.path / "results" / "micro"
    (call,) = calls(results)
    assert "--forceall" in call.command
    done = without_work.snakemake("tables", "--touch", "--forcerun", *RENDERED, "--cores", "1", *SMALL)
    assert done.code == 0, done.text
    assert "Finished" in done.text
    assert calls(results) == [call]


def test_without_work_nothing_is_to_be_done(without_work: Any) -> None:
    assert planned(without_work, *SMALL) == {}
    assert planned(without_work, "tables", *SMALL) == {}


def test_deleted_tables_and_figures_are_rendered_and_nothing_else_runs(without_work: Any) -> None:
    delete_rendered(without_work)
    assert planned(without_work, "tables", *SMALL) == RENDERED
    assert planned(without_work, *SMALL) == {**RENDERED, "report": 1}
    (without_work.path / "results" / "micro" / "report.html").unlink()
    assert planned(without_work, "tables", *SMALL) == RENDERED


def test_tables_can_be_asked_for_again(without_work: Any) -> None:
    assert planned(without_work, "tables", *SMALL, "--forcerun", *RENDERED) == RENDERED
    assert planned(without_work, "tables", *SMALL, "evaluation={bootstrap_samples: 50}") == RENDERED


def test_results_that_came_from_elsewhere_are_enough(without_work: Any) -> None:
    """On another machine nothing is known of the jobs that were run, and files have the time of their copying."""
    results = without_work.path / "results" / "micro"
    shutil.rmtree(without_work.path / ".snakemake")
    delete_rendered(without_work)
    for number, path in enumerate(sorted(results.rglob("*"))):
        if path.is_file():
            copied = path.with_name(f"{number}.copy")
            shutil.copyfile(path, copied)
            copied.replace(path)
    assert planned(without_work, "tables", *SMALL) == RENDERED


def test_a_score_that_a_table_lacks_is_made_again(without_work: Any) -> None:
    delete_rendered(without_work)
    (without_work.path / "results" / "micro" / "scores" / "v_knn" / "koran" / "seed1.json").unlink()
    assert {"train_base", "tune_v_knn", "evaluate"} <= planned(without_work, "tables", *SMALL).keys()


def test_snakemake_s_own_report_has_captions_for_what_is_shown(touched: Any, tmp_path: Path) -> None:
    """It is made of what lies there, without a network: here, of files that say nothing."""
    shutil.copytree(touched.path, tmp_path / "ink", symlinks=True)
    workspace = type(touched)(tmp_path / "ink")
    done = workspace.snakemake("--report", "snakemake-report.html", *SMALL)
    assert done.code == 0, done.text
    html = (workspace.path / "snakemake-report.html").read_text(encoding="utf-8")
    for name in ("table1.html", "table2.html", "gains.html", "general.html", "figure3.svg", "report.html"):
        assert f"Adding {name}" in done.text
    for text in (
        "Sentence pairs of each domain",
        "memory that a system adds to the base model at inference",
        "off_the_shelf",
    ):
        assert text in html


def test_every_table_and_figure_has_a_caption() -> None:
    # with controls and ablations; with the leaderboard of all methods
    configs = [load(REPOSITORY / "config" / name) for name in ("mini-full.yaml", "methods.yaml")]
    pieces = [piece for config in configs for piece in (*contents.tables(config), *contents.figures(config))]
    captions = {path.stem for path in (REPOSITORY / "workflow" / "report").glob("*.rst")}
    assert captions == {piece.name for piece in pieces} | {"report", "workflow"}
