"""chrF2 as sacrebleu computes it: the F-score of character n-grams (Popovic 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ink.metrics.bleu import sacrebleu_score
from ink.metrics.bootstrap import Statistics
from ink.metrics.metric import Metric, Scored, Texts

ORDER, BETA = 6, 2  # sacrebleu's defaults: n-grams of 1 to 6 characters, recall counts twice as much


class Chrf(Metric):
    """chrF2 (0-100) of the corpus, white space left out."""

    name, heading, package = "chrf", "chrF", "sacrebleu"
    in_tables = False  # the paper's has COMET and BLEU

    def score(self, texts: Texts) -> Scored:
        """Score a test set."""
        from sacrebleu.metrics import CHRF

        return sacrebleu_score(CHRF(char_order=ORDER, beta=BETA), texts)

    def statistics(
        self, hypotheses: Sequence[str], references: Sequence[str], segments: Sequence[float] | None = None
    ) -> NDArray[np.int64]:
        """Count each sentence's n-grams, `(sentences, 3 * ORDER)`: by order the hypothesis's, the reference's, matches.

        A hypothesis's do not count where the reference has none of the order.
        """
        from sacrebleu.metrics.helpers import extract_all_char_ngrams

        texts = Texts(hypotheses, references)
        rows = np.empty((len(texts.hypotheses), ORDER, 3), dtype=np.int64)
        for row, *pair in zip(rows, hypotheses, references, strict=True):
            produced, wanted = (extract_all_char_ngrams(line, ORDER, False) for line in pair)
            row[:] = [
                [hypothesis.total() if reference else 0, reference.total(), (hypothesis & reference).total()]
                for hypothesis, reference in zip(produced, wanted, strict=True)
            ]
        return rows.reshape(len(rows), -1)

    def aggregate(self, totals: Statistics) -> NDArray[np.float64]:
        """Compute chrF2 from summed statistics, `(..., 3 * ORDER)` -> `(...)`.

        Precision and recall are averaged over the orders of which hypothesis and reference have any; 0 without one.
        """
        counts = np.asarray(totals, dtype=np.float64).reshape(*totals.shape[:-1], ORDER, 3)
        produced, wanted, matches = (counts[..., column] for column in range(3))
        present = (produced > 0) & (wanted > 0)
        orders = np.maximum(present.sum(axis=-1), 1)
        precision, recall = (
            np.divide(matches, of, out=np.zeros_like(matches), where=present).sum(axis=-1) / orders
            for of in (produced, wanted)
        )
        weighted = BETA**2 * precision + recall
        numerator = 100 * (1 + BETA**2) * precision * recall
        return np.divide(numerator, weighted, out=np.zeros_like(weighted), where=weighted > 0)


METRIC = Chrf
