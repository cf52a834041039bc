"""What this machine has: its processor, cores and free memory."""

from __future__ import annotations

import os
import re
from pathlib import Path


def processor() -> str:
    """Return the processor's name as the kernel knows it."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    name = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return name[1] if name else os.uname().machine


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def available_memory() -> int:
    """Return the bytes of memory that programmes can have without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)
