"""docs/own-method.md does what it says: each method, written where the page says, reaches the jobs of Table 2."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ink.config.history import CURRENT

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = (
    "ink",
    "workflow",
    "config",
    "profiles",
    "docs",
    "results/paper",
    "results/published/mini/models",
    "Snakefile",
)


def blocks(page: str, language: str) -> list[str]:
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


WITH_METRIC, WITH_COMBINER, SETTINGS, WITH_TERM = blocks("own-method.md", "bash")
FORMULA, TERM, WEIGHT, TEST = blocks("own-method.md", "python")
(VERSION,) = blocks("own-method.md", "text")


@pytest.fixture
def copy(copy_of: Callable[..., Path]) -> Path:
    """A copy of the repository, in which the page's text is written."""
    return copy_of(COPIED)


def run(copy: Path, *command: str) -> str:
    """Run a command with the copy's own code; return what it said."""
    done = subprocess.run(
        command,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def planned(copy: Path, command: str) -> str:
    """Return what the page's command would run."""
    program, *arguments = shlex.split(command)
    assert program == "snakemake"
    return run(copy, str(Path(sys.executable).parent / program), "--dry-run", *arguments)


def insert(path: Path, place: str, text: str) -> None:
    """Write text before the one place of a file."""
    before, found, after = path.read_text(encoding="utf-8").partition(place)
    assert found and place not in after
    path.write_text(before + text + found + after, encoding="utf-8")


def test_a_metric_and_a_combiner_reach_the_jobs_of_table_2(copy: Path) -> None:
    module, entry, _ = blocks("adding-a-metric.md", "python")
    (copy / "ink/metrics/per.py").write_text(module, encoding="utf-8")
    with (copy / "ink/metrics/known_metrics.py").open("a", encoding="utf-8") as file:
        file.write(entry)
    plan = planned(copy, WITH_METRIC)
    assert "results/demo/scores/ink/koran/seed1.per.json" in plan
    assert "results/demo/tables/table2.csv" in plan

    module, *_ = blocks("adding-a-system.md", "python")
    (copy / "ink/combiners/by_distance.py").write_text(module, encoding="utf-8")
    with (copy / "config/demo.yaml").open("a", encoding="utf-8") as file:
        file.write(blocks("adding-a-system.md", "yaml")[0])
    plan = planned(copy, WITH_COMBINER)
    assert "results/demo/scores/distance_knn/koran/seed1.json" in plan
    assert "results/demo/tables/table2.csv" in plan


def test_a_term_is_a_formula_a_weight_and_a_row(copy: Path) -> None:
    insert(copy / "ink/training/losses.py", "@dataclass(frozen=True)\nclass Retrieved", f"{FORMULA}\n\n")
    losses = (copy / "ink/training/losses.py").read_text(encoding="utf-8")
    assert losses.partition("INK_TERMS = (\n")[2].endswith("\n)\n")
    (copy / "ink/training/losses.py").write_text(f"{losses.removesuffix(')' + chr(10))}{TERM})\n", encoding="utf-8")
    insert(copy / "ink/config/sections/trained_systems.py", "\n\nclass NeighbourSearch", WEIGHT)
    insert(copy / "ink/config/history.py", "}\nCURRENT =", VERSION.replace("N:", f"{CURRENT + 1}:"))
    assert SETTINGS == "make settings\n"
    run(copy, sys.executable, "-m", "ink.config.documents")  # what it runs
    assert "| `gamma` | `0.0` |" in (copy / "docs/configuration.md").read_text(encoding="utf-8")

    run(copy, sys.executable, "-c", TEST)
    curves = "from ink.training.ink_objective import InkObjective; print(*InkObjective.curves)"
    assert "loss_p" in run(copy, sys.executable, "-c", curves).split()
    plan = planned(copy, WITH_TERM)
    assert "results/pulled/scores/ink/koran/seed1.json" in plan
    assert "results/pulled/tables/table2.csv" in plan
