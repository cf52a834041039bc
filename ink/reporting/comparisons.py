"""Paired comparisons of systems in BLEU, from hypotheses and references: each is resampled once and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ink.errors import InkError
from ink.evaluation.bleu import bleu_from_statistics, sentence_statistics
from ink.evaluation.significance import Comparison, paired_bootstrap
from ink.reporting.scores import Score, read_hypotheses, read_references, read_scores, select

HIGHEST_DIFFERENCE = 0.005  # between BLEU on record and BLEU of the hypotheses


@dataclass
class Comparisons:
    """Compares systems on the test sets of an experiment, with one training seed.

    results: results/EXPERIMENT. systems: those that may be compared, variations included. `samples` and `seed` are the
    bootstrap's, `tokeniser` is sacrebleu's.
    """

    results: Path
    domains: Sequence[str]
    systems: Sequence[str]
    training_seed: int
    samples: int
    seed: int
    tokeniser: str
    _scores: dict[tuple[str, str], Score] | None = None
    _statistics: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)
    _found: dict[tuple[str, str, tuple[str, ...]], Comparison] = field(default_factory=dict)

    def of(self, system: str, baseline: str, domains: Sequence[str]) -> Comparison | None:
        """Compare `system` to `baseline`, averaged over `domains`; None where one of the two has no score there.

        InkError where hypotheses are missing or do not give the BLEU on record.
        """
        if not all(self.has(either, domain) for either in (system, baseline) for domain in domains):
            return None
        key = (system, baseline, tuple(domains))
        if key not in self._found:
            before, after = ([self.statistics(one, domain) for domain in domains] for one in (baseline, system))
            self._found[key] = paired_bootstrap(before, after, self.samples, self.seed)
        return self._found[key]

    def has(self, system: str, domain: str) -> bool:
        """Whether a system has been scored on a domain."""
        return (system, domain) in self.scores()

    def scores(self) -> dict[tuple[str, str], Score]:
        """Return the scores of the training seed by system and domain."""
        if self._scores is None:
            found = select(read_scores(self.results), self.systems, self.domains, [self.training_seed])
            self._scores = {(system, domain): score for (system, domain, _), score in found.items()}
        return self._scores

    def statistics(self, system: str, domain: str) -> NDArray[np.int64]:
        """Return a system's statistics of BLEU by test sentence, as `ink.evaluation.bleu.sentence_statistics`."""
        key = (system, domain)
        if key not in self._statistics:
            self._statistics[key] = _statistics(self.results, self.scores()[key], self.tokeniser)
        return self._statistics[key]

    @property
    def note(self) -> str:
        """How the comparisons were made."""
        return (
            f"Paired bootstrap over the test sentences of each domain: {self.samples} resamples, random seed "
            f"{self.seed}; p as in sacrebleu's paired bootstrap. Hypotheses of training seed {self.training_seed}."
        )


def _statistics(results: Path, score: Score, tokeniser: str) -> NDArray[np.int64]:
    hypotheses = read_hypotheses(results, score.system, score.domain, score.seed)
    where = f"{score.system} on {score.domain}, seed {score.seed}"
    try:
        rows = sentence_statistics(hypotheses, read_references(results, score.domain), tokeniser)
    except InkError as error:
        raise InkError(f"{where}: {error}") from None
    bleu = float(bleu_from_statistics(rows.sum(axis=0)))
    if abs(bleu - score.bleu.score) > HIGHEST_DIFFERENCE:
        raise InkError(
            f"{where}: its hypotheses give BLEU {bleu:.2f}, its score file says {score.bleu.score:.2f} "
            f"({score.bleu.signature}); one of them is of another run or tokeniser, decode and score again"
        )
    return rows
