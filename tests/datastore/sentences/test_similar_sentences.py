"""Which sentences are like one: BM25 and edit similarity against slow versions of their equations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.datastore.sentences.similar_sentences import SimilarSentences, edit_similarity

TYPES = 30
Tokens = list[int]


def drawn(seed: int, count: int) -> list[Tokens]:
    numbers = np.random.default_rng(seed)
    return [(numbers.zipf(1.3, size=numbers.integers(2, 14)) % TYPES).tolist() for _ in range(count)]


def bm25(query: Tokens, sentences: Sequence[Tokens]) -> list[float]:
    """Lucene's BM25 with k1 = 1.2 and b = 0.75, token by token in float64."""
    mean = sum(map(len, sentences)) / len(sentences)
    scores = []
    for sentence in sentences:
        score = 0.0
        for token in query:
            holding = sum(token in other for other in sentences)
            inverse = math.log(1 + (len(sentences) - holding + 0.5) / (holding + 0.5))
            count = sentence.count(token)
            score += inverse * count / (count + 1.2 * (1 - 0.75 + 0.75 * len(sentence) / mean))
        scores.append(score)
    return scores


def levenshtein(one: Tokens, other: Tokens) -> int:
    if not one or not other:
        return len(one) + len(other)
    table = [[i + j if i * j == 0 else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            changed = table[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            table[i][j] = min(changed, table[i - 1][j] + 1, table[i][j - 1] + 1)
    return table[-1][-1]


def similarity(one: Tokens, other: Tokens) -> float:
    return 1 - levenshtein(one, other) / max(len(one), len(other))


def similar(sentences: Sequence[Tokens], candidates: int, found: int) -> SimilarSentences:
    return SimilarSentences([np.array(one) for one in sentences], TYPES, candidates=candidates, found=found)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9), st.lists(st.lists(st.integers(0, 4), max_size=9)))
def test_edit_similarity_is_levenshtein_s(sentence: Tokens, others: list[Tokens]) -> None:
    found = edit_similarity(np.array(sentence), [np.array(other, dtype=np.int64) for other in others])
    np.testing.assert_allclose(found, [similarity(sentence, other) for other in others])


@pytest.mark.parametrize(("candidates", "found"), [(10, 4), (4, 4), (200, 3), (5, 9)])
def test_the_most_similar_of_the_best_by_bm25_come_back(candidates: int, found: int) -> None:
    sentences = drawn(1, 60)
    searched = similar(sentences, candidates, found)
    for query in drawn(2, 12):
        scores = bm25(query, sentences)
        chosen = searched.like(np.array(query))
        best = sorted((score for score in scores if score > 0), reverse=True)[:candidates]
        assert len(chosen) == min(found, len(best))
        # what was taken is among the best by BM25, and nothing of these that was left is more similar
        assert all(scores[number] >= best[-1] - 1e-5 for number in chosen)
        alike = [similarity(query, sentences[number]) for number in chosen]
        assert alike == sorted(alike, reverse=True)
        left = [number for number, score in enumerate(scores) if score > best[-1] + 1e-5 and number not in chosen]
        assert all(similarity(query, sentences[number]) <= alike[-1] + 1e-9 for number in left)


def test_a_sentence_of_the_text_finds_itself_first() -> None:
    sentences = [*drawn(3, 40), [21, 22, 23, 24]]
    assert similar(sentences, 8, 2).like(np.array([21, 22, 23, 24]))[0] == 40


def test_what_shares_no_token_is_like_nothing() -> None:
    searched = similar([[1, 2], [2, 3]], 8, 2)
    assert searched.like(np.array([9, 8])) == searched.like(np.array([], dtype=np.int64)) == []
    assert searched.like(np.array([TYPES + 5])) == []
    assert searched.like(np.array([3])) == [1]


def test_the_index_says_how_large_it_is() -> None:
    # a score and a place, four bytes each, of the four different tokens of a sentence; then where columns begin
    searched = similar([[1, 2], [2, 3, 3]], 8, 2)
    assert searched.bytes_in_memory >= 4 * (4 + 4)
