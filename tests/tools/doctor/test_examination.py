"""`ink doctor` as a whole: a line a check, an exit code, and nothing written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ink.config import check
from ink.tools.doctor.examination import examine
from ink.tools.doctor.finding import ERROR, OK, WARNING, aligned, error, ok, warning

INK = Path(sys.executable).with_name("ink")
REPOSITORY = Path(__file__).resolve().parents[3]
MICRO = REPOSITORY / "tests" / "workflow" / "micro.yaml"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to work in, with this environment's commands on PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{INK.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("ink.tools.doctor.duration.MEASURING_SECONDS", 0.02)
    return tmp_path


def statuses(path: Path) -> dict[str, str]:
    return {finding.check: finding.status for finding in examine(path)}


def test_the_command_line(tmp_path: Path) -> None:
    """In a process of its own, with what it imports: soon done, a line a check, nothing written."""
    shutil.copy(MICRO, tmp_path / "micro.yaml")
    environment = {**os.environ, "PATH": f"{INK.parent}{os.pathsep}{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [INK, "doctor", "--offline", "micro.yaml"], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(line.split()[0] in (OK, WARNING, ERROR) for line in lines)
    checks = [line[9:].split("  ")[0].strip() for line in lines]
    expected = {"config", "python", "packages", "faiss", "compiler", "snakemake", "ink", "device", "cores", "memory"}
    assert expected <= set(checks)
    assert checks[-6:] == ["disk", "work folder", "results folder", "workflow folder", "workflow", "time"]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 8
    assert [path.name for path in tmp_path.iterdir()] == ["micro.yaml"]


def test_an_error_is_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("experiment: [\n", encoding="utf-8")
    done = subprocess.run([INK, "doctor", "bad.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("error    config ")
    assert "bad.yaml, line 2: not valid YAML" in done.stdout
    assert "checks failed" in done.stderr


def test_a_config_out_of_order_leaves_the_machine_to_look_at(quick: Path, config: Any) -> None:
    config["ink"]["alhpa"], config["seeds"] = 0.2, []
    (quick / "bad.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    found = list(examine(quick / "bad.yaml"))
    wrong = [finding.text for finding in found if finding.check == "config"]
    assert len(wrong) == 2
    assert {finding.code for finding in found if finding.check == "config"} == {"config/wrong-setting"}
    assert any("ink.alhpa: unknown key" in text for text in wrong)
    assert "python" in [finding.check for finding in found]
    assert "disk" not in [finding.check for finding in found]


def test_without_its_files_an_experiment_is_not_estimated(quick: Path, own_corpus: Any) -> None:
    path = quick / "own.yaml"
    path.write_text(yaml.safe_dump(own_corpus), encoding="utf-8")
    found = statuses(path)
    assert found["text of koran"] == found["disk"] == found["time"] == OK
    (quick / "koran.train.en").unlink()
    found = statuses(path)
    assert (found["text of koran"], found["estimates"]) == (ERROR, WARNING)
    assert "disk" not in found and "time" not in found


def test_what_downloads_will_bring_is_no_error_and_is_estimated(quick: Path) -> None:
    found = list(examine(REPOSITORY / "config" / "paper.yaml", offline=True))
    to_come = [finding for finding in found if finding.check == "downloads"]
    assert [finding.status for finding in to_come] == [WARNING] * 6
    assert to_come[0].text.startswith("wmt19_model: not here yet, and https://")
    checks = {finding.check: finding for finding in found}
    assert not {"base model", "COMET", "text of koran", "estimates"} & set(checks)
    # docs/scale.md counts the four domains' base and adapted datastores and stored neighbours: 144 GB and more
    assert "GB needed (datastores " in checks["disk"].text or "TB needed (datastores " in checks["disk"].text


def test_without_its_device_an_experiment_has_no_time(quick: Path, config: Any) -> None:
    config["device"] = "cuda:99"
    (quick / "micro.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    found = statuses(quick / "micro.yaml")
    assert (found["device"], found["time"], found["disk"]) == (ERROR, WARNING, OK)


def test_a_folder_that_cannot_be_written_is_an_error(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (quick / "work").mkdir()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "work" and allowed(path, mode))
    found = statuses(MICRO)
    assert (found["work folder"], found["results folder"]) == (ERROR, OK)


def test_a_running_workflow_is_told(quick: Path) -> None:
    assert statuses(MICRO)["workflow"] == OK
    script = "from ink.runtime.experiment_lock import hold; hold('micro'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        running.stdout.readline()
        (found,) = [finding for finding in examine(MICRO) if finding.check == "workflow"]
        running.stdin.close()
    assert found.status == WARNING
    assert f"process {running.pid} is running it since" in found.text


def test_findings_stand_in_columns() -> None:
    assert aligned([ok("a", "x"), warning("longer", "y"), error("b", "z", "device/no-gpu")]) == [
        "ok       a       x",
        "warning  longer  y",
        "error    b       z [device/no-gpu]",
    ]


def test_the_configs_here_are_in_order(config: Any, own_corpus: Any) -> None:
    check(config)
    check(own_corpus)
