"""What the processes of these tests do; they import it by name when they start. No test."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def say_who_is_who(folder: Path, on_epoch: Callable[[Any], None]) -> None:
    import psutil

    from ink.nmt import distributed

    mine = distributed.rank()
    first = distributed.in_first(lambda: mine)
    found = {"first": first, "all": distributed.from_all(mine), "is_first": distributed.is_first(), "pid": os.getpid()}
    found["addresses"] = sorted({connection.laddr.ip for connection in psutil.Process().net_connections("inet")})
    (folder / f"{mine}.json").write_text(json.dumps(found))
    for number in (1, 2, 3):
        on_epoch({"round": number, "by": mine})


def fail_in_the_second(how: str, on_epoch: Callable[[Any], None]) -> None:
    from ink.nmt.distributed import from_all, rank
    from ink.runtime.errors import InkError

    if rank() == 1:
        if how == "InkError":
            raise InkError("the second one cannot go on")
        if how == "ValueError":
            raise ValueError("the second one is wrong")
        os.kill(os.getpid(), signal.SIGKILL)
    from_all("what the second one never answers")


def wait_for_ever(folder: Path, on_epoch: Callable[[Any], None]) -> None:
    from ink.nmt.distributed import in_first, rank

    partial = folder / f"{rank()}.partial"
    partial.write_text(str(os.getpid()))
    partial.rename(folder / f"{rank()}.pid")
    on_epoch({"round": 1})
    in_first(lambda: time.sleep(600))


def record_losses(path: Path) -> None:
    """Let the first process append the loss of every update to a file: per target token of all processes, unrounded."""
    from fairseq.tasks.fairseq_task import FairseqTask

    from ink.nmt.distributed import is_first

    original = FairseqTask.reduce_metrics

    def reduce_metrics(self: Any, logging_outputs: list[dict[str, Any]], criterion: Any) -> None:
        if is_first():
            loss, tokens = (float(sum(output[name] for output in logging_outputs)) for name in ("loss", "ntokens"))
            with path.open("a") as file:
                file.write(f"{loss / tokens!r} {tokens}\n")
        original(self, logging_outputs, criterion)

    FairseqTask.reduce_metrics = reduce_metrics


def break_off(rank: int, batch: int, how: str) -> None:
    """Let one process end in its n-th batch."""
    from fairseq.tasks.translation import TranslationTask

    from ink.nmt import distributed
    from ink.runtime.errors import InkError

    original = TranslationTask.train_step
    begun: list[int] = []

    def train_step(self: Any, sample: Any, model: Any, *arguments: Any, **more: Any) -> Any:
        begun.append(len(begun))
        loss, size, logged = original(self, sample, model, *arguments, **more)
        if distributed.rank() == rank and len(begun) == batch:
            if how == "InkError":
                raise InkError("told to break off")
            if how == "SIGKILL":
                os.kill(os.getpid(), signal.SIGKILL)
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.grad.fill_(float("nan"))
        return loss, size, logged

    TranslationTask.train_step = train_step


def run_out_of_memory(rank: int, tokens: int, path: Path) -> None:
    """Let no batch with more source tokens, padding counted, fit into one process's memory; record all losses."""
    import torch
    from fairseq.tasks.translation import TranslationTask

    from ink.nmt import distributed

    record_losses(path)
    original = TranslationTask.train_step

    def train_step(self: Any, sample: Any, *arguments: Any, **more: Any) -> Any:
        if distributed.rank() == rank and sample["net_input"]["src_tokens"].numel() > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return original(self, sample, *arguments, **more)

    TranslationTask.train_step = train_step
