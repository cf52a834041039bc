"""The names of the files that fairseq-preprocess writes, and what an index begins with."""

from __future__ import annotations

import struct
from collections.abc import Iterable

MAGIC = b"MMIDIDX\x00\x00"
# of an index: magic, version, the tokens' type and the number of sentences; their lengths follow
INDEX_HEADER = struct.Struct(f"<{len(MAGIC)}sQBQ")
INDEX_HEADER_BYTES = INDEX_HEADER.size
# split -> fairseq's own name of it
FAIRSEQ_NAMES = {"train": "train", "dev": "valid", "test": "test"}


def binarised_file(split: str, source_language: str, target_language: str, language: str, kind: str) -> str:
    """Return the name of one side of a split; `kind` is bin, the tokens, or idx, their index."""
    return f"{FAIRSEQ_NAMES[split]}.{source_language}-{target_language}.{language}.{kind}"


def binarised_files(splits: Iterable[str], source_language: str, target_language: str) -> list[str]:
    """Return the names of all files of a folder with these splits, dictionaries first."""
    sides = (source_language, target_language)
    return [f"dict.{language}.txt" for language in sides] + [
        binarised_file(split, source_language, target_language, language, kind)
        for split in splits
        for language in sides
        for kind in ("bin", "idx")
    ]
