"""One side's vocabulary as fairseq's dictionary files hold it: types and their counts, numbered in the file's order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

# They have the first numbers, and no line in a file.
SPECIAL_SYMBOLS = ("<s>", "<pad>", "</s>", "<unk>")
BEGIN, PADDING, END, UNKNOWN = range(len(SPECIAL_SYMBOLS))

OVERWRITE = "#fairseq:overwrite"
_FILLER = "madeupword{:04d}"


class Dictionary:
    """Types by number, `symbols`, of which special symbols come first."""

    added = 1  # the end of sentence

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self._counts: list[int] = []
        self._numbers: dict[str, int] = {}
        for symbol in SPECIAL_SYMBOLS:
            self._add(symbol, 1)

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> Dictionary:
        """Take the lines of a file that has been checked, each `token count`.

        A token that is there already, which its line says it may be, gets another number from there on.
        """
        dictionary = cls()
        for line in lines:
            token, count = line.rstrip().removesuffix(f" {OVERWRITE}").rsplit(" ", 1)
            dictionary._add(token, int(count))
        return dictionary

    @classmethod
    def of_counts(cls, counts: Mapping[str, int], multiple: int) -> Dictionary:
        """Number tokens by falling count, then alphabetically, and fill up to a multiple of `multiple` types.

        What the text has of special symbols is theirs.
        """
        dictionary = cls()
        tokens = sorted(token for token in counts if token not in SPECIAL_SYMBOLS)
        for token in sorted(tokens, key=lambda token: -counts[token]):
            dictionary._add(token, counts[token])
        fillers = (_FILLER.format(number) for number in itertools.count())
        unused = (token for token in fillers if token not in dictionary._numbers)
        while len(dictionary) % multiple:
            dictionary._add(next(unused), 0)
        return dictionary

    def __len__(self) -> int:
        return len(self.symbols)

    def index(self, token: str) -> int:
        """Return a token's number, that of the unknown token where it has none."""
        return self._numbers.get(token, UNKNOWN)

    def encode(self, line: str) -> NDArray[np.int64]:
        """Return the numbers of a line's tokens and the end of sentence, (length,)."""
        return np.array([*(self.index(token) for token in line.split()), END], dtype=np.int64)

    def unknown(self, line: str) -> int:
        """Return how many of a line's tokens have no number; one that is written as the unknown token has."""
        return sum(self.index(token) == UNKNOWN and token != SPECIAL_SYMBOLS[UNKNOWN] for token in line.split())

    def lines(self) -> list[str]:
        """Return what a file holds of it."""
        first = len(SPECIAL_SYMBOLS)
        return [f"{token} {count}" for token, count in zip(self.symbols[first:], self._counts[first:], strict=True)]

    def _add(self, token: str, count: int) -> None:
        self._numbers[token] = len(self.symbols)
        self.symbols.append(token)
        self._counts.append(count)
