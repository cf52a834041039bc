"""What a job leaves of the CPU seconds that it paid before it worked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ink.runtime.startup import startup_seconds

JOB = """
import sys
from pathlib import Path
import ink.runtime.startup

ink.runtime.startup.job_begins(Path(sys.argv[1]))
sum(range(10_000_000))
ink.runtime.startup.work_begins()
ink.runtime.startup.work_begins()
if len(sys.argv) > 2:
    import subprocess
    program = "import ink.runtime.startup; ink.runtime.startup.work_begins()"
    subprocess.run([sys.executable, "-c", program], check=True)
"""


def run(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", JOB, *arguments], cwd=folder, check=True)


def test_it_lies_beside_the_workflow_s_measurement(tmp_path: Path) -> None:
    run(tmp_path, "results/logs/logs/evaluate/ink/seed1.log")
    (written,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == tmp_path / "results/logs/benchmarks/evaluate/ink/seed1.startup"
    seconds = startup_seconds(written.with_suffix(".tsv"))
    assert seconds is not None
    assert 0.05 < seconds < 30


def test_each_process_adds_its_own_and_a_repetition_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "results/benchmarks/train_base.startup"
    for _ in range(2):
        run(tmp_path, "results/logs/train_base.log", "two")
        assert len(path.read_text().splitlines()) == 2
    run(tmp_path, "results/logs/train_base.log")
    assert len(path.read_text().splitlines()) == 1


def test_a_job_with_its_log_elsewhere_leaves_nothing(tmp_path: Path) -> None:
    run(tmp_path, "job.log")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_costs_the_job_nothing(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").write_text("a file")
    run(tmp_path, "logs/train_base.log")
    assert startup_seconds(tmp_path / "benchmarks" / "train_base.tsv") is None


@pytest.mark.parametrize("text", ["", "no number\n"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "train_base.startup").write_text(text)
    assert startup_seconds(tmp_path / "train_base.tsv") is None
