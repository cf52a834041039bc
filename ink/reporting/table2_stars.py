"""Where INK is better than Adapter with some certainty: Table 2's stars, in COMET and in BLEU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ink.evaluation.comet_significance import SAMPLE_RATIO, TIE, CometComparison, compare_segments
from ink.reporting.aggregation import Key
from ink.reporting.comet_scores import CometScore
from ink.reporting.comparisons import Comparisons
from ink.reporting.formats import domain_label

BETTER, BASELINE = "ink", "adapter"
THRESHOLD = 0.1  # the paper's
STAR = "*"


@dataclass(frozen=True)
class Stars:
    """The metric and domain of every star, and how they were found."""

    found: frozenset[tuple[str, str]]
    notes: Sequence[str]


def find_stars(domains: Sequence[str], comparisons: Comparisons, comet: Mapping[Key, CometScore] | None) -> Stars:
    """Compare INK with Adapter on each domain, with the first training seed; `comet` None: in BLEU alone.

    InkError where hypotheses are missing or do not give the BLEU on record.
    """
    bleu = {domain: comparisons.of(BETTER, BASELINE, [domain]) for domain in domains}
    in_comet = {domain: _in_comet(comet or {}, domain, comparisons) for domain in domains}
    found = {
        (metric, domain)
        for metric, compared in (("comet", in_comet), ("bleu", bleu))
        for domain, one in compared.items()
        if one is not None and one.gain > 0 and one.p_value < THRESHOLD
    }
    where = "" if found else " Nowhere here."
    notes = [
        f"{STAR}: INK is better than Adapter, p < {THRESHOLD}, both of training seed {comparisons.training_seed}; "
        f"averages are not tested.{where}"
    ]
    if any(bleu.values()):
        told = [f"{_gain(domain, one.gain, one.p_value)}" for domain, one in bleu.items() if one is not None]
        notes.append(f"In BLEU, INK over Adapter: {'; '.join(told)}. {comparisons.note}")
    if any(in_comet.values()):
        told = [
            f"{_gain(domain, one.gain, one.p_value)}, {one.wins:.0%} of the resamples better, {one.losses:.0%} worse"
            for domain, one in in_comet.items()
            if one is not None
        ]
        notes.append(
            f"In COMET, INK over Adapter: {'; '.join(told)}. As in comet-compare: p of the two-sided paired t-test of "
            f"the sentences' scores, and a paired bootstrap of {comparisons.samples} resamples of {SAMPLE_RATIO:.0%} "
            f"of the sentences, random seed {comparisons.seed}, in which a difference below {100 * TIE:g} is none."
        )
    return Stars(frozenset(found), notes)


def _in_comet(scores: Mapping[Key, CometScore], domain: str, comparisons: Comparisons) -> CometComparison | None:
    before, after = (scores.get((system, domain, comparisons.training_seed)) for system in (BASELINE, BETTER))
    if before is None or after is None:
        return None
    return compare_segments(before.segments, after.segments, comparisons.samples, comparisons.seed)


def _gain(domain: str, gain: float, p_value: float) -> str:
    signed = f"{round(gain, 2) + 0.0:+.2f}".replace("-", "−")
    return f"{domain_label(domain)} {signed}, p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}"
