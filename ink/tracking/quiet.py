"""Uploading that costs a job one line at most."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ink.tracking.journal import Journal
from ink.tracking.store import UploadError
from ink.tracking.upload import Uploader


def sync_command(config: Path) -> str:
    """Return the command that uploads later, to be pasted into a shell."""
    return shlex.join(["ink", "sync", str(config)])


class QuietUploader:
    """What a job uploads with: one line where MLflow cannot be filled, and no further try in this process."""

    def __init__(self, uploader: Uploader, sync_command: str, say: Callable[[str], None] | None = None) -> None:
        self.uploader = uploader
        self.sync_command = sync_command
        self._say = say or _say
        self._given_up = False

    def try_to(self, act: Callable[[], Any]) -> None:
        """Do something with the uploader."""
        if self._given_up:
            return
        try:
            act()
        except UploadError as error:
            self._given_up = True
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
