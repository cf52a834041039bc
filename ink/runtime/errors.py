"""The error that is meant for the person at the keyboard."""

from __future__ import annotations

import sys

from ink.runtime.escape import visible

# What a message quotes may be any stranger's: a line of it is cut in the middle, since it ends with what to do.
LONGEST = 2000
_END = 600


class InkError(Exception):
    """Something a person can put right: the message says what was wrong, where, and what to do.

    It is one line, and of several problems a further line for each of `problems`. What is quoted in them can neither
    break a line nor command a terminal or fill it. `code` says of which kind it is: one of known_errors.yaml, which
    `ink explain-error` explains.
    """

    code = "other/no-code"

    def __init__(self, message: str, *problems: str, code: str | None = None) -> None:
        super().__init__(*(_line(words) for words in (message, *problems)))
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return "\n  ".join(self.args)

    def with_code(self) -> str:
        """Return the message with its code in brackets at the end of the first line, as people are shown it."""
        message, *problems = self.args
        return "\n  ".join([f"{message} [{self.code}]", *problems])


def warn(message: str) -> None:
    """Tell the person at the keyboard on standard error, at once."""
    print(message, file=sys.stderr, flush=True)


def reason_of(error: BaseException) -> str:
    """Return what an error says, on one line, or its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def _line(words: str) -> str:
    line = visible(" ".join(words.split("\n")))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - _END - 5]} ... {line[-_END:]}"
