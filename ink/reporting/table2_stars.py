"""Where INK is better than Adapter with some certainty: Table 2's stars, in every metric that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ink.metrics.metric import Metric, Verdict
from ink.reporting.comparisons import Comparisons
from ink.reporting.formats import domain_label
from ink.systems import SYSTEMS

BETTER, BASELINE = next((name, system.starred_over) for name, system in SYSTEMS.items() if system.starred_over)
LABELS = [SYSTEMS[name].label for name in (BETTER, BASELINE)]
THRESHOLD = 0.1  # the paper's
STAR = "*"


@dataclass(frozen=True)
class Stars:
    """The names of the metrics that were looked at, the metric and domain of every star, and how they were found."""

    metrics: frozenset[str]
    found: frozenset[tuple[str, str]]
    notes: Sequence[str]


def find_stars(domains: Sequence[str], comparisons: Comparisons, metrics: Sequence[Metric]) -> Stars:
    """Compare INK with Adapter on each domain in each metric, with the first training seed.

    InkError where hypotheses are missing or do not give the score on record.
    """
    found, told = set(), []
    for metric in metrics:
        verdicts = {domain: comparisons.verdict(metric, BETTER, BASELINE, domain) for domain in domains}
        compared = {domain: one for domain, one in verdicts.items() if one is not None}
        found |= {
            (metric.name, domain)
            for domain, one in compared.items()
            if metric.is_better(one.gain) and one.p_value < THRESHOLD
        }
        if compared:
            gains = "; ".join(_gain(domain, one) for domain, one in compared.items())
            how = metric.comparison_note(comparisons.samples, comparisons.seed)
            told.append(f"In {metric.heading}, {' over '.join(LABELS)}: {gains}. {how}")
    where = "" if found else " Nowhere here."
    seed = comparisons.training_seed
    notes = [
        f"{STAR}: {' is better than '.join(LABELS)}, p < {THRESHOLD}, both of training seed {seed}; averages are not "
        f"tested.{where}",
        *(f"{note} Hypotheses of training seed {seed}." for note in told),
    ]
    return Stars(frozenset(metric.name for metric in metrics), frozenset(found), notes)


def _gain(domain: str, found: Verdict) -> str:
    signed = f"{round(found.gain, 2) + 0.0:+.2f}".replace("-", "−")
    p_value = "< 0.001" if found.p_value < 0.001 else f"= {found.p_value:.3f}"
    return ", ".join(filter(None, (f"{domain_label(domain)} {signed}, p {p_value}", found.remark)))
