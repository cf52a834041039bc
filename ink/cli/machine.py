"""What a job does to the machine before it works: cores and memory."""

from __future__ import annotations

import ctypes
import os

# mallopt's parameters, from glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEPT_FREE_BYTES = 2**31 - 1


def use_machine() -> None:
    """Keep torch and FAISS to the cores that --threads gave the job, and let the process keep the memory it frees."""
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
