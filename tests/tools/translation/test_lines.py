"""Reading a stream: every line comes once, in order, whatever it holds and however slowly it arrives."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.runtime.errors import InkError
from ink.tools.translation.lines import batches, decode_line, standard_input

MARK = "\ufeff".encode()


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
        elif line.number == 1:
            assert line.text == raw.decode("utf-8").lstrip("\ufeff")
        else:
            assert line.text.encode("utf-8") == raw


@given(st.lists(st.binary(max_size=5), max_size=30), st.integers(1, 7))
def test_a_pipe_s_lines_are_those_of_its_bytes_however_they_are_cut(parts: list[bytes], size: int) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sink:
        found = batches(source, size)
        texts, sent = [], b"".join(parts)
        for part in parts:
            if part:
                sink.write(part)
            if part.endswith(b"\n"):
                texts += [line.text for line in next(found)]
        sink.close()
        texts += [line.text for batch in found for line in batch]
    expected = [line.text for batch in batches(io.BytesIO(sent), size) for line in batch]
    assert texts == expected


def test_a_last_line_without_line_feed_is_a_line() -> None:
    assert [line.text for batch in batches(io.BytesIO(b"a\n\nb"), 8) for line in batch] == ["a", "", "b"]


def test_a_file_fills_its_batches(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"".join(b"%d %s\n" % (number, b"x" * 100) for number in range(5000)))
    with path.open("rb") as file:
        assert [len(batch) for batch in batches(file, 2000)] == [2000, 2000, 1000]


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


@pytest.mark.parametrize("number", [1, 2])
def test_a_mark_before_the_text_is_removed_and_one_inside_is_left_and_named(number: int) -> None:
    line = decode_line(number, MARK + b"gut")
    assert (line.text, line.remark) == (
        ("gut", "") if number == 1 else ("\ufeffgut", "a byte-order mark (U+FEFF) inside the text, which is left there")
    )


@pytest.mark.failure(
    "Translating",
    "a line with NUL bytes, as text of UTF-16 has them",
    "`line 1: not UTF-8 text (a NUL at byte 1, as UTF-16 has them); left empty`, exit code 1 at the end",
)
def test_a_line_of_another_encoding_that_happens_to_decode_is_no_text() -> None:
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le"):
        for batch in batches(io.BytesIO("gut\nbös\n".encode(encoding)), 8):
            assert [line.text for line in batch if line.text] == []
            assert all("UTF-8" in line.problem for line in batch)


@pytest.mark.failure(
    "Translating",
    "an input that cannot be read on",
    "what came before is translated, then `error: the input cannot be read (Is a directory); ... "
    "[translation/no-text]`",
)
def test_a_read_error_is_one_line_after_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo\nbegun")
    read = os.read

    def fails_later(descriptor: int, size: int) -> bytes:
        if fails_later.calls:  # type: ignore[attr-defined]
            raise OSError(5, "Input/output error")
        fails_later.calls = 1  # type: ignore[attr-defined]
        return read(descriptor, size)

    fails_later.calls = 0  # type: ignore[attr-defined]
    monkeypatch.setattr("ink.tools.translation.lines.os.read", fails_later)
    with os.fdopen(reading, "rb") as source:
        found = batches(source, 8)
        os.close(writing)
        assert [line.text for line in next(found)] == ["one", "two"]
        with pytest.raises(InkError, match=r"the input cannot be read \(Input/output error\)"):
            next(found)


def test_a_folder_and_a_closed_standard_input_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)

    class Folder(io.RawIOBase):
        def fileno(self) -> int:
            return descriptor

    with pytest.raises(InkError, match=r"cannot be read \(Is a directory\)"):
        list(batches(Folder(), 8))  # type: ignore[arg-type]
    os.close(descriptor)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InkError, match="standard input is closed"):
        standard_input()
