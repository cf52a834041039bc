"""Table 4: what INK loses without one of its parts (ablations), with the certainty of the difference, and the paper's.

The CSV has one row per domain and system, INK itself last:

- domain, system
- seeds: how many
- METRIC: in the experiment's first metric, the mean over the seeds
- METRIC_deviation, with several seeds: the sample standard deviation (n - 1)
- difference: the score less INK's, of the first seed
- lower, upper: the difference's 95% interval, as the metric compares
- p_value: of the first seed
- difference_mean, difference_deviation, with several seeds: over the seeds that both have (n - 1)
- METRIC_difference and so on: the same in each further metric that tables show
- paper_bleu, paper_difference: where the domain is the paper's

The other formats have a table for each metric, the paper's BLEU beside ours. Where no domain is the paper's, its own
table stands below them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ink.results.paired_comparisons import Comparisons, with_prefixes
from ink.results.records.paper import read_paper
from ink.results.tables.differences import COUNTS, TEXTS, difference_columns, difference_notes, difference_record
from ink.results.tables.table_files import Column, Table, domain_column, domain_label, frame_of, write_tables
from ink.systems.known_systems import system_named
from ink.systems.variations import ABLATIONS

WHOLE = "ink"
PAPER_METRIC = "bleu"  # what the paper's Table 4 is in
ORDER = (*(f"{WHOLE}_{name}" for name in ABLATIONS), WHOLE)  # the paper's


def render(output: Path, ablations: Mapping[str, Sequence[str]], comparisons: Sequence[Comparisons]) -> list[Path]:
    """Write `output`/table4.{csv,md,tex,html}; InkError where no score is or hypotheses do not give the one on record.

    ablations: by domain the variations of INK that it has; comparisons: in each metric of these and INK there.
    """
    systems = {
        domain: [name for name in ORDER if name in (*names, WHOLE)] for domain, names in ablations.items() if names
    }
    paper = read_paper(comparisons[0].runs.results, "table4")
    records = [
        difference_record(domain, system, WHOLE, comparisons) | _printed(paper, domain, system)
        for domain, names in systems.items()
        for system in names
    ]
    frame, domains = frame_of(records, TEXTS, COUNTS), [*systems]
    beside = bool(frame[f"paper_{PAPER_METRIC}"].notna().any())
    differs = _what_differs(paper, domains)
    tables = [
        _table(frame, domains, one, prefix, differs if beside else "") for one, prefix in with_prefixes(comparisons)
    ]
    return write_tables(Path(output) / "table4", tables if beside else [*tables, _paper_table(paper, differs)])


def _printed(paper: pd.DataFrame, domain: str, system: str) -> dict[str, float | None]:
    """Return what the paper prints of a system on a domain, None where that is nothing."""
    theirs = paper[(paper["domain"] == domain_label(domain)) & (paper["system"] == system_named(system).label)]
    fields = {f"paper_{PAPER_METRIC}": PAPER_METRIC, "paper_difference": "delta"}
    values = {field: "" if theirs.empty else theirs[name].iloc[0] for field, name in fields.items()}
    return {field: float(value) if value else None for field, value in values.items()}


def _table(frame: pd.DataFrame, domains: Sequence[str], one: Comparisons, prefix: str, what_differs: str) -> Table:
    """Make the table in a metric, the paper's numbers beside ours where `what_differs` has something to say of them."""
    metric = one.metric
    beside = bool(what_differs) and metric.name == PAPER_METRIC
    columns = [
        *([domain_column(domains)] if len(domains) > 1 else []),
        Column("System", "system", names={name: system_named(name).label for name in ORDER}),
        *difference_columns(one, prefix, "Ours" if beside else ""),
    ]
    if beside:
        columns += [
            Column(
                metric.heading, f"paper_{PAPER_METRIC}", decimals=2, best=True, within=("domain",), group="The paper"
            ),
            Column("Diff.", "paper_difference", decimals=2, signed=True, group="The paper"),
        ]
    helpful = "below" if metric.higher_is_better else "above"
    notes = [
        f"Diff.: {metric.heading} less INK's; {helpful} 0 the part that is left out helps.",
        *difference_notes(frame, one, prefix, [WHOLE], "not there, or INK's score on that domain is not."),
        *([what_differs] if beside else []),
    ]
    where = ", ".join(map(domain_label, domains))
    caption = f"{metric.heading} of INK without one of its parts, on the test set of {where}."
    return Table(frame, caption, notes, columns, blocks=("domain",))


def _what_differs(paper: pd.DataFrame, domains: Sequence[str]) -> str:
    where = ", ".join(paper["domain"].unique())
    return (
        f"The paper's: {where}, German to English, the base model of WMT'19, without intervals. Ours: "
        f"{', '.join(map(domain_label, domains))} of this experiment. Levels compare only where text and base model "
        "are the same; signs and order of the differences may elsewhere too."
    )


def _paper_table(paper: pd.DataFrame, differs: str) -> Table:
    """Make the paper's own table, as printed."""
    frame = paper.replace("", None).astype({PAPER_METRIC: "float64", "delta": "Float64"})
    columns = [
        Column("System", "system"),
        Column("BLEU", PAPER_METRIC, decimals=2, best=True),
        Column("Diff.", "delta", decimals=2, signed=True),
    ]
    caption = f"The paper's Table 4, of another domain: {', '.join(paper['domain'].unique())}."
    return Table(frame, caption, [differs], columns)
