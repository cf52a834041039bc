"""The wheel, outside of its repository: commands, `ink init`, and the workflow that it carries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
# what a wheel is made of
SOURCES = (
    *("ink", "workflow", "profiles", "config", "results/paper", "results/published/mini/models"),
    *("results/published/mini/config.yaml", "pyproject.toml", "setup.py", "README.md", "LICENSE"),
)

pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as a wheel installs it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in SOURCES:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("ink_knn_mt-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def run(site: Path, tmp_path: Path):
    """Runs a module's `main` from the installed package, in an empty folder."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in {"ink": "ink.cli", "snakemake": "snakemake.cli"}.items():
        (programs / name).write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(site), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")

    def call(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [programs / arguments[0], *arguments[1:]], cwd=folder, env=environment, capture_output=True, text=True
        )

    return call


def test_a_project_of_the_installed_package_is_planned_whole(run, site: Path, tmp_path: Path) -> None:
    begun = run("ink", "init", "my project")
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.endswith("Go on with: cd 'my project' && snakemake --cores all\n")
    project = tmp_path / "my project"
    assert (project / "config/config.yaml").read_bytes() == (REPOSITORY / "config/config.yaml").read_bytes()
    assert "in order" in run("ink", "check-config", "config/config.yaml", folder=project).stdout
    planned = run("snakemake", "--dry-run", "--cores", "1", folder=project)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    text = planned.stdout + planned.stderr
    assert "train_ink_round" in text and "report" in text
    # what rules read comes with the package, not from the repository
    assert str(site / "ink/project/results/paper/table1.csv") in text
    assert str(REPOSITORY / "results") not in text


def test_a_job_of_the_installed_package_runs(run, tmp_path: Path) -> None:
    run("ink", "init", "mine")
    project = tmp_path / "mine"
    micro = yaml.safe_load((REPOSITORY / "tests/workflow/micro.yaml").read_text(encoding="utf-8"))
    (project / "config/config.yaml").write_text(yaml.safe_dump(micro, sort_keys=False), encoding="utf-8")
    done = run("snakemake", "--cores", "1", "work/micro/vocabulary", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "work/micro/vocabulary/bpecodes").is_file()
    assert (project / "results/micro/config.yaml").is_file()


def test_another_workflow_uses_this_one_as_a_module(run, site: Path, tmp_path: Path) -> None:
    micro = yaml.safe_load((REPOSITORY / "tests/workflow/micro.yaml").read_text(encoding="utf-8"))
    (tmp_path / "config").mkdir()
    config = {"ink": micro, "of_mine": {"lines": 2}}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    document = (REPOSITORY / "docs/package.md").read_text(encoding="utf-8")
    example = document.split("```python\n")[1].split("```")[0]
    (tmp_path / "Snakefile").write_text(example, encoding="utf-8")
    done = run("snakemake", "--cores", "1", "work/micro/vocabulary")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "results/micro/config.yaml").is_file()
    planned = run("snakemake", "--dry-run", "--cores", "1")
    assert "rule gain:" in planned.stdout + planned.stderr
    assert "ink_table2" in planned.stdout + planned.stderr


@pytest.mark.failure(
    "Paths and places",
    "`ink init FOLDER` where FOLDER has files",
    "`FOLDER exists and is not an empty folder; name another one [folder/not-empty]`",
)
def test_a_folder_with_files_is_left_alone(run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/Snakefile").write_text("rule mine:\n", encoding="utf-8")
    refused = run("ink", "init", "mine")
    assert refused.returncode == 1
    assert "mine exists and is not an empty folder" in refused.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["Snakefile"]
