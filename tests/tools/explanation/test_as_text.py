"""Explanations in a terminal: aligned, complete without colour, and obeyed by nobody."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from ink.runtime.escape import visible
from ink.tools.explanation.as_text import as_text, heading
from ink.tools.explanation.explanation import ExplainedSystem, Explanation, Piece, Token, distance, probability
from ink.tools.explanation.subwords import Subword


def test_a_page_of_text_says_everything(about: ExplainedSystem, explanation: Explanation) -> None:
    lines = as_text(explanation, about).splitlines()
    assert lines[0] == "line 3"
    shown = visible(explanation.source)
    assert lines[1:3] == [f"  de  {shown}", "  en  merciful"]
    assert [line.split() for line in lines[4:8]] == [
        ["#", "token", "p", "λ", "p_kNN", "p_NMT", "neighbours", "with", "it"],
        ["1", "merci·", "0.500", "█████.....", "0.600", "0.700", "0.200", "1", "of", "3"],
        ["2", "·ful", "<0.001", "..........", "0.600", "0.000", "<0.001", "0", "of", "0"],
        ["3", "(end", "of", "sentence)", "0.900", "█████████.", "0.500", "1.000", "0.800", "1", "of", "1"],
    ]
    rest = "\n".join([*lines[8:], ""])
    assert "1. merci·\n     p = 0.600 × 0.700 + 0.400 × 0.200 = 0.500\n" in rest
    assert "2. ·ful\n     p = 0.600 × 0.000 + 0.400 × <0.001 = <0.001\n     no neighbour was found\n" in rest
    assert re.search(r"^ +0\.700 +12\.35 +=  merci· +line 204, token 2 of 9$", rest, re.MULTILINE)
    assert re.search(r"^ +0\.200 +1234 +≠  good +line 31, token 2 of 4$", rest, re.MULTILINE)
    assert f"en  Be ⟦merci⟧ful. {shown}\n" in rest
    assert "en  Be ⟦good⟧.\n" in rest
    assert "en  Be good.⟦end⟧\n" in rest
    assert "     1 more, share 0.100\n" in rest


def test_columns_are_aligned_whatever_the_script(about: ExplainedSystem, explanation: Explanation) -> None:
    texts = ("日本語", "e\u0301a", "\U0001f600", "مرحبا", "word")
    token = explanation.pieces[0].tokens[1]
    tokens = tuple(replace(token, subword=Subword(text)) for text in texts)
    whole = replace(explanation, pieces=(Piece("", "", 0.0, tokens),))
    rows = as_text(whole, about).splitlines()[4:10]
    columns = {wcswidth(row[: row.index("<0.001") if "<" in row else row.index("p") + 1]) for row in rows[1:]}
    assert len(columns) == 1


def test_no_character_commands_the_terminal(about: ExplainedSystem, explanation: Explanation) -> None:
    text = heading(about) + as_text(explanation, about)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "␛[31m" in text


def test_long_sentences_are_wrapped_where_the_terminal_ends(about: ExplainedSystem, explanation: Explanation) -> None:
    token = explanation.pieces[0].tokens[0]
    long = replace(token.neighbours[0].occurrence, target="Be merciful. " + "word " * 60, source="Wort " * 60)
    neighbour = replace(token.neighbours[0], occurrence=long)
    whole = replace(
        explanation, pieces=(replace(explanation.pieces[0], tokens=(replace(token, neighbours=(neighbour,)),)),)
    )
    lines = as_text(whole, about, width=90).splitlines()
    assert max(map(len, lines)) <= 90
    assert " ".join(" ".join(lines).split()).count("word") == 60


def test_pieces_are_told_apart(about: ExplainedSystem, explanation: Explanation) -> None:
    piece = explanation.pieces[0]
    text = as_text(replace(explanation, pieces=(piece, replace(piece, source="second half"))), about)
    assert "piece 1 of 2" in text
    assert "piece 2 of 2\n  de  second half\n  en  merciful\n" in text


def test_the_heading_names_the_system(about: ExplainedSystem) -> None:
    assert heading(about).startswith("R-kNN† (r_knn_without_keys), domain ko<r>an, seed 7, experiment mini; k = 8\n")
    own = replace(about, label="mine", system="mine", seed=None)
    assert heading(own).startswith("mine, domain ko<r>an, experiment mini; k = 8\n")


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0, "0.000"), (1e-9, "<0.001"), (0.00099, "<0.001"), (0.001, "0.001"), (1.0, "1.000")]
)
def test_a_probability_is_never_rounded_to_nothing(p: float, shown: str) -> None:
    assert probability(p) == shown


def test_distances_have_decimals_where_they_are_small() -> None:
    assert [distance(d) for d in (0.0, 0.126, 999.0, 1234.5)] == ["0.00", "0.13", "999.00", "1234"]


@given(st.text())
def test_visible_text_has_as_many_characters(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    assert visible(shown) == shown
    assert len(shown.splitlines()) <= 1


def test_words_are_grouped_by_their_joints(explanation: Explanation) -> None:
    tokens: list[list[tuple[int, Token]]] = explanation.pieces[0].words
    assert [[number for number, _ in word] for word in tokens] == [[1, 2], [3]]
