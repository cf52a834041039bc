"""The names of the files that fairseq-preprocess writes."""

from __future__ import annotations

from collections.abc import Iterable

# of an index: magic, version, type and number of sentences; their lengths follow
INDEX_HEADER_BYTES = 26
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
