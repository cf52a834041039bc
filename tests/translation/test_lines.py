"""Reading a stream: every line comes once, in order, whatever it holds and however slowly it arrives."""

from __future__ import annotations

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from ink.translation.lines import batches, decode_line


@given(st.lists(st.binary().filter(lambda raw: b"\n" not in raw and not raw.endswith(b"\r"))), st.integers(1, 7))
def test_every_line_comes_once_in_order(raws: list[bytes], size: int) -> None:
    stream = io.BytesIO(b"".join(raw + b"\n" for raw in raws))
    found = list(batches(stream, size))
    lines = [line for batch in found for line in batch]
    assert [line.number for line in lines] == list(range(1, len(raws) + 1))
    assert all(1 <= len(batch) <= size for batch in found)
    for line, raw in zip(lines, raws, strict=True):
        if line.text is None:
            assert "UTF-8" in line.problem
        else:
            assert line.text.encode("utf-8") == raw


def test_a_last_line_without_line_feed_is_a_line() -> None:
    assert [line.text for batch in batches(io.BytesIO(b"a\n\nb"), 8) for line in batch] == ["a", "", "b"]


def test_a_batch_does_not_wait_for_input_that_is_not_there() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as raw, os.fdopen(writing, "wb", buffering=0) as sink:
        stream = batches(io.BufferedReader(raw), 100)
        sink.write(b"one\n")
        # were the batch held back, nothing would ever come: the second line is sent after the first is answered
        answered: list[str | None] = []
        worker = threading.Thread(target=lambda: answered.append(next(stream)[0].text), daemon=True)
        worker.start()
        worker.join(timeout=20)
        assert answered == ["one"]
        sink.write(b"two\n")
        assert next(stream)[0].text == "two"


def test_invalid_bytes_are_named_by_their_place() -> None:
    line = decode_line(3, b"gut\xffschlecht")
    assert line.text is None
    assert line.number == 3
    assert "byte 3" in line.problem
