"""The workflow's files in a folder of their own, and one real run of the micro experiment that tests look at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from warm.programme import INK, SNAKEMAKE

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PARTS = ("Snakefile", "workflow", "config", "profiles", "results/paper")


@dataclass(frozen=True)
class Finished:
    """A call of snakemake that has ended; what it prints on either stream is one text."""

    code: int
    text: str

    @property
    def planned(self) -> dict[str, int]:
        """Rule -> number of jobs, of the first table of jobs that was printed; empty where nothing is to be done."""
        table = re.search(r"^Job stats:\njob +count\n-+ +-+\n((?:\w+ +\d+\n)+)", self.text, flags=re.MULTILINE)
        if table is None:
            return {}
        counts = {name: int(count) for name, count in (line.split() for line in table.group(1).splitlines())}
        assert counts.pop("total") == sum(counts.values())
        counts.pop("all", None)  # it runs nothing
        return counts


@dataclass(frozen=True)
class Workspace:
    """A folder with the workflow's files, in which it may write.

    warm: jobs that `snakemake` runs are spared their imports; each is a process of its own all the same.
    """

    path: Path
    home: Path | None = None
    warm: bool = False

    snakemake_program = str(BIN / "snakemake")

    @property
    def environment(self) -> dict[str, str]:
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        if self.home is not None:
            environment["HOME"] = str(self.home)
        # what snakemake remembers of a user would be found by other runs
        environment["XDG_CACHE_HOME"] = str(self.path / ".cache")
        return environment

    def snakemake(self, *arguments: str) -> Finished:
        environment = self.environment
        if self.warm:
            environment["PATH"] = f"{INK.on_path}{os.pathsep}{environment['PATH']}"
        return self._finish([self.snakemake_program, *arguments], environment)

    def plan(self, *arguments: str) -> Finished:
        """Plan, which is spared the import of snakemake."""
        return self._finish([*SNAKEMAKE.command, "--dry-run", *arguments], self.environment)

    def _finish(self, command: list[str], environment: dict[str, str]) -> Finished:
        done = subprocess.run(
            command,
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        return Finished(done.returncode, done.stdout)

    def write_config(self, name: str, config: Any) -> str:
        (self.path / name).write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return name

    def files(self, pattern: str) -> list[str]:
        return sorted(str(path.relative_to(self.path)) for path in self.path.glob(pattern))


def fresh(path: Path) -> Workspace:
    path.mkdir(parents=True)
    for name in PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, path / name)
        else:
            shutil.copy2(source, path / name)
    shutil.copy2(REPOSITORY / "tests" / "workflow" / "micro.yaml", path / "micro.yaml")
    return Workspace(path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of the micro experiment on one of pytest-xdist's workers, so that it runs once, others by module."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            used = "micro" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("workflow" if used else item.path.stem))


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workflow as in a fresh clone, for planning: nothing is run in it."""
    return fresh(tmp_path_factory.mktemp("clone") / "ink")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The workflow as in a fresh clone, to run in."""
    return fresh(tmp_path / "ink")


@pytest.fixture
def without_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a server that is not there, so that no workflow takes seconds to import MLflow and make its database."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def fresh_workspace() -> Callable[[Path], Workspace]:
    """Make folders with the workflow as in a fresh clone."""
    return fresh


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Finished]:
    """The micro experiment, run once from nothing with the real workflow; look, do not touch.

    Home and project have names with a blank and an umlaut, and what a shell, a URI or a format would read as theirs.
    """
    home = tmp_path_factory.mktemp("micro") / "Jörg Müller"
    workspace = replace(fresh(home / "100%25 größer & 'schöner' #1?"), home=home, warm=True)
    return workspace, workspace.snakemake("--cores", "2", "--configfile", "micro.yaml")


@pytest.fixture
def after_micro(micro: tuple[Workspace, Finished], tmp_path: Path) -> Callable[[], Workspace]:
    """Make copies of the finished micro experiment to go on in."""
    finished, run = micro
    if run.code:
        pytest.skip("the micro experiment did not run")

    def copy() -> Workspace:
        path = tmp_path / "ink"
        shutil.copytree(finished.path, path, symlinks=True)
        return Workspace(path, warm=True)

    return copy
