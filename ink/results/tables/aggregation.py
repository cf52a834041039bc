"""Scores summed up over seeds and domains, and the notes that tell a reader how."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from ink.metrics.metric import Metric
from ink.results.tables.table_files import DASH, PLUS_MINUS

AVERAGE = "average"  # the name of the column after the domains' own

Key = tuple[str, str, int]  # system, domain, seed


def groups(domains: Sequence[str]) -> list[tuple[str, list[str]]]:
    """List the columns of a table with the domains that each is the average of: each domain, then all of them."""
    return [*((domain, [domain]) for domain in domains), (AVERAGE, list(domains))]


def prefixes(metrics: Iterable[Metric]) -> list[str]:
    """List what a CSV's fields in each metric begin with: nothing in the first, METRIC_ in the others."""
    return ["" if place == 0 else f"{metric.name}_" for place, metric in enumerate(metrics)]


def summarise(
    values: Mapping[Key, float], system: str, domains: Sequence[str], seeds: Sequence[int]
) -> tuple[float | None, float | None]:
    """Average over the domains per seed, then give mean and sample standard deviation (n - 1) over the seeds.

    Only seeds that have all the domains count; None for what too few seeds leave undefined.
    """
    complete = [seed for seed in seeds if all((system, domain, seed) in values for domain in domains)]
    averages = [statistics.fmean(values[system, domain, seed] for domain in domains) for seed in complete]
    mean = statistics.fmean(averages) if averages else None
    return mean, statistics.stdev(averages) if len(averages) > 1 else None


def signature_note(signatures: Iterable[str], metric: Metric) -> str:
    """Say how a metric was computed, and so if it was not the same everywhere."""
    distinct = sorted(set(signatures))
    if len(distinct) > 1:
        return f"Not comparable, {metric.heading} was computed in several ways: {'; '.join(distinct)}."
    if not distinct:
        return f"No {metric.heading} to show."
    return f"{metric.heading}: {', '.join(filter(None, (metric.package, distinct[0])))}."


def seeds_note(seeds: Sequence[int]) -> str:
    """Say which seeds a table shows and how."""
    listed = ", ".join(str(seed) for seed in seeds)
    if len(seeds) > 1:
        spread = f"Mean {PLUS_MINUS} standard deviation (n - 1) of {len(seeds)} seeds ({listed})"
        return f"{spread}; a system that trains nothing runs once."
    return f"One seed ({listed})."


def absence_note() -> str:
    """Say what a dash stands for."""
    return f"{DASH}: not there. A domain without training data is scored, not adapted; an average needs all domains."
