"""One side of a split as fairseq maps it into memory: a file of token numbers, and an index of its sentences.

The tokens of all sentences stand one after another, ends of sentence included. The index has a header, the sentences'
lengths (int32), and where each begins, in bytes (int64). Files have the names that fairseq-preprocess gives them.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ink.config.languages import LanguagePair

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
# of an index: magic, version, the tokens' type and the number of sentences; their lengths follow
INDEX_HEADER = struct.Struct(f"<{len(MAGIC)}sQBQ")
INDEX_HEADER_BYTES = INDEX_HEADER.size
TYPES: dict[int, Any] = dict(
    enumerate(
        (np.uint8, np.int8, np.int16, np.int32, np.int64, np.float64, np.float64, np.uint16, np.uint32, np.uint64), 1
    )
)
_LENGTH, _PLACE = np.dtype("<i4"), np.dtype("<i8")
# split -> fairseq's own name of it
FAIRSEQ_NAMES = {"train": "train", "dev": "valid", "test": "test"}


def write_sentences(text: Path, index: Path, sentences: Iterable[NDArray[Any]], types: int) -> int:
    """Write sentences, each (length,), of a vocabulary of `types`, and return the number of their tokens."""
    code = _code_of(types)
    lengths = []
    with text.open("wb") as file:
        for sentence in sentences:
            file.write(sentence.astype(TYPES[code]).tobytes())
            lengths.append(len(sentence))
    ends = np.cumsum(lengths, dtype=_PLACE) * np.dtype(TYPES[code]).itemsize
    with index.open("wb") as file:
        file.write(INDEX_HEADER.pack(MAGIC, VERSION, code, len(lengths)))
        file.write(np.array(lengths, dtype=_LENGTH).tobytes())
        file.write(np.concatenate([[0], ends[:-1]]).astype(_PLACE)[: len(lengths)].tobytes())
    return sum(lengths)


def read_header(index: Path) -> tuple[np.dtype[Any], int]:
    """Return the tokens' type and the number of sentences; ValueError where this is no such index."""
    with index.open("rb") as file:
        header = file.read(INDEX_HEADER.size)
    if not header.startswith(MAGIC) or len(header) < INDEX_HEADER.size:
        raise ValueError("its beginning is missing")
    _, version, code, sentences = INDEX_HEADER.unpack(header)
    if version != VERSION or code not in TYPES:
        raise ValueError(f"version {version}, type {code}")
    return np.dtype(TYPES[code]), sentences


def read_lengths(index: Path) -> NDArray[np.int32]:
    """Return the sentences' lengths, (sentences,); ValueError where the index is cut short or no such file."""
    _, sentences = read_header(index)
    needed = INDEX_HEADER.size + sentences * (_LENGTH.itemsize + _PLACE.itemsize)
    if (found := index.stat().st_size) < needed:
        raise ValueError(f"{found} of {needed} bytes")
    return np.fromfile(index, dtype=_LENGTH, count=sentences, offset=INDEX_HEADER.size)


def map_tokens(text: Path, index: Path) -> NDArray[Any]:
    """Return all tokens, (tokens,), mapped from the disk; ValueError as from `read_header`."""
    dtype, _ = read_header(index)
    return np.memmap(text, dtype=dtype, mode="r")


def _code_of(types: int) -> int:
    """Return the code of the type that fairseq chooses for so many token numbers."""
    dtype = np.uint16 if types < 65_500 else np.uint32 if types < 4_294_967_295 else np.int64
    return next(code for code, known in TYPES.items() if known is dtype)


def binarised_file(split: str, languages: LanguagePair, language: str, kind: str) -> str:
    """Return the name of one side of a split; `kind` is bin, the tokens, or idx, their index."""
    return f"{FAIRSEQ_NAMES[split]}.{'-'.join(languages)}.{language}.{kind}"


def binarised_files(splits: Iterable[str], languages: LanguagePair) -> list[str]:
    """Return the names of all files of a folder with these splits, dictionaries first."""
    sides = itertools.product(splits, languages, ("bin", "idx"))
    return [
        *(f"dict.{language}.txt" for language in languages),
        *(binarised_file(split, languages, language, kind) for split, language, kind in sides),
    ]
