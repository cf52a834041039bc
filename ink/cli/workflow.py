"""A job ends with the workflow that started it: a workflow that was killed leaves no process that still writes."""

from __future__ import annotations

import os
import select
import sys
import threading

from ink.processes import is_on_this_machine, is_running

# The workflow's process, as ink.processes names it; jobs inherit it.
WORKFLOW = "INK_WORKFLOW"
EXIT_CODE = 143  # as if it had been terminated


def end_with_workflow() -> None:
    """Watch the workflow's process, if there is one on this machine, and end this one as soon as it is gone."""
    name = os.environ.get(WORKFLOW)
    if not name or not is_on_this_machine(name):
        return
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


def _end(name: str) -> None:
    print(f"the workflow (process {name.split(':')[1]}) is gone: this job ends", file=sys.stderr, flush=True)
    os._exit(EXIT_CODE)
