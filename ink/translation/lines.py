"""Lines of a stream, taken as they come: a full batch where input is waiting, fewer where it is not."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Lines read ahead of translation at the most, so that a large file does not fill the memory.
READ_AHEAD = 4096


@dataclass(frozen=True)
class Line:
    """An input line: its number from 1, and its text; None where the bytes are not UTF-8."""

    number: int
    text: str | None
    problem: str = ""


def decode_line(number: int, raw: bytes) -> Line:
    """Decode one line without its line feed."""
    try:
        return Line(number, raw.removesuffix(b"\r").decode("utf-8"))
    except UnicodeDecodeError as error:
        return Line(number, None, f"not valid UTF-8 ({error.reason} at byte {error.start})")


def batches(stream: BinaryIO, size: int) -> Iterator[list[Line]]:
    """Yield lines in order, up to `size` at a time; a batch never waits for input that is not there yet."""
    waiting: queue.Queue[bytes | None] = queue.Queue(READ_AHEAD)

    def read() -> None:
        for raw in stream:
            waiting.put(raw.removesuffix(b"\n"))
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    number, ended = 0, False
    while not ended:
        batch: list[Line] = []
        while len(batch) < size and (not batch or not waiting.empty()):
            raw = waiting.get()
            if raw is None:
                ended = True
                break
            number += 1
            batch.append(decode_line(number, raw))
        if batch:
            yield batch
