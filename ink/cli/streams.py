"""Standard output and standard error: UTF-8 whatever the locale, and a quiet end where nobody reads on."""

from __future__ import annotations

import io
import os
import select
import signal
import sys
from contextlib import suppress
from typing import NoReturn

ENCODING = "utf-8"
# what UTF-8 cannot hold, such as a byte of a file's name, is spelt out and ends nothing
ERRORS = "backslashreplace"


def speak_utf_8() -> None:
    """Write UTF-8 from now on, whatever locale and PYTHONIOENCODING say; processes that are started do likewise."""
    os.environ["PYTHONIOENCODING"] = f"{ENCODING}:{ERRORS}"
    for stream in (sys.stdout, sys.stderr):
        # a stream whose file was exchanged for a pipe beneath it cannot be set anew, and stays as it is
        with suppress(OSError):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding=ENCODING, errors=ERRORS)


def end_unread(error: BrokenPipeError) -> NoReturn:
    """End as a process does that SIGPIPE kills, if it is our output that nobody reads any more.

    Any other broken pipe is raised as a RuntimeError, for click passes over a BrokenPipeError without a word.
    """
    if not any(_unread(descriptor) for descriptor in (1, 2)):
        raise RuntimeError(f"a pipe or connection was closed from its other side: {error}") from error
    # what is still to be written when Python ends goes nowhere
    null_device = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        if _unread(descriptor):
            os.dup2(null_device, descriptor)
    sys.exit(128 + signal.SIGPIPE)


def _unread(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)  # asks for errors alone
    return any(event & select.POLLERR for _, event in poll.poll(0))
