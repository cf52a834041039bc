"""`ink` and `snakemake` as processes of their own that cost no imports: forks of a process that has imported them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SERVER, CLIENT = (Path(__file__).with_name(name) for name in ("server.py", "client.py"))
SECONDS = 300  # to import, beside other tests


class WarmProgramme:
    """A programme, `ink` or `snakemake`, whose process is started when its command is first asked for.

    prefix: a command under which the process runs that has imported the programme.
    """

    def __init__(self, name: str, prefix: tuple[str, ...] = ()) -> None:
        self.name = name
        self._prefix = prefix
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes]

    @property
    def command(self) -> list[str]:
        """What stands in place of the programme's name in a command."""
        return [*self.running, self.name]

    @property
    def running(self) -> list[str]:
        """What stands before a command, of any programme, that is to run where this one was imported."""
        return [sys.executable, "-I", "-S", str(CLIENT), str(self._started() / "socket")]

    @property
    def on_path(self) -> Path:
        """A folder to be searched for programmes, in which the programme is this one."""
        folder = self._started() / "bin"
        if not folder.exists():
            folder.mkdir()
            programme = folder / self.name
            programme.write_text(f'#!/bin/sh\nexec {shlex.join(self.command)} "$@"\n', encoding="utf-8")
            programme.chmod(0o755)
        return folder

    def run(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run the programme as subprocess.run does, with what it writes captured."""
        return subprocess.run([*self.command, *map(str, arguments)], capture_output=True, **options)

    @property
    def pid(self) -> int:
        self._started()
        return self._server.pid

    def end(self) -> None:
        """End the process, which is waited for."""
        if self._folder is not None:
            self._server.communicate(timeout=30)
            shutil.rmtree(self._folder)
            self._folder = None

    def _started(self) -> Path:
        if self._folder is None:
            folder = Path(tempfile.mkdtemp(prefix=f"warm-{self.name}-"))  # a socket's path is a short one
            command = [*self._prefix, sys.executable, "-P", str(SERVER), self.name, str(folder / "socket")]
            self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            deadline = time.monotonic() + SECONDS
            while not (folder / "socket").exists():
                assert self._server.poll() is None and time.monotonic() < deadline, f"{self.name} does not start"
                time.sleep(0.02)
            self._folder = folder
        return self._folder


INK, SNAKEMAKE = WarmProgramme("ink"), WarmProgramme("snakemake")
