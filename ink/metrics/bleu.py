"""Corpus BLEU as sacrebleu computes it, and its sufficient statistics for resampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ink.metrics.bleu_tokeniser import bleu_with
from ink.metrics.bootstrap import Statistics
from ink.metrics.metric import Metric, Scored, Texts

ORDER = 4  # the longest n-gram of BLEU


class Bleu(Metric):
    """BLEU (0-100): case-sensitive, on the corpus, with one of sacrebleu's tokenisers (Papineni et al. 2002)."""

    name, heading, package = "bleu", "BLEU", "sacrebleu"

    def __init__(self, tokeniser: str) -> None:
        self.tokeniser = tokeniser

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Take the tokeniser that the configuration names."""
        return cls(settings["evaluation"]["sacrebleu_tokeniser"])

    def score(self, texts: Texts) -> Scored:
        """Score a test set; InkError where the tokeniser cannot work here."""
        return sacrebleu_score(bleu_with(self.tokeniser), texts)

    def statistics(
        self, hypotheses: Sequence[str], references: Sequence[str], segments: Sequence[float] | None = None
    ) -> NDArray[np.int64]:
        """Count what corpus BLEU needs of each sentence: (sentences, 2 + 2 * ORDER).

        Columns: hypothesis length, reference length, matching n-grams of order 1 to ORDER, hypothesis n-grams of order
        1 to ORDER. InkError where the counts differ or the tokeniser cannot work here.
        """
        texts = Texts(hypotheses, references)
        # effective_order only changes the sentence score, which is not used, and keeps sacrebleu from warning about it
        metric = bleu_with(self.tokeniser, effective_order=True)
        rows = np.empty((len(texts.hypotheses), 2 + 2 * ORDER), dtype=np.int64)
        for row, hypothesis, reference in zip(rows, hypotheses, references, strict=True):
            sentence = metric.sentence_score(hypothesis, [reference])
            row[:] = [sentence.sys_len, sentence.ref_len, *sentence.counts, *sentence.totals]
        return rows

    def aggregate(self, totals: Statistics) -> NDArray[np.float64]:
        """Compute corpus BLEU (0-100) from summed statistics, (..., 2 + 2 * ORDER) -> (...).

        sacrebleu's default formula: exponential smoothing (an order without a match counts 1/2, 1/4, ... matches), no
        effective order (0 where no n-gram of some order was produced), 0 where nothing matches.
        """
        totals = np.asarray(totals, dtype=np.float64)
        hypothesis_length, reference_length = totals[..., 0], totals[..., 1]
        matches, produced = totals[..., 2 : 2 + ORDER], totals[..., 2 + ORDER :]
        unmatched = matches == 0
        smoothed = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=-1), matches)
        with np.errstate(divide="ignore", invalid="ignore"):
            precisions = 100.0 * smoothed / produced
            brevity_penalty = np.exp(np.minimum(0.0, 1.0 - reference_length / hypothesis_length))
            bleu = brevity_penalty * np.exp(np.log(precisions).mean(axis=-1))
        defined = (produced > 0).all(axis=-1) & ~unmatched.all(axis=-1)
        return np.asarray(np.where(defined, bleu, 0.0))


def sacrebleu_score(metric: Any, texts: Texts) -> Scored:
    """Score a test set with a metric of sacrebleu's."""
    found = metric.corpus_score(list(texts.hypotheses), [list(texts.references)])
    return Scored(float(found.score), str(metric.get_signature()))


METRIC = Bleu
