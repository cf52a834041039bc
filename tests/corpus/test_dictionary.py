"""Dictionaries: numbers, files and encoded lines are fairseq's."""

from __future__ import annotations

import io

import numpy as np
from fairseq.data import Dictionary as FairseqDictionary
from hypothesis import given
from hypothesis import strategies as st

from ink.corpus.dictionary import BEGIN, END, PADDING, SPECIAL_SYMBOLS, UNKNOWN, Dictionary

# special symbols and fairseq's fillers are tokens of a text like any other
TOKENS = st.sampled_from(
    ["der", "die", "d@@", "Ω", "\u2028a", "<unk>", "</s>", "madeupword0000", "madeupword0002", "a"]
)


def fairseq_s(counts: dict[str, int], multiple: int) -> FairseqDictionary:
    dictionary = FairseqDictionary()
    for token, count in counts.items():
        dictionary.add_symbol(token, count)
    dictionary.finalize(threshold=0, padding_factor=multiple)
    return dictionary


@given(st.dictionaries(TOKENS, st.integers(1, 4)), st.sampled_from([1, 3, 8]))
def test_a_learned_dictionary_is_fairseq_s(counts: dict[str, int], multiple: int) -> None:
    ours, theirs = Dictionary.of_counts(counts, multiple), fairseq_s(counts, multiple)
    written = io.StringIO()
    theirs.save(written)
    assert ours.symbols == theirs.symbols and len(ours) == len(theirs)
    assert "".join(f"{line}\n" for line in ours.lines()) == written.getvalue()


@given(st.lists(st.tuples(TOKENS, st.integers(0, 10**17)), unique_by=lambda line: line[0]), st.lists(TOKENS))
def test_a_file_is_read_and_a_line_encoded_as_fairseq_does(lines: list[tuple[str, int]], line: list[str]) -> None:
    """A token that is there already, here a special symbol, says so in its line."""
    file = [f"{token} {count}{' #fairseq:overwrite' if token in SPECIAL_SYMBOLS else ''}" for token, count in lines]
    ours, theirs = Dictionary.of_lines(file), FairseqDictionary()
    theirs.add_from_file(io.StringIO("\n".join(file)))
    assert ours.symbols == theirs.symbols
    replaced: list[str] = []

    def note(token: str, number: int) -> None:
        if number == theirs.unk() and token != theirs.unk_word:
            replaced.append(token)

    text = "  " + " \t".join(line)
    expected = theirs.encode_line(text, add_if_not_exist=False, consumer=note)
    assert np.array_equal(ours.encode(text), expected.numpy())
    assert ours.unknown(text) == len(replaced)


def test_special_symbols_have_fairseq_s_numbers() -> None:
    theirs = FairseqDictionary()
    assert [theirs.bos(), theirs.pad(), theirs.eos(), theirs.unk()] == [BEGIN, PADDING, END, UNKNOWN]
    assert theirs.nspecial == len(SPECIAL_SYMBOLS) == len(Dictionary())
