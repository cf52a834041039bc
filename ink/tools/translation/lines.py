"""Lines of a stream, taken as they come: a full batch where input is waiting, fewer where it is not."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ink.runtime.errors import InkError
from ink.runtime.given_text import NUL, mark_inside, without_mark

READ_BYTES = 1 << 16
PATIENCE = 0.005  # seconds: a pipe holds 64 kB, and its writer needs a moment to fill it again


@dataclass(frozen=True)
class Line:
    """An input line: its number from 1, and its text; None where the bytes are no text, for the reason in `problem`.

    `remark`: what a person should know of a line that is taken all the same.
    """

    number: int
    text: str | None
    problem: str = ""
    remark: str = ""


def standard_input() -> BinaryIO:
    """Return standard input as bytes; InkError where it was closed."""
    if sys.stdin is None:
        raise InkError("standard input is closed; give text by a pipe or from a file", code="translation/no-text")
    return sys.stdin.buffer


def decode_line(number: int, raw: bytes) -> Line:
    """Decode one line without its line feed; a byte-order mark before the first one is not text."""
    raw = raw.removesuffix(b"\r")
    if number == 1:
        raw = without_mark(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Line(number, None, f"not valid UTF-8 ({error.reason} at byte {error.start})")
    if NUL in raw:
        return Line(number, None, f"not UTF-8 text (a NUL at byte {raw.index(NUL)}, as UTF-16 has them)")
    return Line(number, text, remark=mark_inside(text))


def batches(stream: BinaryIO, size: int) -> Iterator[list[Line]]:
    """Yield lines in order, up to `size` at a time; a batch does not wait for input that is not there yet.

    InkError where reading fails, after the lines that came before.
    """
    number, batch = 0, list[Line]()
    for raw in _raw_lines(stream):
        if raw is not None:
            number += 1
            batch.append(decode_line(number, raw))
        if batch and (raw is None or len(batch) == size):
            yield batch
            batch = []
    if batch:
        yield batch


def _raw_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines without line feed, and None before a wait for the next one."""
    begun: list[bytes] = []
    for part in _parts(stream):
        if part is None:
            yield None
            continue
        rest, *beginnings = part.split(b"\n")
        begun.append(rest)
        for beginning in beginnings:
            yield b"".join(begun)
            begun = [beginning]
    if any(begun):
        yield b"".join(begun)


def _parts(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield a stream's bytes as they come; None before a wait.

    No thread reads ahead: one that waits for a terminal holds the stream's lock when Python ends, which then aborts.
    """
    try:
        descriptor = stream.fileno()
    except OSError:  # a stream in memory
        yield stream.read()
        return
    while True:
        try:
            if not select.select([descriptor], [], [], PATIENCE)[0]:
                yield None
                select.select([descriptor], [], [])
            part = os.read(descriptor, READ_BYTES)
        except BlockingIOError:  # another reader was quicker
            continue
        except OSError as error:
            yield None
            raise InkError(
                f"the input cannot be read ({error.strerror}); give text by a pipe or from a file",
                code="translation/no-text",
            ) from None
        if not part:
            return
        yield part
