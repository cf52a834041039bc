"""`ink` commands as processes of their own, and a small trained experiment for them to be refused."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from warm.programme import WarmProgramme

from ink.config import load
from ink.runtime.whole_files import write_json

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
PAPER = Path(__file__).resolve().parents[2] / "results" / "paper"
PROGRESS = re.compile(r": \d+/\d+ ")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The one line that says why, all that standard error holds besides progress."""
        assert self.code == 1, (self.code, self.err)
        lines = [line for line in self.err.splitlines() if not PROGRESS.search(line)]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: "), self.err
        return lines[0]


class Commands:
    """Runs `ink ARGUMENTS` in a folder. Where this machine allows it, mounts made here are seen by nobody else."""

    def __init__(self, own_mounts: bool) -> None:
        self.own_mounts = own_mounts
        self._ink = WarmProgramme("ink", tuple(mount_namespace() if own_mounts else heed_permissions()))

    def __call__(self, *arguments: str | Path, folder: Path, largest_file: int | None = None) -> Ended:
        """Run `ink`; no file that it writes may grow beyond `largest_file` bytes."""
        limit = None if largest_file is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file,) * 2)
        ended = self._ink.run(*arguments, cwd=folder, stdin=subprocess.DEVNULL, preexec_fn=limit)
        return Ended(ended.returncode, ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace"))

    def system(self, *command: str | Path) -> None:
        """Run another programme where the mounts are seen."""
        subprocess.run([*self._ink.running, *map(str, command)], check=True, capture_output=True)

    def seen(self, path: Path) -> Path:
        """Return where this process finds what is `path` for the commands."""
        return Path(f"/proc/{self._ink.pid}/root") / path.relative_to("/") if self.own_mounts else path

    def end(self) -> None:
        self._ink.end()


def mount_namespace() -> list[str]:
    """The command under which a process may mount, seen by itself alone: as root, or as root of a user namespace."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def heed_permissions() -> list[str]:
    """The command under which root minds the permissions of files, as everybody does."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def may_mount(folder: Path) -> bool:
    command = [*mount_namespace(), "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that run commands this way on one of pytest-xdist's workers, so that one server serves them."""
    for item in items:
        if "commands" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("commands"))


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    started = Commands(may_mount(tmp_path_factory.mktemp("mount")))
    yield started
    started.end()


@dataclass(frozen=True)
class Experiment:
    """What a run leaves behind, in one folder, under the names that commands are given."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def write_config(self, **changed: dict[str, Any]) -> None:
        """Write config.yaml, complete and in order, with sections' settings changed."""
        config = load(MICRO)
        config["data"] |= {"source_language": "xx", "target_language": "yy"}
        config["index"]["type"] = "exact"
        config["decoding"] |= {"beam": 1, "max_len_a": 0.5, "max_len_b": 1}
        config["adapter"]["max_epochs"] = config["ink"]["max_rounds"] = 1
        config["domains"] = ["koran"]
        for section, settings in changed.items():
            config[section] |= settings
        self.path("config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def cut(self, name: str, share: float = 0.6) -> None:
        """Cut a file short."""
        data = self.path(name).read_bytes()
        self.path(name).write_bytes(data[: int(share * len(data))])

    def change(self, name: str, **changed: Any) -> None:
        """Change keys of a JSON file."""
        write_json(self.path(name), json.loads(self.path(name).read_text(encoding="utf-8")) | changed)

    def lose(self, name: str, key: str) -> None:
        """Take a key away from a JSON file."""
        value = json.loads(self.path(name).read_text(encoding="utf-8"))
        del value[key]
        write_json(self.path(name), value)


MODEL = "--base-model model.pt --vocabulary vocabulary --data data"
COMMANDS = {
    "build": f"build-datastore --config config.yaml --domain koran --key decoder_output {MODEL}",
    "shard": f"build-datastore-shard --config config.yaml --domain koran --key decoder_output {MODEL}",
    "join": "join-datastore --config config.yaml --domain koran",
    "adapt": f"train-adapter --config config.yaml --domain koran --seed 1 {MODEL} --corpus corpus",
    "round": f"train-ink-round --config config.yaml --domain koran --seed 1 --round 1 {MODEL} --corpus corpus "
    "--datastore datastore",
    "go on": f"train-ink-round --config config.yaml --domain koran --seed 1 --round 2 {MODEL} --corpus corpus "
    "--previous round --datastore datastore",
    "tune": f"tune-v-knn --config config.yaml --domain koran {MODEL} --corpus corpus --datastore datastore",
    "learn": f"train-combiner --config config.yaml --domain koran --seed 1 {MODEL} --corpus corpus "
    "--datastore datastore",
    "score": f"evaluate --config config.yaml --domain koran --seed 1 {MODEL} --corpus corpus --hypotheses out.txt",
    "prepare": "prepare-corpus --config config.yaml --corpus corpus --vocabulary vocabulary --summary out.summary "
    "--references out.references",
    "describe": "describe-adapter",
    "translate": "translate --config config.yaml",
    "tables": "tables --config config.yaml --results results",
}


def command_line(name: str, *more: str | Path) -> list[str]:
    """Spell one of COMMANDS, with further arguments."""
    return [*COMMANDS[name].split(), *map(str, more)]


@pytest.fixture(scope="session")
def spelled() -> Any:
    return command_line


@pytest.fixture(scope="session")
def trained(tiny: Any, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A run's files, made by the commands themselves; nobody writes into them."""
    found = Experiment(tmp_path_factory.mktemp("trained") / "experiment")
    found.folder.mkdir()
    found.write_config()
    shutil.copy(tiny.base_model, found.path("model.pt"))
    for name, source in (("vocabulary", tiny.vocabulary), ("corpus", tiny.corpus), ("data", tiny.data)):
        shutil.copytree(source, found.path(name))
    shutil.copytree(PAPER, found.path("paper"))
    found.path("results/corpus").mkdir(parents=True)
    shutil.copy(found.path("data/prepared.json"), found.path("results/corpus/koran.json"))
    for step in (
        command_line("build", "--output", "datastore"),
        command_line("adapt", "--output", "adapter"),
        command_line("tune", "--output", "combiner.json"),
        command_line("learn", "--system", "a_knn", "--output", "a_knn"),
        command_line("round", "--output", "round"),
        command_line("score", "--system", "off_the_shelf", "--scores", "results/scores/off_the_shelf/koran/seed1.json"),
    ):
        ended = commands(*step, folder=found.folder)
        assert ended.code == 0, ended.err
    return found


@pytest.fixture
def experiment(trained: Experiment, tmp_path: Path) -> Experiment:
    """A copy of a run's files, to be damaged."""
    return Experiment(Path(shutil.copytree(trained.folder, tmp_path / "experiment")))


OUTPUTS = {
    **dict.fromkeys(("build", "go on", "adapt", "round", "prepare", "learn"), ("--output", "out")),
    "tune": ("--output", "out.json"),
    "score": ("--scores", "out.json"),
}


@pytest.fixture
def refused(
    experiment: Experiment, commands: Commands, spelled: Callable[..., list[str]], request: pytest.FixtureRequest
) -> Callable[..., None]:
    """Damage the experiment and run a command: what it says, that it says no more, and that nothing is overwritten.

    What it says ends with the code that the test's mark has.
    """
    (_section, _given, outcome) = request.node.get_closest_marker("failure").args
    (code,) = set(re.findall(r"\[[a-z]+/[a-z0-9-]+\]", outcome))

    def run(damage: Callable[[Any], object], name: str, more: tuple[str, ...], message: str) -> None:
        before = older_output(experiment)
        damage(experiment)
        ended = commands(*spelled(name, *OUTPUTS.get(name, ()), *more), folder=experiment.folder)
        assert message in ended.refusal and ended.refusal.endswith(f" {code}")
        assert older_output(experiment, make=False) == before
        assert not [path.name for path in experiment.folder.rglob(".*") if path.name.endswith((".lock", "partial"))]

    return run


def older_output(experiment: Experiment, make: bool = True) -> dict[str, bytes]:
    """What stands where the command would write: a folder, and files beside it."""
    files = ["out/older", "out.json", "out.txt", "out.summary", "out.references", "results/tables/table2.csv"]
    if make:
        for name in files:
            experiment.path(name).parent.mkdir(parents=True, exist_ok=True)
            experiment.path(name).write_text("older", encoding="utf-8")
    found = [path for place in ("out", "results/tables") for path in experiment.path(place).rglob("*")]
    found += [experiment.path(name) for name in files if "/" not in name]
    return {str(path.relative_to(experiment.folder)): path.read_bytes() for path in found}
