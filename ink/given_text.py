"""Text as a person hands it in: UTF-8, without the byte-order mark that some editors put before it."""

from __future__ import annotations

from pathlib import Path

from ink.errors import InkError

MARK = "\ufeff"
NUL = b"\0"
LOOKED_AT = 1 << 16  # bytes of a file's beginning

_MARK = MARK.encode("utf-8")
_CONVERT = "convert it to UTF-8, for example with iconv -f {name} -t UTF-8"
# longer beginnings first: UTF-32's contains UTF-16's
_ENCODINGS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_ZIP = b"PK\x03\x04"


def without_mark(data: bytes) -> bytes:
    """Return text without byte-order marks before it."""
    while data.startswith(_MARK):
        data = data[len(_MARK) :]
    return data


def mark_inside(text: str) -> str:
    """Say that a text has a byte-order mark within, which is left there; nothing where it has none."""
    return "a byte-order mark (U+FEFF) inside the text, which is left there" if MARK in text else ""


def check_is_text(path: Path | str) -> None:
    """Raise InkError where a file's first 64 kB are no UTF-8 text, as their first bytes or NUL bytes tell.

    It says what the file is instead, as far as one can see, and what to do. A file that cannot be read is left to
    whoever reads it.
    """
    try:
        with Path(path).open("rb") as file:
            beginning = file.read(LOOKED_AT)
    except OSError:
        return
    if reason := what_else(beginning):
        raise InkError(f"{path} is no UTF-8 text: {reason}")


def what_else(beginning: bytes) -> str:
    """Say what a file is, by its beginning, that is no UTF-8 text, and what to do; nothing where it may be text."""
    for signature, name in _ENCODINGS.items():
        if beginning.startswith(signature):
            return f"it is {name}; {_CONVERT.format(name=name)}"
    for signature, name in _COMPRESSED.items():
        if beginning.startswith(signature):
            return f"it is compressed with {name}; unpack it"
    if beginning.startswith(_ZIP):
        return "it is a zip archive, as a checkpoint of PyTorch's is; name the text file"
    if is_sentencepiece(beginning):
        return (
            "it is a SentencePiece model, which is not supported; take a model whose text was segmented with "
            "subword-nmt or fastBPE, and name its codes"
        )
    if NUL not in beginning:
        return ""
    if name := _utf_16(beginning):
        return f"it looks like {name}; {_CONVERT.format(name=name)}"
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
