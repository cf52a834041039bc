"""Processes that train together, through torch.distributed: who is first, and what it does while the others wait.

All of them run the same code. The first one alone writes files, scores dev and reports; what it finds is told to the
others, so that all take the same decisions. In a process that trains alone it is the first, and nothing waits.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist

Found = TypeVar("Found")

# A refresh may take days; when the first process dies, whoever started them ends those that wait for it.
LONGEST_WAIT = datetime.timedelta(days=365)

_waiting: Any = None


@contextmanager
def joined(rank: int, count: int, device: str, meeting: Path) -> Iterator[None]:
    """Be process `rank` of `count` while the block runs; all of them name the same new file `meeting`.

    Gradients go through NCCL where `device` is cuda, process `rank` taking GPU `rank`, and through Gloo on the CPU.
    Waiting for the first process goes through a Gloo group of its own, with a timeout of its own.
    """
    global _waiting
    # they are on one machine: nothing listens where another could connect
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(name, "lo")
    cuda = torch.device(device).type == "cuda"
    if cuda:
        torch.cuda.set_device(rank)
    backend = "nccl" if cuda else "gloo"
    # not by the file's address: torch does not decode the %20 of a blank
    dist.init_process_group(backend, store=dist.FileStore(str(meeting), count), rank=rank, world_size=count)
    _waiting = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
    yield
    wait_for_first()
    dist.destroy_process_group()
    _waiting = None


def count() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return this process's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this process is the one that writes and reports."""
    return rank() == 0


def in_first(work: Callable[[], Found]) -> Found:
    """Let the first process do `work`, while the others wait, and return in all of them what it returned.

    What is returned is pickled. Where `work` raises, the first process fails, and whoever started them ends the others.
    """
    if count() == 1:
        return work()
    found: list[Any] = [work() if is_first() else None]
    dist.broadcast_object_list(found, src=0, group=_waiting)
    return found[0]


def wait_for_first() -> None:
    """Return once the first process is here as well."""
    in_first(lambda: None)


def from_all(found: Any) -> list[Any]:
    """Return in every process what each of them has `found`, in their order."""
    if count() == 1:
        return [found]
    gathered: list[Any] = [None] * count()
    dist.all_gather_object(gathered, found)
    return gathered
