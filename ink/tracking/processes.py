"""Which process a job is, and whether it still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

SECONDS_OF_DOUBT = 2.0  # by which a process's start may be reported differently when the clock is set


def this_process() -> dict[str, Any]:
    """Return host, process id and start time of this process, which no other process shares."""
    import psutil

    return {"host": socket.gethostname(), "pid": os.getpid(), "process_started": psutil.Process().create_time()}


def may_live(process: Mapping[str, Any]) -> bool:
    """Whether a process from `this_process` is still there; of another machine's nothing is known, so it may be."""
    import psutil

    if process["host"] != socket.gethostname():
        return True
    try:
        found = psutil.Process(process["pid"])
        same = abs(found.create_time() - process["process_started"]) < SECONDS_OF_DOUBT
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
