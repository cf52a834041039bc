"""Tokens as readers know them, and where they stand in the raw line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ink.tools.explanation.subwords import as_words, places, subwords


def test_joints_say_where_a_word_goes_on() -> None:
    found = subwords(["mer@@", "ci@@", "ful", ".", "@@"])
    assert [str(one) for one in found] == ["mer·", "·ci·", "·ful", ".", "@@"]
    assert as_words(found) == "merciful . @@"


def test_what_moses_writes_is_read_back() -> None:
    assert [one.text for one in subwords(["well", "@-@", "known", "&amp;"])] == ["well", "-", "known", "&amp;"]
    assert [one.text for one in subwords(["&amp;", "&quot;@@"], escaped=True)] == ["&", '"']


def written(line: str, pieces: list[str]) -> list[str]:
    return [line[start:end] for start, end in places(line, pieces)]


def test_tokens_are_found_in_the_raw_line() -> None:
    assert written("He said: yes.", ["He", "said", ":", "y", "es", "."]) == ["He", "said", ":", "y", "es", "."]
    assert written("  a\u00a0b  ", ["a", "b"]) == ["a", "b"]
    assert written("well-known", ["well", "-", "known"]) == ["well", "-", "known"]


def test_what_normalisation_replaced_is_where_it_was() -> None:
    assert written("„Ja“, sagte er …", ['"', "Ja", '"', ",", "sag", "te", "er", "..."]) == [
        *("„", "Ja", "“", ",", "sag", "te", "er", "…")
    ]


def test_what_normalisation_swapped_is_where_it_was() -> None:
    assert written("the “God”, he", ["the", '"', "God", ",", '"', "he"]) == ["the", "“", "God", ",", "”", "he"]
    assert written('a "b".', ["a", '"', "b", ".", '"']) == ["a", '"', "b", ".", '"']


def test_a_token_that_has_nothing_in_the_line_has_an_empty_place() -> None:
    assert places("ab", ["a", "x", "b"]) == [(0, 1), (1, 1), (1, 2)]
    assert places("", ["x"]) == [(0, 0)]
    assert places("abc", []) == []


@given(st.lists(st.text(st.characters(blacklist_categories=["Z", "C"]), min_size=1), max_size=12), st.data())
def test_whatever_the_spaces_every_piece_is_found_as_written(pieces: list[str], data: st.DataObject) -> None:
    spaces = data.draw(st.lists(st.sampled_from(["", " ", "\t\u00a0 "]), min_size=len(pieces), max_size=len(pieces)))
    line = "".join(space + piece for space, piece in zip(spaces, pieces, strict=True))
    assert ["".join(one.split()) for one in written(line, pieces)] == pieces


@given(st.text(max_size=30), st.lists(st.text(st.characters(blacklist_categories=["Z", "C"])), max_size=10))
def test_every_place_lies_in_the_line(line: str, pieces: list[str]) -> None:
    found = places(line, pieces)
    assert len(found) == len(pieces)
    assert all(0 <= start <= end <= len(line) for start, end in found)
