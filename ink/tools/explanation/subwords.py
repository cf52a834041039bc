"""The model's tokens as a reader knows them: pieces of words that say where they are joined, and where they stand."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from ink.corpus.model_text import Marks

# As dictionaries divide words: mer·ci·ful.
JOINT = "·"
DASH = "@-@"

Place = tuple[int, int]


@dataclass(frozen=True)
class Subword:
    """A token: its characters, whether it is joined to the token before and after it, whether it ends the sentence."""

    text: str
    joined_before: bool = False
    joined_after: bool = False
    is_end: bool = False

    def __str__(self) -> str:
        """Return the characters with a joint where the word goes on."""
        return f"{JOINT if self.joined_before else ''}{self.text}{JOINT if self.joined_after else ''}"


END = Subword("end of sentence", is_end=True)


def subwords(tokens: Sequence[str], *, escaped: bool = False, marks: Marks = Marks.CONTINUED) -> list[Subword]:
    """Return what a sentence's tokens stand for, without its end; `escaped`: Moses has written & as &amp;."""
    found: list[Subword] = []
    joined = False
    for token, following in zip_longest(tokens, tokens[1:]):
        goes_on = marks.goes_on(token, following)
        text = marks.bare(token)
        text = "-" if text == DASH else text
        found.append(Subword(html.unescape(text) if escaped else text, joined, goes_on))
        joined = goes_on
    return found


def as_words(tokens: Sequence[Subword]) -> str:
    """Return tokens as words with spaces between them."""
    return "".join(f"{'' if token.joined_before else ' '}{token.text}" for token in tokens).strip()


def places(line: str, pieces: Sequence[str]) -> list[Place]:
    """Return where each piece stands in the raw line, as (start, end) in characters.

    Tokenisation moves spaces, and normalisation replaces punctuation or swaps a quotation mark and a full
    stop: what is not found as it stands is where its neighbours leave room. A piece that has nothing in the line has an
    empty place.
    """
    kept = [number for number, character in enumerate(line) if not character.isspace()]
    ranges = _counterparts("".join(line[number] for number in kept), "".join(pieces))
    found: list[Place] = []
    begin = 0
    for piece in pieces:
        own = [(start, end) for start, end in ranges[begin : begin + len(piece)] if end > start]
        begin += len(piece)
        if own:
            found.append((kept[own[0][0]], kept[own[-1][1] - 1] + 1))
        else:
            last = found[-1][1] if found else 0
            found.append((last, last))
    return [
        _swapped(line, found, number) if start == end else (start, end) for number, (start, end) in enumerate(found)
    ]


def _swapped(line: str, found: Sequence[Place], number: int) -> Place:
    """Return what nobody has taken beyond the piece before or after an empty one, else its empty place."""
    before = (found[number - 2][1] if number > 1 else 0, found[number - 1][0]) if number else (0, 0)
    last = number + 2 >= len(found)
    after = (found[number + 1][1], len(line) if last else found[number + 2][0]) if number + 1 < len(found) else (0, 0)
    for start, end in (before, after):
        if rest := line[start:end].strip():
            begin = line.index(rest, start)
            return begin, begin + len(rest)
    return found[number]


def _counterparts(line: str, joined: str) -> list[Place]:
    """Return, of each character of `joined`, the range of `line` that stands for it; both are without spaces."""
    if line == joined:
        return [(number, number + 1) for number in range(len(line))]
    ranges: list[Place] = []
    # the heuristic for long texts takes frequent letters for noise
    for kind, start, end, first, last in SequenceMatcher(None, line, joined, autojunk=False).get_opcodes():
        if kind == "equal" or end - start == last - first:
            ranges += [(start + offset, start + offset + 1) for offset in range(last - first)]
        else:
            ranges += [(start, end)] * (last - first)
    return ranges
