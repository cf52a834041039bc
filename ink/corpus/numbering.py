"""How tokens become a model's numbers: by fairseq's dictionary, or by the list of another toolkit's tokens.

A folder, the vocabulary's or that of binarised text, holds a file of either kind for each language.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ink.corpus.token_list import TokenList
from ink.corpus.vocabulary import check_dictionary, load_dictionary

# as `fingerprint` of a folder of binarised text looks for them
FILES = ("dict.*.txt", "tokens.*.json")


class Numbering(Protocol):
    """One side's types, by number: `symbols`. added: how many numbers a sentence has besides those of its tokens."""

    @property
    def symbols(self) -> Sequence[str]:
        """The types, by number."""
        ...

    @property
    def added(self) -> int:
        """How many numbers stand around the tokens of a sentence."""
        ...

    def __len__(self) -> int: ...

    def encode(self, line: str) -> NDArray[Any]:
        """Return the numbers of a line's tokens and of what stands around them, (length,)."""
        ...

    def unknown(self, line: str) -> int:
        """Return how many of a line's tokens the model does not know."""
        ...


def numbering_file(folder: Path, language: str) -> Path:
    """Return the file that numbers one side's tokens: the list of them if there is one, else a dictionary."""
    own = folder / f"tokens.{language}.json"
    return own if own.is_file() else folder / f"dict.{language}.txt"


def read_numbering(folder: Path, language: str) -> Numbering:
    """Read how one side's tokens are numbered; InkError names the file that is absent or does not parse."""
    path = numbering_file(folder, language)
    if path.suffix == ".json":
        return TokenList.read(path)
    check_dictionary(path)
    return load_dictionary(path)


def copy_numbering(vocabulary: Path, folder: Path, language: str) -> None:
    """Copy one side's file from the vocabulary to a folder of binarised text."""
    path = numbering_file(vocabulary, language)
    shutil.copyfile(path, folder / path.name)
