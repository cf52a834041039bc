"""Text as a person hands it in: UTF-8, without the byte-order mark that some editors put before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ink.runtime.errors import InkError

MARK = "\ufeff"
NUL = b"\0"
LOOKED_AT = 1 << 16  # bytes

_MARKS = re.compile(b"(?:%b)+" % MARK.encode("utf-8"))
_CONVERT = "{0}; convert it to UTF-8, for example with iconv -f {0} -t UTF-8"
# beginnings of files that are no UTF-8 text, the longer ones first: UTF-32's contains UTF-16's
_SIGNATURES = {
    rb"\xff\xfe\0\0|\0\0\xfe\xff": _CONVERT.format("UTF-32"),
    rb"\xff\xfe|\xfe\xff": _CONVERT.format("UTF-16"),
    rb"\x1f\x8b": "compressed with gzip; unpack it",
    rb"BZh[1-9]1AY&SY": "compressed with bzip2; unpack it",
    rb"\xfd7zXZ\0": "compressed with xz; unpack it",
    rb"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it",
    rb"PK\x03\x04": "a zip archive, as a checkpoint of PyTorch's is; name the text file",
}


def without_mark(data: bytes) -> bytes:
    """Return text without byte-order marks before it."""
    marks = _MARKS.match(data)
    return data[marks.end() :] if marks is not None else data


def mark_inside(text: str) -> str:
    """Say that a text has a byte-order mark within, which is left there; nothing where it has none."""
    return "a byte-order mark (U+FEFF) inside the text, which is left there" if MARK in text else ""


def marks_inside(path: Path | str, lines: Sequence[str]) -> str:
    """Say in which line of a file a byte-order mark is left, and in how many more; nothing where there is none."""
    numbers = [number for number, line in enumerate(lines, start=1) if MARK in line]
    if not numbers:
        return ""
    more = f" (and {len(numbers) - 1} more)" if len(numbers) > 1 else ""
    return f"{path}, line {numbers[0]}{more}: {mark_inside(MARK)}"


def check_is_text(path: Path | str, data: bytes) -> None:
    """Raise InkError where a file's bytes, by their first 64 kB, are no UTF-8 text: what they are, and what to do."""
    if reason := reason_not_text(data[:LOOKED_AT]):
        raise InkError(f"{path} is no UTF-8 text: {reason}", code="text/not-utf-8")


def reason_not_text(beginning: bytes) -> str:
    """Say why a file that begins with these bytes is no UTF-8 text, and what to do; nothing where it may be text.

    It is recognised by signatures and NUL bytes; text of a one-byte encoding, such as Latin-1, shows in decoding alone.
    """
    for signature, kind in _SIGNATURES.items():
        if re.match(signature, beginning):
            return f"it is {kind}"
    if is_sentencepiece(beginning):
        return "it is a SentencePiece model, which base_model.bpe_codes may name; name a text file"
    if NUL not in beginning:
        return ""
    if name := _utf_16(beginning):
        return f"it looks like {_CONVERT.format(name)}"
    line = beginning[: beginning.index(NUL)].count(b"\n") + 1
    return f"it has a NUL byte in line {line}; name a text file, or remove the byte, for example with tr -d '\\000'"


def is_sentencepiece(data: bytes) -> bool:
    r"""Tell whether bytes begin as a SentencePiece model: \n, a length, and within it \n, a piece and its score."""
    if len(data) < 5 or data[0:1] != b"\n" or data[2:3] != b"\n":
        return False
    piece = data[3]
    return data[1] >= piece + 2 and data[4 + piece : 5 + piece] == b"\x15"


def _utf_16(data: bytes) -> str:
    """Return the encoding where every second byte of much of it is NUL, or every line feed has one beside it."""
    nuls = data.count(NUL)
    for name, feed, place in (("UTF-16LE", b"\n\0", 1), ("UTF-16BE", b"\0\n", 0)):
        feeds = data.count(b"\n")
        if nuls == data[place::2].count(NUL) and (4 * nuls >= len(data) or 0 < feeds == data.count(feed)):
            return name
    return ""
