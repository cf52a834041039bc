"""A job's log: everything it prints, from Python and from libraries beneath it, but for what is no news to a reader."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections import deque
from pathlib import Path

from ink.runtime.disk import disk_trouble_named
from ink.runtime.errors import InkError
from ink.runtime.locks import lock_within
from ink.runtime.processes import own_command
from ink.runtime.startup import job_begins

LINES_SHOWN = 20
SECONDS_TO_WAIT = 60
# Beginnings of warnings, as regular expressions.
_NO_NEWS = (
    "Support for mismatched key_padding_mask",
    "'pin_memory' argument is set as true but no accelerator",
    r"(?s).*automatic_schema_matching",
    "pkg_resources is deprecated",
)


class LogFile:
    """Sends the process's output to a file and keeps the terminal for saying how it failed.

    The file stays locked until the process ends: a job has one log, so that no job ever runs twice at a time. One that
    is ending, since its workflow was killed, is waited for; InkError where it does not end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_trouble_named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        if not lock_within(log, SECONDS_TO_WAIT):
            raise InkError(
                f"{path} is the log of a job that is still running in another process; wait for it or stop it",
                code="job/already-running",
            )
        os.ftruncate(log, 0)
        job_begins(path)
        self._terminal = os.dup(2)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)

    def explain_failure(self, message: str = "") -> None:
        """Show on the terminal the log's place, its last lines, and the command that repeats the job.

        `message` says why it failed; where the log could not take it, the disk being full, it follows the lines.
        """
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        with self.path.open(encoding="utf-8", errors="replace") as file:
            last = deque(file, maxlen=LINES_SHOWN)
        if message and message not in "".join(last):
            last.append(message)
        lines = "".join(f"  | {line.rstrip()}\n" for line in last)
        text = f"\nlog: {self.path}\n{lines}to repeat: {own_command()}\n"
        os.write(self._terminal, text.encode(errors="backslashreplace"))


def quieten_libraries() -> None:
    """Let libraries speak of what went wrong, and not of how they work."""
    # fairseq tells of every module it loads, hydra and torch of the way in which fairseq uses them, faiss of the
    # instructions it tries, comet that it trains nothing: no news to a reader
    for name in ("fairseq", "hydra", "faiss", "comet"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"hydra\.")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"fairseq\.")
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
    # it prints the traceback of an error that it raises as well
    logging.getLogger("fairseq.checkpoint_utils").setLevel(logging.CRITICAL)
