"""Subwords as FSMT's tokeniser writes them: the same ones for every word, and back."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacremoses import MosesTokenizer
from subword_nmt.apply_bpe import BPE

from ink.corpus.dictionary import SPECIAL_SYMBOLS
from ink.corpus.fsmt_subwords import (
    ESCAPES,
    fairseq_codes,
    fairseq_symbols,
    fsmt_merges,
    fsmt_names,
    is_escaped,
)
from ink.runtime.errors import InkError

HERE = Path("dict.de.txt")
# ' t at the end of a word, & and " inside one; the first merge is there twice
CODES = "#version: 0.2\na b\nab c\n' t</w>\n\" a\n& b\na b\n[ ]</w>\nc </w>\n"
WORDS = st.text(alphabet="abct'\"&<>[]|", min_size=1, max_size=8)


def merged(merges: list[str], word: str) -> list[str]:
    """Apply merges slowly, the first that fits at each step, as FSMT's tokeniser does; the last of two counts."""
    ranks = {tuple(line.split()): rank for rank, line in enumerate(merges)}
    parts = [*word[:-1], f"{word[-1]}</w>"]
    while fitting := [(ranks[pair], pair) for pair in pairwise(parts) if pair in ranks]:
        _, (first, second) = min(fitting)
        done: list[str] = []
        while parts:
            if parts[:2] == [first, second]:
                done.append(first + second)
                parts = parts[2:]
            else:
                done.append(parts.pop(0))
        parts = done
    return parts


@given(WORDS)
def test_a_word_of_plain_text_has_the_same_subwords_escaped(word: str) -> None:
    subwords = BPE(io.StringIO(CODES)).segment_tokens([word])
    expected = fsmt_names([*SPECIAL_SYMBOLS, *dict.fromkeys(subwords)], escaped=False, origin=HERE)
    merges = fsmt_merges(CODES, escaped=False, origin=HERE)
    found = merged(merges, MosesTokenizer().escape_xml(word))
    assert found == [[*expected][4 + [*dict.fromkeys(subwords)].index(subword)] for subword in subwords]


@given(st.lists(WORDS, unique=True), st.booleans())
def test_names_lead_back_to_their_subwords(words: list[str], escaped: bool) -> None:
    symbols = [*SPECIAL_SYMBOLS, *words, *(f"{word}@@" for word in words), "@@"]
    names = fsmt_names(symbols, escaped=escaped, origin=HERE)
    assert [*names.values()] == [*range(len(symbols))]
    assert fairseq_symbols(names, len(symbols), escaped=escaped, origin=HERE) == symbols


@pytest.mark.parametrize("escaped", [False, True])
def test_merges_lead_back_to_codes_without_repeats(escaped: bool) -> None:
    merges = fsmt_merges(CODES, escaped=escaped, origin=HERE)
    assert fairseq_codes(merges) == (CODES.replace("& b\na b\n", "& b\n"), escaped)


def test_dictionaries_tell_whether_their_text_was_escaped() -> None:
    assert is_escaped(["a", "&quot;", "&@@"])
    assert not is_escaped(["a", '"', "amp"])
    assert is_escaped([*SPECIAL_SYMBOLS, "a"])
    assert set(ESCAPES.values()) == {MosesTokenizer().escape_xml(character) for character in ESCAPES}


def test_a_number_without_a_name_gets_one() -> None:
    names = {symbol: number for number, symbol in enumerate(SPECIAL_SYMBOLS)}
    found = fairseq_symbols({**names, "a</w>": 5}, 7, escaped=True, origin=HERE)
    assert found == [*SPECIAL_SYMBOLS, "madeupword0004", "a", "madeupword0006"]


@pytest.mark.parametrize("symbols", [["x</w>@@", "x"], ["</w>@@", ""]])
def test_subwords_that_fsmt_cannot_tell_apart_are_refused(symbols: list[str]) -> None:
    with pytest.raises(InkError, match="has no name of its own"):
        fsmt_names([*SPECIAL_SYMBOLS, *symbols], escaped=True, origin=HERE)


def test_codes_that_end_words_otherwise_are_refused() -> None:
    with pytest.raises(InkError, match=r"version 0\.1"):
        fsmt_merges("#version: 0.1\na b\n", escaped=True, origin=HERE)
