"""A metric, a system or a combiner is a module and one entry: which files that touches, in a copy of the repository."""

from __future__ import annotations

import filecmp
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ink.config import load

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("ink", "workflow", "config", "profiles", "results/paper", "Snakefile")
EXPERIMENT = "config/config.yaml"
DOMAINS = load(REPOSITORY / EXPERIMENT)["domains"]
KERNEL_SMOOTHED = REPOSITORY / "ink" / "combiners" / "kernel_smoothed.py"


def blocks(page: str, language: str) -> list[str]:
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Copy:
    """A copy of the repository, in which a walk writes."""

    path: Path

    def add(self, name: str, text: str) -> None:
        """Add a module, or an entry at a file's end."""
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def change_experiment(self, **changes: Any) -> None:
        path = self.path / EXPERIMENT
        config = {**load(path), **changes}
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def touched(self) -> set[str]:
        """The files that differ from the repository's, or that it does not have."""
        here = {str(path.relative_to(self.path)) for path in self.path.rglob("*") if path.is_file()}
        here = {name for name in here if "__pycache__" not in name and name.startswith(COPIED)}
        return {
            name
            for name in here
            if not (REPOSITORY / name).is_file() or not filecmp.cmp(REPOSITORY / name, self.path / name, shallow=False)
        }

    def planned(self, *arguments: str) -> tuple[dict[str, int], str]:
        """Plan the workflow with the copy's own code: jobs by rule, and what else was said."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "snakemake"), "--dry-run", *arguments],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(self.path)},
            capture_output=True,
            text=True,
        )
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}, text


@pytest.fixture
def copy(copy_of: Callable[..., Path]) -> Copy:
    copied = Copy(copy_of(COPIED))
    assert copied.touched() == set()
    return copied


def test_a_metric_is_a_module_an_entry_and_its_name_in_the_experiment(copy: Copy) -> None:
    module, entry, _ = blocks("adding-a-metric.md", "python")
    (named,) = (yaml.safe_load(block) for block in blocks("adding-a-metric.md", "yaml"))
    copy.add("ink/metrics/per.py", module)
    copy.add("ink/metrics/known_metrics.py", entry)
    evaluation = {**load(copy.path / EXPERIMENT)["evaluation"], **named["evaluation"]}
    copy.change_experiment(evaluation=evaluation, systems=["off_the_shelf", "v_knn"])
    jobs, text = copy.planned("--cores", "all")
    assert jobs["score"] == 2 * len(DOMAINS), text
    assert "results/mini/scores/v_knn/koran/seed1.per.json" in text
    assert copy.touched() == {"ink/metrics/per.py", "ink/metrics/known_metrics.py", EXPERIMENT}


def test_a_combiner_is_a_module_and_its_entry_in_the_experiment(copy: Copy) -> None:
    module, *_ = blocks("adding-a-system.md", "python")
    entry, *_ = (yaml.safe_load(block) for block in blocks("adding-a-system.md", "yaml"))
    (command,) = blocks("adding-a-system.md", "bash")
    copy.add("ink/combiners/by_distance.py", module)
    copy.change_experiment(**entry)
    program, *arguments = re.findall(r"'[^']*'|\S+", command)
    assert program == "snakemake"
    jobs, text = copy.planned(*(word.strip("'") for word in arguments))
    assert (jobs["train_combiner"], jobs["evaluate"]) == (len(DOMAINS), 3 * len(DOMAINS) + 1), text
    assert "results/mini/scores/distance_knn/koran/seed1.json" in text
    assert copy.touched() == {"ink/combiners/by_distance.py", EXPERIMENT}


def test_a_combiner_that_reads_h_t_is_no_more(copy: Copy) -> None:
    *_, entry = (yaml.safe_load(block) for block in blocks("adding-a-system.md", "yaml"))
    ((_, settings),) = entry["own_systems"].items()
    module = KERNEL_SMOOTHED.read_text(encoding="utf-8")
    assert "positions.queries" in module and "training_batch" in module
    copy.add("ink/combiners/another.py", module)
    copy.change_experiment(
        own_systems={"another": {**settings, "combiner": "another"}}, systems=["off_the_shelf", "another"]
    )
    jobs, text = copy.planned("--cores", "all")
    assert (jobs["train_combiner"], jobs["evaluate"]) == (len(DOMAINS), 2 * len(DOMAINS) + 1), text
    assert copy.touched() == {"ink/combiners/another.py", EXPERIMENT}


def test_a_system_of_the_package_is_a_module_an_entry_and_its_name_in_the_experiment(copy: Copy) -> None:
    module, row, _ = blocks("adding-a-system.md", "python")
    copy.add("ink/combiners/by_distance.py", module)
    copy.add("ink/systems/known_systems.py", row)
    copy.change_experiment(systems=["off_the_shelf", "v_knn", "distance_knn"])
    jobs, text = copy.planned("--cores", "all")
    assert (jobs["train_combiner"], jobs["evaluate"]) == (len(DOMAINS), 3 * len(DOMAINS) + 1), text
    assert "results/mini/scores/distance_knn/koran/seed1.json" in text
    assert copy.touched() == {"ink/combiners/by_distance.py", "ink/systems/known_systems.py", EXPERIMENT}
