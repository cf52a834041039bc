"""A job's log: everything it prints, from Python and from libraries beneath it."""

from __future__ import annotations

import os
import shlex
import sys
from collections import deque
from pathlib import Path

LINES_SHOWN = 20


class LogFile:
    """Sends the process's output to a file and keeps the terminal for saying how it failed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._terminal = os.dup(2)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)

    def explain_failure(self, command: list[str]) -> None:
        """Show on the terminal the log's place, its last lines, and the command that repeats the job."""
        sys.stdout.flush()
        sys.stderr.flush()
        with self.path.open(encoding="utf-8", errors="replace") as file:
            last = deque(file, maxlen=LINES_SHOWN)
        repeat = shlex.join([Path(command[0]).name, *command[1:]])
        text = "".join(
            [f"\nlog: {self.path}\n", *(f"  | {line.rstrip()}\n" for line in last), f"to repeat: {repeat}\n"]
        )
        os.write(self._terminal, text.encode())
