"""Subwords and BPE codes of a fairseq model as FSMT's tokeniser writes them, and back.

fairseq marks a subword that goes on (`wor@@`), FSMT one that ends its word (`d</w>`). FSMT's tokeniser always writes
& and seven other characters as Moses does (&amp;). For a model whose text has them plain, names and merges are written
with the escapes, and merges put before all others make one subword of each escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ink.corpus.dictionary import SPECIAL_SYMBOLS
from ink.corpus.model_text import Marks
from ink.runtime.errors import InkError

ESCAPES = {
    **{"&": "&amp;", "|": "&#124;", "<": "&lt;", ">": "&gt;"},
    **{"'": "&apos;", '"': "&quot;", "[": "&#91;", "]": "&#93;"},
}
_PLAIN = {escape: character for character, escape in ESCAPES.items()}
_ESCAPED = {ord(character): escape for character, escape in ESCAPES.items()}
_ESCAPE = re.compile("|".join(map(re.escape, _PLAIN)))
_GOES_ON, _ENDS = Marks.CONTINUED.value, Marks.ENDED.value
_FIRST_LINE = "#version: 0.2"


def is_escaped(symbols: Iterable[str]) -> bool:
    """Tell by a dictionary's types whether its text was escaped; where they do not tell, it was, as Moses does."""
    escaped = plain = False
    for symbol in symbols:
        if symbol not in SPECIAL_SYMBOLS:
            escaped |= _ESCAPE.search(symbol) is not None
            plain |= not ESCAPES.keys().isdisjoint(symbol)
    # & of an escape is a plain character as well
    return escaped or not plain


def fsmt_names(symbols: Sequence[str], *, escaped: bool, origin: Path) -> dict[str, int]:
    """Return FSMT's names of a dictionary's types, with their numbers.

    InkError names the dictionary, `origin`, where a name would stand for two types, or for none.
    """
    names: dict[str, int] = {}
    for number, symbol in enumerate(symbols):
        name = symbol if number < len(SPECIAL_SYMBOLS) else _fsmt_name(symbol, escaped=escaped)
        if name in names or (number >= len(SPECIAL_SYMBOLS) and _symbol(name, escaped=escaped) != symbol):
            raise InkError(
                f"{origin}: FSMT's tokeniser has no name of its own for {symbol!r}; it cannot be converted",
                code="model/not-convertible",
            )
        names[name] = number
    return names


def fairseq_symbols(names: Mapping[str, int], types: int, *, escaped: bool, origin: Path) -> list[str]:
    """Return the types that a fairseq dictionary lists, special symbols among them, of FSMT's names and their numbers.

    A number without a name gets a made-up one. InkError names the file, `origin`, where special symbols have other
    numbers than fairseq's, two names one number, or a name is none of FSMT's.
    """
    by_number = {number: name for name, number in names.items()}
    special = [by_number.get(number) for number in range(len(SPECIAL_SYMBOLS))]
    if special != [*SPECIAL_SYMBOLS]:
        raise InkError(
            f"{origin}: its first tokens are {special}, and fairseq's {[*SPECIAL_SYMBOLS]}",
            code="model/not-convertible",
        )
    if len(by_number) < len(names) or not all(type(number) is int and 0 <= number < types for number in by_number):
        raise InkError(
            f"{origin}: its tokens are not numbered from 0 to {types - 1}; fetch the model again",
            code="model/not-convertible",
        )
    symbols = [*SPECIAL_SYMBOLS]
    for number in range(len(symbols), types):
        name = by_number.get(number, f"madeupword{number:04d}{_ENDS}")
        symbols.append(_symbol(name, escaped=escaped))
        if _fsmt_name(symbols[-1], escaped=escaped) != name:
            raise InkError(
                f"{origin}: the token {name!r} is no subword for fairseq; it cannot be converted",
                code="model/not-convertible",
            )
    return symbols


def fsmt_merges(codes: str, *, escaped: bool, origin: Path) -> list[str]:
    """Return the lines of merges.txt for BPE codes in subword-nmt's form, as `read_codes` gives them."""
    first, *lines = codes.removesuffix("\n").split("\n")
    if first != _FIRST_LINE:
        raise InkError(
            f"{origin} has BPE codes of version 0.1, which end words otherwise than FSMT does; it cannot be converted",
            code="model/not-convertible",
        )
    merges = [] if escaped else _escape_merges()
    for line in lines:
        merge = line.split(" ")
        # no word has a space of any kind in it; FSMT's reader would take it for the end of a subword
        if all(part.split() == [part] for part in merge):
            merges.append(" ".join(merge if escaped else map(_with_escapes, merge)))
    # of a merge that is there twice the first counts for subword-nmt, the last for FSMT
    return [*dict.fromkeys(merges)]


def fairseq_codes(merges: Sequence[str]) -> tuple[str, bool]:
    """Return BPE codes in subword-nmt's form for the lines of merges.txt, and whether the model's text is escaped."""
    added = _escape_merges()
    escaped = [*merges[: len(added)]] != added
    parts = [line.split()[:2] for line in (merges if escaped else merges[len(added) :])]
    if not escaped:
        parts = [[_without_escapes(part) for part in merge] for merge in parts]
    lines = [" ".join(merge) for merge in parts if len(merge) == 2]
    # the last of two counts for FSMT
    kept = [*reversed(dict.fromkeys(reversed(lines)))]
    return "\n".join([_FIRST_LINE, *kept]) + "\n", escaped


def _fsmt_name(symbol: str, *, escaped: bool) -> str:
    goes_on = symbol.endswith(_GOES_ON) and symbol != _GOES_ON
    bare = symbol.removesuffix(_GOES_ON) if goes_on else symbol
    return (bare if escaped else _escaped(bare)) + ("" if goes_on else _ENDS)


def _symbol(name: str, *, escaped: bool) -> str:
    ends = name.endswith(_ENDS)
    bare = name.removesuffix(_ENDS)
    return (bare if escaped else _plain(bare)) + ("" if ends else _GOES_ON)


def _with_escapes(part: str) -> str:
    return _escaped(part.removesuffix(_ENDS)) + (_ENDS if part.endswith(_ENDS) else "")


def _without_escapes(part: str) -> str:
    return _plain(part.removesuffix(_ENDS)) + (_ENDS if part.endswith(_ENDS) else "")


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: _PLAIN[found.group()], text)


def _escape_merges() -> list[str]:
    """Return merges that make one subword of each escape, at the end of a word and before."""
    merges: dict[str, None] = {}
    for escape in ESCAPES.values():
        for place in range(1, len(escape)):
            merges[f"{escape[:place]} {escape[place]}"] = None
        merges[f"{escape[:-1]} {escape[-1]}{_ENDS}"] = None
    return [*merges]
