"""What every metric is: a score of a test set, by sentence and as a whole, and a paired comparison of two systems."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ink.metrics.bootstrap import Comparison, Pair, Statistics, pooled_bootstrap
from ink.runtime.errors import InkError


@dataclass(frozen=True)
class Texts:
    """A translated test set, one sentence a line, and its sources where they are at hand.

    InkError where hypotheses and references do not pair or there is none.
    """

    hypotheses: Sequence[str]
    references: Sequence[str]
    sources: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.hypotheses) != len(self.references):
            raise InkError(
                f"{len(self.hypotheses)} hypotheses for {len(self.references)} references; they must pair one to one",
                code="metric/unpaired-sentences",
            )
        if not self.hypotheses:
            raise InkError(
                "no sentence to score: hypotheses and references are empty", code="metric/unpaired-sentences"
            )


@dataclass(frozen=True)
class Scored:
    """A test set's score and the signature of how it was computed, as score files hold them.

    segments: the scores of the sentences, of a metric that averages such. fingerprint: the SHA-256 of the model that
    judges, of a metric with one.
    """

    score: float
    signature: str
    segments: Sequence[float] | None = None
    fingerprint: str | None = None


class Metric(ABC):
    """One way to score translations against references.

    name: in the configuration, in files and in columns; heading: in tables. higher_is_better: the direction.
    in_tables: whether tables show it where another metric leads; Table 2's CSV has every metric. package: what computes
    it, where signatures do not say. model: the name of the model that judges, None without one.
    """

    name: ClassVar[str]
    heading: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    in_tables: ClassVar[bool] = True
    package: ClassVar[str] = ""
    model: str | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Make the metric from the configuration, of which it finds what the registry says that it reads."""
        return cls()

    @classmethod
    def files(cls, settings: Mapping[str, Any]) -> dict[str, str]:
        """Name the files and folders that scoring reads beside the texts, as far as the configuration names any."""
        return {}

    @abstractmethod
    def score(self, texts: Texts) -> Scored:
        """Score a test set."""

    @abstractmethod
    def statistics(
        self, hypotheses: Sequence[str], references: Sequence[str], segments: Sequence[float] | None = None
    ) -> Statistics:
        """Count what the score needs of each sentence: `(sentences, width)`, whose rows add up to the corpus's.

        segments: the sentences' scores on file, of a metric that averages such.
        """

    @abstractmethod
    def aggregate(self, totals: Statistics) -> NDArray[np.float64]:
        """Compute scores from summed statistics, `(..., width)` -> `(...)`; of the rows themselves, by sentence."""

    def compare(self, domains: Sequence[Sequence[Pair]], samples: int, seed: int) -> Comparison:
        """Compare two systems, averaged over the domains, of each a pair (baseline's, system's) a training seed."""
        return pooled_bootstrap(domains, samples, seed, self.aggregate)

    def comparison_note(self, samples: int, seed: int) -> str:
        """Say how `compare` compares."""
        return (
            f"Paired bootstrap over the test sentences of each domain: {samples} resamples, random seed {seed}; p as "
            "in sacrebleu's paired bootstrap."
        )

    def gain(self, difference: float) -> float:
        """Return what a difference in scores gains: above 0 for the better."""
        return difference if self.higher_is_better else 0.0 - difference

    def gained(self, found: Comparison) -> Comparison:
        """Return a comparison whose gain and interval are above 0 for the better."""
        ends = sorted(map(self.gain, (found.lower, found.upper)))
        return replace(found, gain=self.gain(found.gain), lower=ends[0], upper=ends[1])

    @property
    def gain_note(self) -> str:
        """Say which way a gain goes, where not upwards."""
        return "" if self.higher_is_better else f"{self.heading} gains by falling: a gain of 1 is a score lower by 1."


class SentenceMetric(Metric):
    """A metric whose score of a test set is the mean of its sentences' scores, times `scale`."""

    scale: ClassVar[float] = 1.0

    @property
    @abstractmethod
    def signature(self) -> str:
        """How it is computed, in short."""

    @abstractmethod
    def sentence_scores(self, texts: Texts) -> list[float]:
        """Score every sentence."""

    def fingerprint(self) -> str | None:
        """Return the SHA-256 of the model that judges."""
        return None

    def score(self, texts: Texts) -> Scored:
        """Score a test set by the mean of its sentences."""
        scores = self.sentence_scores(texts)
        return Scored(self.scale * statistics.fmean(scores), self.signature, scores, self.fingerprint())

    def statistics(
        self, hypotheses: Sequence[str], references: Sequence[str], segments: Sequence[float] | None = None
    ) -> Statistics:
        """Return score and 1 of every sentence, `(sentences, 2)`, from the scores on file."""
        if segments is None:
            raise ValueError(f"the sentences' {self.heading} scores are needed")
        return np.column_stack([segments, np.ones(len(segments))])

    def aggregate(self, totals: Statistics) -> NDArray[np.float64]:
        """Divide the sum of the sentences' scores by their number."""
        return np.asarray(self.scale * totals[..., 0] / totals[..., 1], dtype=np.float64)
