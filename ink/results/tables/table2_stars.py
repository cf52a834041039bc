"""Where INK is better than Adapter with some certainty: Table 2's stars, in every metric that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ink.metrics.bootstrap import Comparison
from ink.results.paired_comparisons import Comparisons
from ink.results.tables.table_files import domain_label, rounded
from ink.systems.known_systems import SYSTEMS

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


def find_stars(domains: Sequence[str], comparisons: Sequence[Comparisons]) -> Stars:
    """Compare INK with Adapter on each domain in the metric of each of `comparisons`, with the first training seed.

    InkError where hypotheses are missing or do not give the score on record.
    """
    found, differing = set(), []
    for one in comparisons:
        metric = one.metric
        compared = {domain: seen for domain in domains if (seen := one.of(BETTER, BASELINE, [domain])) is not None}
        found |= {
            (metric.name, domain)
            for domain, seen in compared.items()
            if metric.gain(seen.gain) > 0 and seen.p_value < THRESHOLD
        }
        if compared:
            differences = "; ".join(_difference(domain, seen) for domain, seen in compared.items())
            differing.append(f"In {metric.heading}, {' over '.join(LABELS)}: {differences}. {one.note}")
    untested = "; averages are not tested" if len(domains) > 1 else ""
    where = "" if found else " Nowhere here."
    notes = [
        f"{STAR}: {' is better than '.join(LABELS)}, p < {THRESHOLD}, both of training seed "
        f"{comparisons[0].training_seed}{untested}.{where}",
        *differing,
    ]
    return Stars(frozenset(one.metric.name for one in comparisons), frozenset(found), notes)


def _difference(domain: str, found: Comparison) -> str:
    signed = rounded(found.gain, signed=True)
    p_value = "< 0.001" if found.p_value < 0.001 else f"= {found.p_value:.3f}"
    return ", ".join(filter(None, (f"{domain_label(domain)} {signed}, p {p_value}", found.remark)))
