"""Scores summed up over seeds and domains, and the notes that tell a reader how."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ink.metrics.metric import Metric, Scored, SentenceMetric
from ink.results.records.scores import Key, Selection
from ink.results.tables.table_files import DASH, PLUS_MINUS, domain_label
from ink.systems.known_systems import system_named

AVERAGE = "average"  # the name of the column after the domains' own


def groups(domains: Sequence[str]) -> list[tuple[str, list[str]]]:
    """List the columns of a table with the domains that each is the average of: each domain, then all of them."""
    return [*((domain, [domain]) for domain in domains), (AVERAGE, list(domains))]


def shown_groups(domains: Sequence[str]) -> list[str]:
    """List those of `groups` that readers see: with one domain the average would say everything twice."""
    return [name for name, _ in groups(domains) if name != AVERAGE or len(domains) > 1]


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


def mean_fields(
    field: str, values: Mapping[Key, float], system: str, domains: Sequence[str], seeds: Sequence[int]
) -> dict[str, float | None]:
    """Return a CSV's fields of what `summarise` gives: FIELD, the mean, and of several seeds FIELD_deviation."""
    mean, deviation = summarise(values, system, domains, seeds)
    return {field: mean, **({f"{field}_deviation": deviation} if len(seeds) > 1 else {})}


def metric_note(metric: Metric, scores: Iterable[Scored]) -> str:
    """Say what the scores in a metric were computed with, and so if it was not the same everywhere."""
    scores = list(scores)
    signatures = sorted({score.signature for score in scores})
    if metric.model is None:
        if len(signatures) > 1:
            return f"Not comparable, {metric.heading} was computed in several ways: {'; '.join(signatures)}."
        if not signatures:
            return f"No {metric.heading} to show."
        return f"{metric.heading}: {', '.join(filter(None, (metric.package, signatures[0])))}."
    if not scores:
        return f"{metric.heading}: no score of these runs; run the workflow."
    times = f", times {metric.scale:g}" if isinstance(metric, SentenceMetric) and metric.scale != 1 else ""
    return (
        f"{metric.heading}: {metric.model} (checkpoint's SHA-256 {str(scores[0].fingerprint)[:16]}), "
        f"{', '.join(signatures)}; the mean of the sentences' scores{times}."
    )


def seeds_note(seeds: Sequence[int]) -> str:
    """Say which seeds a table shows and how."""
    listed = ", ".join(str(seed) for seed in seeds)
    if len(seeds) > 1:
        spread = f"Mean {PLUS_MINUS} standard deviation (n - 1) of {len(seeds)} seeds ({listed})"
        return f"{spread}; a system that trains nothing runs once."
    return f"One seed ({listed})."


def passes_note(runs: Selection) -> str | None:
    """Say after how many passes the training of each adapter ended; None where no score knows it."""
    found = {
        label: texts
        for system, label in runs.labels.items()
        if not system_named(system).apart and (texts := [*_passes(runs, system)])
    }
    if not found:
        return None
    listed = "; ".join(f"{label}: {', '.join(texts)}" for label, texts in found.items())
    order = f", of the seeds {', '.join(map(str, runs.seeds))}" if len(runs.seeds) > 1 else ""
    return f"Epochs or rounds until training ended{order}: {listed}."


def _passes(runs: Selection, system: str) -> Iterator[str]:
    for domain in runs.domains:
        keys = [(system, domain, seed) for seed in runs.seeds]
        passes = [runs.scores[key].passes if key in runs.scores else None for key in keys]
        if any(passes):
            yield f"{domain_label(domain)} {' / '.join(DASH if one is None else str(one) for one in passes)}"


def absence_note(domains: Sequence[str]) -> str:
    """Say what a dash stands for."""
    average = "; an average needs all domains" if len(domains) > 1 else ""
    return f"{DASH}: not there. A domain without training data is scored, not adapted{average}."
