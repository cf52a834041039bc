"""A command's job as the experiment's tracking sees it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ink.tracking.job import Job

# what is left to do when the command has ended and its log is complete
AT_END: list[Callable[[], None]] = []


@contextmanager
def tracked(
    config: Path, command: str, *, system: str, domain: str, seed: int | None, number: int | None = None
) -> Iterator[Job]:
    """Track the command as a job of the run (system, domain, seed), as `ink.tracking.job.track` does."""
    from ink.tracking.job import track

    context = click.get_current_context(silent=True)
    log = context.find_root().params.get("log") if context is not None else None
    argv = [Path(sys.argv[0]).name, *sys.argv[1:]]
    with track(config, command, system, domain, seed, number=number, argv=argv, log=log, at_end=AT_END) as job:
        yield job
