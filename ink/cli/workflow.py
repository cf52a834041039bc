"""A job ends with the workflow that started it: a workflow that was killed leaves no process that still writes.

On the workflow's machine it ends when the workflow's process is gone. On another one, such as a cluster's node, nothing
is known of that process: there it ends when another workflow has taken the experiment over, as the experiment's lock
says.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from pathlib import Path

from ink.runtime.experiment_lock import taken_over
from ink.runtime.processes import is_on_this_machine, is_running

# The workflow's process, as ink.runtime.processes names it; jobs inherit it.
WORKFLOW = "INK_WORKFLOW"
# The file of the experiment's lock, which names the workflow that has the experiment.
LOCK = "INK_WORKFLOW_LOCK"
SECONDS_BETWEEN_LOOKS = 10.0
EXIT_CODE = 143  # as if it had been terminated


def end_with_workflow() -> None:
    """Watch the workflow, if there is one, and end this process as soon as it is gone."""
    name = os.environ.get(WORKFLOW)
    if not name:
        return
    if is_on_this_machine(name):
        _end_with_process(name)
    elif LOCK in os.environ:
        _end_when_taken_over(Path(os.environ[LOCK]), name)


def _end_with_process(name: str) -> None:
    try:
        watched = os.pidfd_open(int(name.split(":")[1]))
    except ProcessLookupError:
        _end(name)
        return
    # asked after the descriptor is open: from here on the number cannot become another process's
    if not is_running(name):
        _end(name)

    def watch() -> None:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll()
        _end(name)

    threading.Thread(target=watch, name="workflow", daemon=True).start()


def _end_when_taken_over(lock: Path, name: str) -> None:
    if taken_over(lock, name):
        _end(name)

    def watch() -> None:
        while not taken_over(lock, name):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        _end(name)

    threading.Thread(target=watch, name="workflow", daemon=True).start()


def _end(name: str) -> None:
    host, pid, *_ = name.split(":")
    where = pid if is_on_this_machine(name) else f"{pid} on {host}"
    print(f"the workflow (process {where}) is gone: this job ends", file=sys.stderr, flush=True)
    os._exit(EXIT_CODE)
