"""Controls: whether something simpler explains what INK gains, such as another label smoothing of the Adapter.

The CSV has one row per domain and system, Adapter and INK each below its controls:

- domain, system
- baseline: what the difference is to; empty in the baseline's own row
- seeds: how many
- METRIC: in the experiment's first metric, the mean over the seeds
- METRIC_deviation, with several seeds: the sample standard deviation (n - 1)
- difference: the score less the baseline's, of the first seed
- lower, upper: the difference's 95% interval, as the metric compares
- p_value: of the first seed
- difference_mean, difference_deviation, with several seeds: over the seeds that both have (n - 1)
- METRIC_difference and so on: the same in each further metric that tables show

The other formats have a table for each metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ink.results.paired_comparisons import Comparisons, with_prefixes
from ink.results.tables.differences import COUNTS, TEXTS, difference_columns, difference_notes, difference_record
from ink.results.tables.table_files import Column, Table, domain_column, domain_label, frame_of, write_tables
from ink.systems.known_systems import system_named
from ink.systems.variations import variation_named

BASELINES = ("adapter", "ink")


def systems_of(controls: Iterable[str]) -> list[str]:
    """List controls in the table's order, each of Adapter and INK after its own."""
    names = list(dict.fromkeys(controls))
    groups = {whole: [name for name in names if _whole(name) == whole] for whole in BASELINES}
    return [name for whole, own in groups.items() if own for name in [*own, whole]]


def render(output: Path, controls: Mapping[str, Sequence[str]], comparisons: Sequence[Comparisons]) -> list[Path]:
    """Write `output`/controls.{csv,md,tex,html}; InkError where no score is or hypotheses do not give it.

    controls: by domain the controls that it has; comparisons: in each metric of these, Adapter and INK there.
    """
    records = [
        difference_record(domain, system, whole, comparisons, baseline=None if system == whole else whole)
        for domain, names in controls.items()
        for system in systems_of(names)
        for whole in [_whole(system)]
    ]
    frame = frame_of(records, TEXTS, COUNTS)
    domains = list(dict.fromkeys(record["domain"] for record in records))
    labels = {record["system"]: system_named(record["system"]).label for record in records}
    leading = [
        *([domain_column(domains)] if len(domains) > 1 else []),
        Column("System", "system", names=labels),
        Column("Over", "baseline", names=labels),
    ]
    absent = "not there, or the score that it would be compared with is not."
    tables = []
    for one, prefix in with_prefixes(comparisons):
        heading, ahead = one.metric.heading, "above" if one.metric.higher_is_better else "below"
        notes = [
            f"Diff.: {heading} less that of the system named under Over; {ahead} 0 the control is ahead.",
            *difference_notes(frame, one, prefix, BASELINES, absent),
        ]
        caption = (
            f"{heading} of controls of Adapter and INK, on the test set of {', '.join(map(domain_label, domains))}."
        )
        tables.append(Table(frame, caption, notes, [*leading, *difference_columns(one, prefix, best=False)]))
    return write_tables(Path(output) / "controls", tables)


def _whole(name: str) -> str:
    """Return the system that `name` is a variation of, or is."""
    variation = variation_named(name)
    return name if variation is None else variation.of
