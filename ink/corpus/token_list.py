"""One side's vocabulary as a model of another toolkit than fairseq numbers it: tokens.LANGUAGE.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json


@dataclass(frozen=True)
class TokenList:
    """The model's types, `symbols`, by number; none is empty or has a space in it, and no two are the same.

    unknown_number, padding, end: numbers of special symbols, of which `special` come first. before, after: what stands
    around the tokens of every sentence, a tag of the language and the end of sentence among it. start: of a target,
    what the decoder has read when it says the first token.
    """

    symbols: list[str]
    unknown_number: int
    padding: int
    end: int
    special: int
    before: list[int]
    after: list[int]
    start: list[int]

    @classmethod
    def read(cls, path: Path) -> TokenList:
        """Read such a file; InkError names it where it is cut short or holds something else."""
        names = [field.name for field in fields(cls)]
        held = read_json(path, *names)
        found = cls(**{name: held[name] for name in names})
        if problem := found._problem():
            raise InkError(
                f"{path} is no list of a model's tokens ({problem}); make the vocabulary again",
                code="vocabulary/not-a-dictionary",
            )
        return found

    def write(self, path: Path) -> None:
        """Write the file."""
        write_json(path, asdict(self))

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def added(self) -> int:
        """How many numbers stand around the tokens of a sentence."""
        return len(self.before) + len(self.after)

    def index(self, token: str) -> int:
        """Return a token's number, that of the unknown token where it has none."""
        return self._numbers.get(token, self.unknown_number)

    def encode(self, line: str) -> NDArray[np.int64]:
        """Return the numbers of a line's tokens and of what stands around them, (length,)."""
        return np.array([*self.before, *map(self.index, line.split()), *self.after], dtype=np.int64)

    def unknown(self, line: str) -> int:
        """Return how many of a line's tokens are the unknown one, or have no number."""
        return sum(self.index(token) == self.unknown_number for token in line.split())

    def text(self, numbers: Sequence[int]) -> str:
        """Return the tokens of numbers, apart by spaces, without what stands around them."""
        inner = list(numbers)
        inner = inner[len(self.before) :] if inner[: len(self.before)] == self.before else inner
        if self.after and inner[-len(self.after) :] == self.after:
            inner = inner[: -len(self.after)]
        return " ".join(self.symbols[number] for number in inner if number not in (self.end, self.padding))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    def _problem(self) -> str | None:
        lists: dict[str, Any] = {name: getattr(self, name) for name in ("before", "after", "start")}
        numbers: list[Any] = [self.unknown_number, self.padding, self.end]
        for name, value in lists.items():
            if not isinstance(value, list):
                return f"{name} is no list"
            numbers += value
        if not isinstance(self.symbols, list) or not all(isinstance(symbol, str) for symbol in self.symbols):
            return "symbols is no list of text"
        if not all(type(number) is int and 0 <= number < len(self.symbols) for number in numbers):
            return "a number is not one of a token"
        if type(self.special) is not int or not 0 <= self.special <= len(self.symbols):
            return "special is no number of tokens"
        if len(self._numbers) != len(self.symbols) or any(symbol.split() != [symbol] for symbol in self.symbols):
            return "a token is there twice, or is empty, or has a space in it"
        return None
