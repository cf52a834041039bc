"""Kill -9 at any moment; the same command, typed again, ends with what an undisturbed run gives."""

from __future__ import annotations

import importlib.util
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.runtime.whole_files import read_json

_spec = importlib.util.spec_from_file_location("killing", Path(__file__).with_name("killing.py"))
assert _spec is not None and _spec.loader is not None
killing = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(killing)

CALL = ("--cores", "2", "--configfile", "micro.yaml")
KILLS = 20
SEED = 20


def outcome(folder: Path) -> dict[str, Any]:
    """All that a reader compares, byte for byte, but for what was timed, as Table 5 is."""
    results = folder / "results" / "micro"
    found: dict[str, Any] = {}
    for path in sorted([*results.glob("tables/*"), *results.glob("figures/*"), *results.glob("hypotheses/**/*.en")]):
        if path.stem == "table5":
            continue
        found[str(path.relative_to(results))] = path.read_bytes()
    for path in sorted(results.glob("scores/**/*.json")):
        found[str(path.relative_to(results))] = {**read_json(path), "decoding": None}
    for path in sorted((folder / "work" / "micro" / "adapters").glob("*/*/*/record.json")):
        history = read_json(path)["history"]
        found[str(path.relative_to(folder))] = [{**entry, "seconds": None} for entry in history]
    return found


def leftovers(workspace: Any) -> list[str]:
    return workspace.files("**/.*partial*") + workspace.files("**/.*unfinished*") + workspace.files("**/.*.lock")


@pytest.fixture
def three_systems(after_micro: Callable[[], Any]) -> tuple[Any, tuple[str, ...], dict[str, Any]]:
    """A finished experiment of three systems, the command that made it, and its outcome."""
    workspace = after_micro()
    # with INK there was a Table 3 and a Figure 4
    for rendered in ("tables", "figures"):
        shutil.rmtree(workspace.path / "results/micro" / rendered)
    call = (*CALL, "--config", "systems=[off_the_shelf, v_knn, adapter]")
    made = workspace.snakemake(*call)
    assert made.code == 0, made.text
    return workspace, call, outcome(workspace.path)


@pytest.mark.failure(
    "Two at once and killed",
    "a workflow killed with SIGKILL, alone or with its whole process group, in a datastore write, a training "
    "epoch, decoding, or while tables are rendered",
    "the same command goes on without `--unlock` and ends with the same tables, byte for byte",
)
@pytest.mark.slow
def test_killed_in_training_a_datastore_decoding_and_tables_it_finishes_with_the_same_tables(
    three_systems: Any,
) -> None:
    workspace, call, expected = three_systems
    results, work = workspace.path / "results" / "micro", workspace.path / "work" / "micro"
    for path in (
        *(
            work / name
            for name in ("adapters/adapter/koran", "datastores/decoder_output/koran", "combiners/v_knn/koran")
        ),
        *(results / kind / system / "koran" for kind in ("scores", "hypotheses") for system in ("adapter", "v_knn")),
        results / "tables",
        results / "logs",
    ):
        shutil.rmtree(path)
    phases = {
        "a datastore write": lambda: list((work / "datastores").glob("decoder_output/.koran*")),
        "a training epoch": lambda: list((work / "adapters").glob("adapter/koran/.seed1.unfinished/checkpoint.pt")),
        "decoding": lambda: "translating" in log(results / "logs/evaluate/adapter/koran/seed1.log"),
        "tables": lambda: (results / "logs/table2.log").exists(),
    }
    for number, (phase, reached) in enumerate(phases.items()):
        with killing.Running(workspace, *call) as running:
            killing.wait_until(lambda: reached() or running.has_ended, phase)  # noqa: B023 (called at once)
            assert reached(), f"{phase}: {running.text[-3000:]}"
            running.kill(whole_group=number % 2 == 1)
            running.wait_for_orphans()
    finished = workspace.snakemake(*call)
    assert finished.code == 0, finished.text
    assert "unlock" not in finished.text
    assert outcome(workspace.path) == expected
    assert leftovers(workspace) == []
    again = workspace.snakemake(*call)
    assert "Nothing to be done" in again.text


def log(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


@pytest.mark.failure(
    "Two at once and killed",
    "a second workflow of an experiment beside a living one",
    "`experiment micro is being run in this folder already: process 4711, started ..., snakemake ...; wait for "
    "it or stop it [job/already-running]`; planning (`-n`) is allowed",
)
def test_a_second_workflow_is_refused_while_the_first_lives_and_planning_is_not(three_systems: Any) -> None:
    workspace, call, expected = three_systems
    shutil.rmtree(workspace.path / "work/micro/adapters/adapter/koran")
    shutil.rmtree(workspace.path / "results/micro/scores/adapter/koran")
    shutil.rmtree(workspace.path / "results/micro/tables")
    jobs_log = workspace.path / "results/micro/logs/train_adapter/adapter/koran/seed1.log"
    jobs_log.unlink()
    with killing.Running(workspace, *call) as running:
        killing.wait_until(lambda: jobs_log.exists() or running.has_ended, "a job has begun")
        running.pause()
        second = workspace.snakemake(*call)
        assert second.code != 0
        message = f"experiment micro is being run in this folder already: process {running.process.pid}, started "
        assert message in second.text
        assert "Traceback" not in second.text
        planned = workspace.plan(*call)
        assert planned.code == 0, planned.text
        running.go_on()
        assert running.process.wait(600) == 0, running.text
    assert outcome(workspace.path) == expected


@pytest.mark.failure(
    "Two at once and killed",
    "a workflow killed with SIGKILL at twenty random moments",
    "the tables of an undisturbed run",
)
@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_with_the_tables_of_an_undisturbed_run(
    micro: Any, workspace: Any
) -> None:
    undisturbed, run = micro
    assert run.code == 0, run.text
    draw = random.Random(SEED)
    for number in range(KILLS):
        with killing.Running(workspace, *CALL) as running:
            try:
                running.process.wait(draw.uniform(2.0, 16.0))
            except killing.subprocess.TimeoutExpired:
                running.kill(whole_group=number % 2 == 1)
                running.wait_for_orphans()
                continue
            assert running.process.returncode == 0, running.text
        # it has ended before its moment: what is to be killed next renders tables
        shutil.rmtree(workspace.path / "results/micro/tables")
    finished = workspace.snakemake(*CALL)
    assert finished.code == 0, finished.text
    assert outcome(workspace.path) == outcome(undisturbed.path)
    assert leftovers(workspace) == []
