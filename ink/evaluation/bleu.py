"""Corpus BLEU and chrF as sacrebleu computes them, and BLEU's sufficient statistics for resampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import CHRF

from ink.errors import InkError
from ink.evaluation.bleu_tokeniser import bleu_with

ORDER = 4  # the longest n-gram of BLEU


def score(hypotheses: Sequence[str], references: Sequence[str], tokeniser: str) -> dict[str, dict[str, Any]]:
    """Score detokenised hypotheses against raw references, one each: {"bleu": {score, signature}, "chrf": {...}}.

    BLEU (0-100) is case-sensitive, on the corpus, with sacrebleu's `tokeniser`; chrF (0-100) is chrF2. InkError where
    the counts differ, nothing is there to score, or the tokeniser cannot work here.
    """
    _check_counts(hypotheses, references)
    metrics = {"bleu": bleu_with(tokeniser), "chrf": CHRF()}
    parts = {}
    for name, metric in metrics.items():
        value = metric.corpus_score(list(hypotheses), [list(references)]).score
        parts[name] = {"score": float(value), "signature": str(metric.get_signature())}
    return parts


def sentence_statistics(hypotheses: Sequence[str], references: Sequence[str], tokeniser: str) -> NDArray[np.int64]:
    """Count what corpus BLEU needs of each sentence: (sentences, 2 + 2 * ORDER).

    Columns: hypothesis length, reference length, matching n-grams of order 1 to ORDER, hypothesis n-grams of order 1
    to ORDER. Rows add up: the sum over any sentences is that corpus's statistics. InkError as for `score`.
    """
    _check_counts(hypotheses, references)
    # effective_order only changes the sentence score, which is not used, and keeps sacrebleu from warning about it
    metric = bleu_with(tokeniser, effective_order=True)
    rows = np.empty((len(hypotheses), 2 + 2 * ORDER), dtype=np.int64)
    for row, hypothesis, reference in zip(rows, hypotheses, references, strict=True):
        sentence = metric.sentence_score(hypothesis, [reference])
        row[:] = [sentence.sys_len, sentence.ref_len, *sentence.counts, *sentence.totals]
    return rows


def bleu_from_statistics(totals: NDArray[Any]) -> NDArray[np.float64]:
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


def _check_counts(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    if len(hypotheses) != len(references):
        raise InkError(f"{len(hypotheses)} hypotheses for {len(references)} references; they must pair one to one")
    if not hypotheses:
        raise InkError("no sentence to score: hypotheses and references are empty")
