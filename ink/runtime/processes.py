"""Processes by names that are never used twice: process numbers come round again, start times and boots do not."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path

_START_FIELD = 19  # of /proc/PID/stat, counted behind the command's name


def process_name(pid: int) -> str | None:
    """Return `host:pid:start:boot`, or None where no such process runs on this machine."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):  # has ended and waits for its parent
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{socket.gethostname()}:{pid}:{fields[_START_FIELD]}:{boot}"


def own_command() -> str:
    """Return this process's command as a person would type it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def own_name() -> str:
    """Return this process's name."""
    name = process_name(os.getpid())
    if name is None:
        raise RuntimeError("this machine has no /proc: only Linux is supported")
    return name


def is_on_this_machine(name: str) -> bool:
    """Tell whether a name is of a process of this machine."""
    return name.split(":")[0] == socket.gethostname()


def is_running(name: str) -> bool:
    """Tell whether the process of that name is running here."""
    return process_name(int(name.split(":")[1])) == name


def may_be_running(name: str) -> bool:
    """Tell whether the process of that name may be running: of another machine's nothing is known."""
    return not is_on_this_machine(name) or is_running(name)
