"""`ink` and `snakemake` as processes of their own that cost no imports: forks of a process that has imported them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("warm_server.py")


class WarmProgramme:
    """Runs a programme, `ink` or `snakemake`, as often as it is called; started at the first call.

    prefix: a command under which the process runs that has imported the programme.
    """

    def __init__(self, name: str, prefix: tuple[str, ...] = ()) -> None:
        self._command = [*prefix, sys.executable, "-P", str(SERVER), name]
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, *arguments: str | Path, folder: Path, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run the programme in a folder.

        `more`: environment, a whole one; input, bytes of standard input; largest_file, beyond which no file that it
        writes may grow; together, with standard error in what stands in standard output.
        """
        request = {"arguments": list(map(str, arguments)), "folder": str(folder), **more}
        if "input" in request:
            request["input"] = request["input"].decode("latin-1")
        return self._ask(request)

    def system(self, *command: str | Path) -> subprocess.CompletedProcess[bytes]:
        """Run another programme where this one runs."""
        return self._ask({"system": list(map(str, command))})

    @property
    def pid(self) -> int:
        return self._server.pid

    def end(self) -> None:
        """End the process, which is waited for; the next call starts another."""
        if self._process is not None:
            self._process.communicate(timeout=30)
            self._process = None

    @property
    def _server(self) -> subprocess.Popen[str]:
        if self._process is None:
            environment: Mapping[str, str] = {**os.environ, "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        return self._process

    def _ask(self, request: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
        server = self._server
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        out, err = (answer[stream].encode("latin-1") for stream in ("out", "err"))
        return subprocess.CompletedProcess(request.get("arguments", []), answer["code"], out, err)
