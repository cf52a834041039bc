"""A command's job as the experiment's tracking sees it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ink.cli.workflow import WORKFLOW
from ink.systems.variations import variation_named

if TYPE_CHECKING:
    from ink.tracking.job import Job

# what is left to do when the command has ended and its log is complete
AT_END: list[Callable[[], None]] = []


@contextmanager
def tracked(
    config: Path, command: str, *, system: str, domain: str, seed: int | None, number: int | None = None
) -> Iterator[Job]:
    """Track the command as a job of the run (system, domain, seed), as `ink.tracking.job.track` does.

    One that a workflow started leaves uploading to the workflow's follower.
    """
    from ink.tracking.job import JobCall, track

    context = click.get_current_context(silent=True)
    log = context.find_root().params.get("log") if context is not None else None
    argv = [Path(sys.argv[0]).name, *sys.argv[1:]]
    at_end = None if WORKFLOW in os.environ else AT_END
    with track(config, JobCall(command, argv, log, number), system, domain, seed, at_end) as job:
        yield job


def typed(
    command: str, config: Path, domain: str, seed: int, rounds: range | None = None, system: str | None = None
) -> str:
    """Return a job's command as a person would type it, without the files, which follow from the config.

    The same wherever the experiment's folder is: of a config outside it the name alone is kept. `rounds`: those that
    are trained. `system`: what is trained, named only where it is a variation of what the command trains by itself.
    """
    here, path = Path.cwd(), Path(os.path.normpath(config.absolute()))
    shown = path.relative_to(here) if path.is_relative_to(here) else Path(path.name)
    words = ["ink", command, "--config", str(shown)]
    if system is not None and variation_named(system) is not None:
        words += ["--system", system]
    words += ["--domain", domain, "--seed", str(seed)]
    if rounds is not None:
        words += ["--round", str(rounds[0]), *(["--last", str(rounds[-1])] if len(rounds) > 1 else [])]
    return shlex.join(words)
