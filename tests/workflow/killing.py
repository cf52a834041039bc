"""Starting a workflow and killing it as a machine or an impatient person does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

POLL = 0.02


def processes_in(folder: Path) -> list[psutil.Process]:
    """Processes that work in a folder and have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(POLL)


class Running:
    """A workflow in a process group of its own; what it prints goes to a file."""

    def __init__(self, workspace: Any, *arguments: str) -> None:
        self.folder = workspace.path
        self.output = workspace.path.parent / "snakemake.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [workspace.snakemake_program, *arguments],
                cwd=workspace.path,
                env=workspace.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running behind a test that failed."""
        if not self.has_ended:
            self.kill(whole_group=True)

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def pause(self) -> None:
        """Stop the whole process group where it is, until it is told to go on: it lives and does nothing."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused workflow go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self, *, whole_group: bool) -> None:
        """SIGKILL to the whole process group, or to snakemake alone, whose jobs then have to end by themselves."""
        if whole_group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait_for_orphans(self) -> None:
        """Wait until no process of the workflow is left; whatever is fails the test and is ended."""
        try:
            wait_until(lambda: not processes_in(self.folder), "jobs of a killed workflow end", 60)
        finally:
            for process in processes_in(self.folder):
                process.kill()
