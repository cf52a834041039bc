"""TER as sacrebleu computes it: edits, shifts of word sequences among them, a reference word (Snover et al. 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ink.metrics.bleu import sacrebleu_score
from ink.metrics.bootstrap import Statistics
from ink.metrics.metric import Metric, Scored, Texts


class Ter(Metric):
    """TER of the corpus in percent, 0 where nothing is to be edited; it may exceed 100."""

    name, heading, package = "ter", "TER", "sacrebleu"
    higher_is_better = False

    def score(self, texts: Texts) -> Scored:
        """Score a test set."""
        from sacrebleu.metrics import TER

        return sacrebleu_score(TER(), texts)

    def statistics(
        self, hypotheses: Sequence[str], references: Sequence[str], segments: Sequence[float] | None = None
    ) -> NDArray[np.float64]:
        """Count each sentence's edits and reference words, `(sentences, 2)`."""
        from sacrebleu.metrics import TER

        texts, metric = Texts(hypotheses, references), TER()
        pairs = zip(texts.hypotheses, texts.references, strict=True)
        scores = [metric.sentence_score(hypothesis, [reference]) for hypothesis, reference in pairs]
        return np.array([[score.num_edits, score.ref_length] for score in scores], dtype=np.float64)

    def aggregate(self, totals: Statistics) -> NDArray[np.float64]:
        """Divide edits by reference words, `(..., 2)` -> `(...)`; without any such word every edit is an error."""
        edits, words = (np.asarray(totals[..., column], dtype=np.float64) for column in range(2))
        return np.asarray(100 * np.where(words > 0, edits / np.maximum(words, 1.0), np.minimum(edits, 1.0)))


METRIC = Ter
