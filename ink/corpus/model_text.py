"""What the rest of ink knows of a model's text: raw lines in, tokens out, and back."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

# everything that str.splitlines takes for a line's end: inside a sentence it is a space
LINE_BREAKS = str.maketrans(dict.fromkeys("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))


class Marks(Enum):
    """How tokens say which of them make a word: by what marks one."""

    CONTINUED = "@@"  # at its end: the word goes on in the next one
    BEGUN = "▁"  # at its beginning: a word begins with it, as in SentencePiece
    ENDED = "</w>"  # at its end: a word ends with it

    def bare(self, token: str) -> str:
        """Return a token without its mark."""
        if self is Marks.BEGUN:
            return token.removeprefix(self.value)
        return token if token == self.value else token.removesuffix(self.value)

    def goes_on(self, token: str, following: str | None) -> bool:
        """Tell whether the word goes on after a token; following: the next one, None at the end."""
        if self is Marks.CONTINUED:
            return token.endswith(self.value) and token != self.value
        if following is None:
            return False
        return not (following.startswith(self.value) if self is Marks.BEGUN else token.endswith(self.value))


class ModelText(Protocol):
    """A sentence pair's way into the model and a translation's way out of it; one line in, one line out.

    Tokens stand apart by spaces; an empty line stays empty. marks: how tokens make words; escaped: whether the tokens
    have & as &amp;, as Moses writes it.
    """

    @property
    def marks(self) -> Marks:
        """How tokens make words."""
        ...

    @property
    def escaped(self) -> bool:
        """Whether the tokens have & as &amp;."""
        ...

    def encode_source(self, line: str) -> str:
        """Return the source line as the model's tokens."""
        ...

    def encode_target(self, line: str) -> str:
        """Return the target line as the model's tokens."""
        ...

    def decode_target(self, tokens: str) -> str:
        """Return the model's target tokens as text."""
        ...
