"""What a job pays before it works: the CPU seconds that it has used by then, written beside the workflow's measurement.

The workflow measures the job whose log is results/EXPERIMENT/logs/RULE/....log in benchmarks/RULE/....tsv; beside that
lies ....startup, which has a line for each of the job's processes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SUFFIX = ".startup"
_FILE = "INK_STARTUP"  # where to write; the processes that a job starts inherit it
_LOGS, _MEASUREMENTS = "logs", "benchmarks"
_has_begun: set[int] = set()  # this process, once it works


def job_begins(log: Path) -> None:
    """Begin the job with this log; what an earlier call of it has written is removed."""
    os.environ.pop(_FILE, None)
    parts = list(log.parts)
    if _LOGS not in parts:
        return
    place = len(parts) - 1 - parts[::-1].index(_LOGS)
    path = Path(*parts[:place], _MEASUREMENTS, *parts[place + 1 :]).with_suffix(SUFFIX)
    with suppress(OSError):  # no result hangs on it
        path.unlink(missing_ok=True)
    os.environ[_FILE] = str(path.absolute())


def work_begins() -> None:
    """Write down what this process has used so far, once; a job without a log under results/ writes nothing."""
    if _FILE not in os.environ or os.getpid() in _has_begun:
        return
    _has_begun.add(os.getpid())
    path = Path(os.environ[_FILE])
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{sum(os.times()[:4]):.2f}\n")


def startup_seconds(measurement: Path) -> float | None:
    """Return the CPU seconds of a job before its work, by the workflow's measurement of it; None where nobody wrote."""
    path = measurement.with_suffix(SUFFIX)
    try:
        return sum(map(float, path.read_text(encoding="utf-8").split())) or None
    except (OSError, ValueError):
        return None
