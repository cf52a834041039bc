"""Where a run comes from: the code's commit, the call of the workflow, and the environments its jobs ran in.

results/EXPERIMENT/environment.json is a list, one entry a call of the workflow that differs from the calls before it in
more than its time.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ink import __version__
from ink.runtime.errors import InkError
from ink.runtime.hardware import processor
from ink.runtime.whole_files import read_json, write_json

CODE = Path(__file__).resolve().parent
SECONDS_FOR_GIT = 5.0


def git_commit(folder: Path = CODE) -> str | None:
    """Return the commit of the repository around `folder`, with -dirty where tracked files differ; None outside one."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS_FOR_GIT,
            # looking must not take a lock that a person's own git command wants
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return f"{commit}-dirty" if git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def record_workflow(results: Path | str, command: Sequence[str], config_files: Sequence[str]) -> None:
    """Write down, in results/EXPERIMENT/workflow.json, the call that runs the experiment's jobs from now on."""
    facts = _call(command, config_files) | {"started": time.time(), "pid": os.getpid()}
    write_json(Path(results) / "workflow.json", facts)


def _call(command: Sequence[str], config_files: Sequence[str]) -> dict[str, Any]:
    """Return what is written down of a call of the workflow, wherever it was made, and of its code."""
    return {
        "command": [Path(command[0]).name, *command[1:]],
        "config_files": [os.path.relpath(path) for path in config_files],
        "git_commit": git_commit(),
    }


def workflow_of(results: Path | str) -> dict[str, Any] | None:
    """Return what `record_workflow` wrote last, if anything."""
    path = Path(results) / "workflow.json"
    try:
        found: dict[str, Any] | None = read_json(path) if path.is_file() else None
    except InkError:
        return None
    return found


# what a number may depend on
PACKAGES = (
    "torch",
    "fairseq-fixed",
    "faiss-cpu",
    "faiss-gpu",
    "numpy",
    "sacrebleu",
    "sacremoses",
    "subword-nmt",
    "unbabel-comet",
    "pandas",
    "matplotlib",
    "snakemake",
    "mlflow",
)


def record_environment(results: Path | str, command: Sequence[str], config_files: Sequence[str]) -> None:
    """Add this call of the workflow, its code and its packages to environment.json, unless the same is there."""
    path = Path(results) / "environment.json"
    known = _known(path)
    facts = _call(command, config_files) | {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {"ink": __version__, **_versions()},
    }
    if not any({**entry, "started": None} == {"started": None, **facts} for entry in known):
        write_json(path, [*known, {"started": datetime.now(UTC).isoformat(timespec="seconds"), **facts}])


def _known(path: Path) -> list[dict[str, Any]]:
    """Read the entries recorded so far; none where the file is damaged, since no result depends on it."""
    try:
        found = read_json(path) if path.is_file() else []
    except InkError:
        return []
    return found if isinstance(found, list) and all(isinstance(entry, dict) for entry in found) else []


def _versions() -> dict[str, str]:
    """Return the versions of PACKAGES that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
