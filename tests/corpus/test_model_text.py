"""Tokens of words: what marks them in BPE, in SentencePiece and in FSMT's BPE."""

from __future__ import annotations

import pytest

from ink.corpus.model_text import Marks
from ink.tools.explanation.subwords import as_words, subwords
from ink.tools.translation.translator import split_at_limit

TOKENS = {
    Marks.CONTINUED: ["mer@@", "ci@@", "ful", "&amp;", "God", "."],
    Marks.BEGUN: ["▁mer", "ci", "ful", "▁&amp;", "▁God", "▁."],
    Marks.ENDED: ["mer", "ci", "ful</w>", "&amp;</w>", "God</w>", ".</w>"],
}


@pytest.mark.parametrize("marks", Marks)
def test_words_are_divided_where_their_tokens_say(marks: Marks) -> None:
    found = subwords(TOKENS[marks], escaped=True, marks=marks)
    assert [str(token) for token in found] == ["mer·", "·ci·", "·ful", "&", "God", "."]
    assert as_words(found) == "merciful & God ."


def test_a_space_alone_is_a_token_of_sentencepiece() -> None:
    found = subwords(["▁", "Te", "xt", "▁."], marks=Marks.BEGUN)
    assert [str(token) for token in found] == ["·", "·Te·", "·xt", "."]
    assert as_words(found) == "Text ."


@pytest.mark.parametrize("marks", Marks)
def test_a_line_is_split_between_words(marks: Marks) -> None:
    tokens = [token for token in TOKENS[marks] if marks.bare(token) != "."]
    pieces = split_at_limit([*tokens, *tokens], 7, marks)
    assert pieces == [[*tokens], [*tokens]]
    ended = split_at_limit([*TOKENS[marks], *tokens], 8, marks)
    assert ended == [[*TOKENS[marks]], [*tokens]]
