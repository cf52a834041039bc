"""Uploading that costs a job one line at most."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError
from ink.tracking.journal import Journal
from ink.tracking.upload import Uploader


def sync_command(config: Path) -> str:
    """Return the command that uploads later, to be pasted into a shell."""
    return shlex.join(["ink", "sync", str(config)])


class SafeUploader:
    """An uploader whose failures are reported in one line per process, and that waits for `patience` seconds after one.

    patience: none by default, so that a job tries once.
    """

    def __init__(
        self,
        uploader: Uploader,
        sync_command: str,
        say: Callable[[str], None] | None = None,
        patience: float = math.inf,
    ) -> None:
        self.uploader = uploader
        self.sync_command = sync_command
        self._say = say or _say
        self._patience = patience
        self._has_warned = False
        self._waits_until = 0.0

    def try_to(self, act: Callable[[], Any], *, in_any_case: bool = False) -> None:
        """Do something with the uploader, `in_any_case` soon after a failure too."""
        if not in_any_case and time.monotonic() < self._waits_until:
            return
        try:
            act()
        except (InkError, OSError) as error:
            self._waits_until = time.monotonic() + self._patience
            if not self._has_warned:
                self._has_warned = True
                self._say(f"tracking: {error}; results are on disk, `{self.sync_command}` uploads them later")

    def upload(self, journal: Journal, artifacts: Collection[str] | None = ()) -> None:
        """Send what a journal says, as Uploader does."""
        self.try_to(lambda: self.uploader.upload(journal, artifacts))

    def upload_below(self, journal: Journal) -> None:
        """Send the runs that stand below a journal's, which may have begun before it: now their place is known."""
        for below in self.uploader.experiment.journals_below(journal.name):
            self.upload(below)

    def upload_experiment(self, artifacts: Collection[str] | None = ()) -> None:
        """Send what the experiment's own run is to show, as Uploader does."""
        self.try_to(lambda: self.uploader.upload_experiment(artifacts))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
