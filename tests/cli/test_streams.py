"""`ink translate` and `ink explain` between pipes and terminals: UTF-8 both ways, and a quiet end whatever comes.

The commands are the real ones, in processes of their own; in place of a trained system they have one that answers in
capitals, so that a process takes a fraction of a second.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import pytest

from ink.cli.streams import end_unread

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = ("translate", "explain")
SCRIPT = """
import sys, types
from types import SimpleNamespace
from ink.runtime.errors import InkError

def module(name, **names):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(names)

class Shouting:
    def __init__(self, warn): self.warn = warn

    def answer(self, line):
        if line.text is None or line.remark: self.warn(f"line {line.number}: {line.problem}{line.remark}")
        if line.text == "fail": raise InkError("too bad")
        return (line.text or "").upper()

    def translate(self, lines, nbest=1):
        return [[SimpleNamespace(text=self.answer(line), score=0.0)] for line in lines]

    def explain(self, lines, shown): return [self.answer(line) for line in lines]

load = lambda *given: Shouting(given[-1])
module("ink.tools.translation.translator", load_translator=load, load_translator_with_adapter=None)
module("ink.tools.explanation.explainer", load_explainer=lambda *given: (Shouting(given[-1]), None))
module("ink.tools.explanation.as_text", heading=lambda about: "explained", as_text=lambda answer, *_: f"{answer}\\n")
module("ink.tools.explanation.as_page", as_page=None)
import ink.cli, ink.cli.translation, ink.cli.translation
ink.cli.translation.use_machine = ink.cli.translation.use_machine = lambda: None
ink.cli.main()
"""


def command(name: str) -> list[str]:
    config = str(REPOSITORY / "config" / "config.yaml")
    return [sys.executable, "-c", SCRIPT, name, "--config", config, "--system", "r_knn", "--domain", "koran"]


def started(name: str, **streams: Any) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(name), **{**pipes, **streams})


def answering(name: str) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes], IO[bytes]]:
    """Start a command that has answered its first line, with its input, output and errors, all of them open."""
    running = started(name)
    assert running.stdin is not None and running.stdout is not None and running.stderr is not None
    running.stdin.write(b"eins\n")
    running.stdin.flush()
    while running.stdout.readline() != b"EINS\n":
        pass
    return running, running.stdin, running.stdout, running.stderr


def read_until(descriptor: int, expected: bytes) -> bytes:
    """What a terminal shows up to what is expected, or up to its end."""
    shown, deadline = b"", time.monotonic() + 30
    while expected not in shown and select.select([descriptor], [], [], deadline - time.monotonic())[0]:
        try:
            shown += os.read(descriptor, 4096)
        except OSError:  # Linux's end of a terminal
            break
    return shown


@pytest.mark.failure(
    "Translating",
    "Ctrl-C at a terminal while `ink translate` or `ink explain` waits for a line",
    "ends with exit code 130, and nothing is said",
)
def test_ctrl_c_at_a_terminal_ends_quietly() -> None:
    for name in COMMANDS:
        pid, terminal = pty.fork()
        if not pid:
            os.execv(sys.executable, command(name))
        os.write(terminal, b"warten\n")
        assert b"WARTEN" in read_until(terminal, b"WARTEN")
        os.write(terminal, b"\x03")
        rest = read_until(terminal, b"no such thing")
        assert rest.replace(b"^C", b"").split() == []
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
        os.close(terminal)


@pytest.mark.failure(
    "Translating",
    "output that nobody reads any more, as in `ink translate ... | head -1`",
    "ends as a programme does that SIGPIPE ends (141 in a shell), and nothing is said, whether or not more input comes",
)
def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    for name in COMMANDS:
        running, given, answers, errors = answering(name)
        answers.close()
        given.write(b"zwei\n")
        given.flush()  # and stays open
        assert running.wait(30) == 128 + signal.SIGPIPE
        assert errors.read() == b""
        given.close()
        errors.close()


@pytest.mark.failure(
    "Translating",
    "an error while the input's pipe is open",
    "one line and exit code 1 at once; what was translated before it has been written",
)
def test_an_error_while_the_pipe_is_open_is_one_line() -> None:
    for name in COMMANDS:
        running, given, answers, errors = answering(name)
        given.write(b"fail\n")
        given.flush()
        assert running.wait(30) == 1
        assert (answers.read(), errors.read()) == (b"", b"error: too bad [other/no-code]\n")
        for stream in (given, answers, errors):
            stream.close()


@pytest.mark.failure(
    "Translating",
    "a locale or PYTHONIOENCODING without the text's characters",
    "what is read and written is UTF-8 all the same; a byte-order mark before the text is removed",
)
def test_text_is_utf_8_whatever_the_locale() -> None:
    for name, encoding in zip(COMMANDS, ("ascii", "latin-1:strict"), strict=True):
        running = started(name, env={**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"})
        out, err = running.communicate("\ufeffgrößer 値 🙂\nzwei\ufeff\n".encode() + b"\xff\n")
        answers = [line for line in out.decode().splitlines() if line not in ("", "explained")]
        assert answers == ["GRÖSSER 値 🙂", "ZWEI\ufeff"]
        assert running.returncode == 1
        assert err.decode().splitlines()[:2] == [
            "line 2: a byte-order mark (U+FEFF) inside the text, which is left there",
            "line 3: not valid UTF-8 (invalid start byte at byte 0)",
        ]


def test_a_broken_pipe_that_is_not_the_output_s_is_told() -> None:
    with pytest.raises(RuntimeError, match="closed from its other side"):
        end_unread(BrokenPipeError(32, "Broken pipe"))
