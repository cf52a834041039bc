"""Where a run comes from: the code's commit, and the call of the workflow, if one started it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ink.errors import InkError
from ink.files import read_json, write_json

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
    facts = {
        "command": [Path(command[0]).name, *command[1:]],
        "config_files": [os.path.relpath(path) for path in config_files],
        "git_commit": git_commit(),
        "started": time.time(),
        "pid": os.getpid(),
    }
    write_json(Path(results) / "workflow.json", facts)


def workflow_of(results: Path | str) -> dict[str, Any] | None:
    """Return what `record_workflow` wrote last, if anything."""
    path = Path(results) / "workflow.json"
    try:
        found: dict[str, Any] | None = read_json(path) if path.is_file() else None
    except InkError:
        return None
    return found
