"""What a job does to the machine before it works: cores and memory."""

from __future__ import annotations

import ctypes
import os

from ink.cli.log import quieten_libraries
from ink.runtime.startup import work_begins

# mallopt's parameters, from glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEPT_FREE_BYTES = 2**31 - 1


def take_cores(cores: int) -> None:
    """Keep numerical libraries to so many cores; they read this when they are first imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(cores)
    # threads that wait for work must not burn the cores that other jobs were given
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def begin_process(processes: int) -> None:
    """Begin one of so many processes that do a command's work together, with its share of the command's cores."""
    quieten_libraries()
    cores = int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
    take_cores(max(1, cores // processes))
    _use_machine()


def use_machine() -> None:
    """Keep torch and FAISS to the cores that --threads gave the job, and let the process keep the memory it frees.

    With this a command's work begins: it has been imported before.
    """
    _use_machine()
    work_begins()


def _use_machine() -> None:
    import torch

    from ink.datastore.index import set_threads

    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        torch.set_num_threads(int(threads))
        set_threads(int(threads))
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Tell glibc not to give large tensors back to the system between two operations.

    Fetching and clearing the same pages again for every tensor took a quarter of the CPU time of training
    (benchmarks/allocation.py). Another C library has no mallopt and is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES)
