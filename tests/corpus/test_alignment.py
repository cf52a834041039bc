"""Word alignment against IBM model 1 written out with plain loops, and entropies worked out by hand."""

from __future__ import annotations

import math

import pytest

from ink.corpus.alignment import align, entropy, translation_entropy, words

PAIRS = [("das Haus", "the house"), ("das Buch", "the book"), ("ein Buch", "a book")]


def slow_model_1(pairs: list[tuple[list[str], list[str]]], iterations: int) -> dict[tuple[str | None, str], float]:
    """Expectation maximisation as Brown et al. (1993) write it, with the empty word: t(target | source)."""
    targets = {word for _, target in pairs for word in target}
    table = {
        (source, target): 1 / len(targets)
        for sentence, _ in pairs
        for source in (None, *sentence)
        for target in targets
    }
    for _ in range(iterations):
        counts = dict.fromkeys(table, 0.0)
        for sentence, translation in pairs:
            for target in translation:
                total = sum(table[source, target] for source in (None, *sentence))
                for source in (None, *sentence):
                    counts[source, target] += table[source, target] / total
        sums = {source: sum(count for (other, _), count in counts.items() if other == source) for source, _ in table}
        table = {(source, target): counts[source, target] / sums[source] for source, target in table}
    return table


def test_table_is_model_1s() -> None:
    pairs = [(words(source), words(target)) for source, target in PAIRS]
    wanted = slow_model_1(pairs, 5)
    found = align(pairs, 5).table
    for source, row in found.items():
        assert sum(row.values()) == pytest.approx(1, abs=1e-6)
        for target, probability in row.items():
            assert probability == pytest.approx(wanted[source, target], abs=1e-9)


def test_every_target_word_goes_to_its_likeliest_source_word() -> None:
    pairs = [(words(source), words(target)) for source, target in PAIRS] * 3
    assert align(pairs, 20).links[:3] == [[(0, 0), (1, 1)], [(0, 0), (1, 1)], [(0, 0), (1, 1)]]


def test_words_have_letters() -> None:
    assert words("Die 25 Häuser, Sie don't U-Bahn 3a.") == ["die", "häuser", "sie", "don't", "u", "bahn", "3a"]


@pytest.mark.parametrize(
    ("weights", "bits"), [([1, 1], 1.0), ([3, 1], 0.8112781), ([5], 0.0), ([], 0.0), ([0, 2], 0.0)]
)
def test_entropy(weights: list[float], bits: float) -> None:
    assert entropy(weights) == pytest.approx(bits)


def test_entropy_of_translations_over_frequent_words() -> None:
    # Volk is people in three of four places and nation in one; Haus always house; selten is not frequent
    pairs = [("Volk", "people"), ("Volk", "people"), ("Volk", "nation"), ("Volk", "people"), ("Haus", "house")] * 10
    pairs.insert(0, ("selten", "rarely"))
    found = translation_entropy(pairs, running_words=51, seen=10)
    volk = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert found.frequent == 2
    assert found.of_links == pytest.approx(0.8 * volk)
    assert found.of_table == pytest.approx(0.8 * volk, abs=1e-6)


def test_too_little_text_is_refused() -> None:
    with pytest.raises(ValueError, match="2 source words, of which 25000 are needed"):
        translation_entropy([("ein Haus", "a house")])
