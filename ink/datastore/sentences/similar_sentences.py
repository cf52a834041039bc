"""The training pairs whose sources are most like a sentence: BM25, then edit similarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Lucene's, which the authors search with
K1, B = 1.2, 0.75


class SimilarSentences:
    """Finds the sentences of a text that are most like another.

    - sentences: token numbers of each, below `types`
    - candidates: so many at the most, of the highest BM25, are compared with the sentence by their edit similarity
    - found: so many of those are returned at the most

    BM25(x, s) = sum over x's tokens t of idf(t) f / (f + K1 (1 - B + B |s| / mean length)), where f counts t in s.
    idf(t) = log(1 + (N - n + 1/2) / (n + 1/2)), where n of the N sentences have t.
    """

    def __init__(self, sentences: Sequence[NDArray[np.int64]], types: int, *, candidates: int, found: int) -> None:
        import bm25s

        self.sentences, self.types = sentences, types
        self.candidates, self.found = candidates, found
        self._index = bm25s.BM25(method="lucene", k1=K1, b=B)
        self._index.scores = self._index.build_index_from_ids(
            list(range(types)), [sentence.tolist() for sentence in sentences], show_progress=False
        )

    @property
    def bytes_in_memory(self) -> int:
        """How large the index of BM25 is, which is made anew whenever a system is loaded."""
        return sum(part.nbytes for part in self._index.scores.values() if isinstance(part, np.ndarray))

    def like(self, sentence: NDArray[np.int64]) -> list[int]:
        """Return the numbers of the sentences most like `sentence` (length,), the most similar first.

        Only sentences with a token of its are among them. Of equal similarity, that of the higher BM25 comes first.
        """
        known = sentence[sentence < self.types]
        if not len(known):
            return []
        scores = self._index.get_scores_from_ids(known.tolist())
        best = _highest(scores, self.candidates)
        similarity = edit_similarity(sentence, [self.sentences[number] for number in best])
        chosen: list[int] = best[np.argsort(-similarity, kind="stable")][: self.found].tolist()
        return chosen


def _highest(scores: NDArray, most: int) -> NDArray[np.int64]:
    """Return the places of the highest scores above 0, `most` at the most, the highest first, equal ones in order."""
    least = np.partition(scores, -most)[-most] if most < len(scores) else 0
    places = np.flatnonzero((scores >= least) & (scores > 0))
    return places[np.argsort(-scores[places], kind="stable")][:most]


def edit_similarity(sentence: NDArray[np.int64], others: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return 1 - dist(x, s) / max(|x|, |s|) of a sentence x (length,) and each other s, dist being Levenshtein's."""
    lengths = np.array([len(other) for other in others], dtype=np.int64)
    if not len(lengths):
        return np.empty(0)
    places = np.arange(lengths.max() + 1)
    tokens = np.full((len(others), lengths.max()), -1, dtype=np.int64)
    for row, other in enumerate(others):
        tokens[row, : len(other)] = other
    distances = np.repeat(places[None], len(others), axis=0)
    for read, token in enumerate(sentence.tolist(), start=1):
        changed = distances[:, :-1] + (tokens != token)
        row = np.concatenate([np.full((len(others), 1), read), np.minimum(changed, distances[:, 1:] + 1)], axis=1)
        # an insertion costs one a place: the least of all that stand before
        distances = np.minimum.accumulate(row - places, axis=1) + places
    apart = distances[np.arange(len(others)), lengths]
    return np.asarray(1 - apart / np.maximum(np.maximum(lengths, len(sentence)), 1))
