"""Starting the processes that train together, and ending all of them when one fails."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError
from ink.runtime.startup import work_begins

SECONDS_TO_FAIL = 1.0  # within which those that lost a dead process's answer have said so
EXIT_CODE = 143  # of a process whose parent is gone, as if it had been terminated

# Called with an entry of the history: its number in "round", what the objective's curves are, "dev_bleu", "seconds".
EpochReport = Callable[[Mapping[str, Any]], None]


def ignore_epoch(_entry: Mapping[str, Any]) -> None:
    """Watch nothing."""


@dataclass(frozen=True)
class Failure:
    """Why a process ended: its error in one line with its code, or as a traceback; when, on a clock that all share."""

    rank: int
    message: str
    code: str | None  # None where nobody can put it right
    moment: float


@dataclass
class _Worker:
    rank: int
    process: BaseProcess
    receiver: Connection
    failure: Failure | None = None


def train_together(
    work: Callable[..., None],
    processes: int,
    device: str,
    on_epoch: EpochReport = ignore_epoch,
    begin: Callable[[], None] | None = None,
) -> None:
    """Call `work(on_epoch=...)` in so many processes of this machine that train together, and return when all have.

    One process is this one; several are new ones, in which `begin` is called before torch is imported, and both are
    pickled. What the first process tells `on_epoch` is told here. When a process fails, or this one is interrupted, all
    of them are ended; and they end when this one is killed. Raises InkError where a process raised one or was killed,
    and where there are fewer GPUs than processes; RuntimeError with the traceback of any other error.
    """
    if processes == 1:
        work(on_epoch=on_epoch)
        return
    _check_device(device, processes)
    context = multiprocessing.get_context("spawn")
    # not with the process itself, which would import all that `work` needs before it is ready to fail
    pickled = (pickle.dumps(begin), pickle.dumps(work))
    workers: list[_Worker] = []
    with tempfile.TemporaryDirectory(prefix="ink-processes-") as folder:
        try:
            for rank in range(processes):
                receiver, sender = context.Pipe(duplex=False)
                place = (rank, processes, device, Path(folder) / "meeting")
                process = context.Process(target=_train, args=(*pickled, sender, place), daemon=True)
                process.start()
                sender.close()
                workers.append(_Worker(rank, process, receiver))
            _watch(workers, on_epoch)
        finally:
            for worker in workers:
                worker.process.kill()
            for worker in workers:
                worker.process.join()
                worker.receiver.close()


def _check_device(device: str, processes: int) -> None:
    import torch

    if torch.device(device).type == "cuda" and torch.cuda.device_count() < processes:
        raise InkError(
            f"{processes} processes are to train together, one GPU each, but torch finds {torch.cuda.device_count()} "
            "GPUs here; lower processes and raise update_frequency as many times",
            code="device/no-gpu",
        )


def _watch(workers: Sequence[_Worker], on_epoch: EpochReport) -> None:
    """Pass on what the processes say, until all have ended well or one has failed, which is raised."""
    running = {worker.process.sentinel: worker for worker in workers}
    open_pipes = {worker.receiver: worker for worker in workers}
    while running:
        ready = wait([*running, *open_pipes])
        for pipe in [pipe for pipe in open_pipes if pipe in ready]:
            if not _receive(open_pipes[pipe], on_epoch):
                del open_pipes[pipe]
        for sentinel in [sentinel for sentinel in running if sentinel in ready]:
            worker = running.pop(sentinel)
            worker.process.join()
        if any(worker.failure is not None or worker.process.exitcode for worker in workers):
            raise _cause(workers, on_epoch)
    for pipe in [*open_pipes]:
        while _receive(open_pipes[pipe], on_epoch):
            pass


def _receive(worker: _Worker, on_epoch: EpochReport) -> bool:
    """Take one thing that a process has said; false where it will say nothing more."""
    try:
        message = worker.receiver.recv()
    except EOFError:
        return False
    if isinstance(message, Failure):
        worker.failure = message
        return False
    on_epoch(message)
    return True


def _cause(workers: Sequence[_Worker], on_epoch: EpochReport) -> Exception:
    """Return what went wrong first: a killed process says nothing, and those that needed it fail after it."""
    deadline = time.monotonic() + SECONDS_TO_FAIL
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        while worker.failure is None and worker.receiver.poll() and _receive(worker, on_epoch):
            pass
    count = len(workers)
    for worker in workers:
        code = worker.process.exitcode
        if code is not None and code < 0:
            return InkError(
                f"process {worker.rank + 1} of {count} that train together was ended by signal {-code} "
                f"({signal.Signals(-code).name}){'; was memory short?' if -code == signal.SIGKILL else ''}",
                code="training/process-ended",
            )
    failures = [worker.failure for worker in workers if worker.failure is not None]
    if not failures:
        codes = ", ".join(str(worker.process.exitcode) for worker in workers)
        return RuntimeError(f"processes that train together ended without a message, with the exit codes {codes}")
    first = min(failures, key=lambda failure: failure.moment)
    if first.code is not None:
        return InkError(first.message, code=first.code)
    return RuntimeError(f"process {first.rank + 1} of {count} that train together failed: {first.message}")


def _train(begin: bytes, work: bytes, sender: Connection, place: tuple[int, int, str, Path]) -> None:
    """What a process does, from its start; `place` is as for `joined`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    _end_with_parent()
    try:
        if place[0] > 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if (first := pickle.loads(begin)) is not None:
            first()
        from ink.nmt.distributed import joined

        with joined(*place):
            called = pickle.loads(work)
            work_begins()
            called(on_epoch=(lambda entry: sender.send(dict(entry))) if place[0] == 0 else ignore_epoch)
    except BaseException as error:
        moment, code = time.monotonic(), None
        if isinstance(error, InkError):
            message, code = str(error), error.code
        else:
            message = "\n".join(["".join(traceback.format_exception_only(error)).strip(), traceback.format_exc()])
        with suppress(OSError):
            sender.send(Failure(place[0], message, code, moment))
        _leave(1)


def _end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, wherever this one waits."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("this process was started by no other")

    def watch() -> None:
        parent.join()
        os._exit(EXIT_CODE)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _leave(code: int) -> None:
    """End without waiting for threads of a communication that will not be answered."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
