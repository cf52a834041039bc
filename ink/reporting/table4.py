"""Table 4: what INK loses without one of its parts (ablations), with the certainty of the difference, and the paper's.

CSV, one row a domain and system, INK itself last: domain, system, seeds (how many), bleu (mean over the seeds, with
several of them bleu_deviation beside it), difference (BLEU less INK's), lower and upper (95% interval of the paired
bootstrap) and p_value, all four of the first seed; with several seeds difference_mean and difference_deviation over the
seeds that both have; paper_bleu and paper_difference where the domain is the paper's. Deviations are sample standard
deviations (n - 1). Where no domain is the paper's, the other files have the paper's table below ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.reporting.aggregation import Key, signature_note
from ink.reporting.comparisons import Comparisons
from ink.reporting.differences import difference_columns, difference_frame, difference_notes, difference_record
from ink.reporting.formats import Column, Table, domain_label, write_tables
from ink.reporting.paper import read_paper
from ink.reporting.scores import read_scores, select
from ink.systems import system_named
from ink.variations import ABLATIONS

WHOLE = "ink"
ORDER = (*(f"{WHOLE}_{name}" for name in ABLATIONS), WHOLE)  # the paper's


def render(
    results: Path,
    output: Path,
    ablations: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    comparisons: Comparisons,
) -> list[Path]:
    """Write `output`/table4.{csv,md,tex,html}; InkError where no score is or hypotheses do not give the BLEU on record.

    ablations: by domain the variations of INK that it has; comparisons: of these and INK on these domains.
    """
    systems = {
        domain: [name for name in ORDER if name in (*names, WHOLE)] for domain, names in ablations.items() if names
    }
    selected = select(read_scores(results), ORDER, [*systems], seeds)
    bleu = {key: score.bleu.score for key, score in selected.items()}
    paper = read_paper(results, "table4")
    records = [
        _record(bleu, domain, system, seeds, comparisons, paper)
        for domain, names in systems.items()
        for system in names
    ]
    frame = difference_frame(records)
    beside = bool(frame["paper_bleu"].notna().any())
    notes = [
        "Diff.: BLEU less INK's; below 0 the part that is left out helps.",
        signature_note(score.bleu.signature for score in selected.values()),
        *difference_notes(frame, seeds, comparisons, [WHOLE], "not there, or INK's score on that domain is not."),
    ]
    if beside:
        notes.append(_what_differs(paper, [*systems]))
    caption = f"BLEU of INK without one of its parts, on the test set of {', '.join(map(domain_label, systems))}."
    ours = Table(frame, caption, notes, _columns([*systems], seeds, beside), blocks=("domain",))
    return write_tables(Path(output) / "table4", [ours] if beside else [ours, _paper_table(paper, [*systems])])


def _record(
    bleu: Mapping[Key, float],
    domain: str,
    system: str,
    seeds: Sequence[int],
    comparisons: Comparisons,
    paper: pd.DataFrame,
) -> dict[str, Any]:
    record = difference_record(bleu, domain, system, WHOLE, seeds, comparisons)
    theirs = paper[(paper["domain"] == domain_label(domain)) & (paper["system"] == system_named(system).label)]
    for field, name in (("paper_bleu", "bleu"), ("paper_difference", "delta")):
        value = "" if theirs.empty else theirs[name].iloc[0]
        record[field] = float(value) if value else None
    return record


def _columns(domains: Sequence[str], seeds: Sequence[int], beside: bool) -> list[Column]:
    columns = [
        *([Column("Domain", "domain", names={name: domain_label(name) for name in domains})] if domains[1:] else []),
        Column("System", "system", names={name: system_named(name).label for name in ORDER}),
        *difference_columns(seeds, "Ours" if beside else ""),
    ]
    if beside:
        columns += [
            Column("BLEU", "paper_bleu", decimals=2, best=True, within=("domain",), group="The paper"),
            Column("Diff.", "paper_difference", decimals=2, signed=True, group="The paper"),
        ]
    return columns


def _what_differs(paper: pd.DataFrame, domains: Sequence[str]) -> str:
    where = ", ".join(paper["domain"].unique())
    return (
        f"The paper's: {where}, German to English, the base model of WMT'19, without intervals. Ours: "
        f"{', '.join(map(domain_label, domains))} of this experiment. Levels compare only where text and base model "
        "are the same; signs and order of the differences may elsewhere too."
    )


def _paper_table(paper: pd.DataFrame, domains: Sequence[str]) -> Table:
    """Make the paper's own table, as printed."""
    frame = paper.replace("", None).astype({"bleu": "float64", "delta": "Float64"})
    columns = [
        Column("System", "system"),
        Column("BLEU", "bleu", decimals=2, best=True),
        Column("Diff.", "delta", decimals=2, signed=True),
    ]
    caption = f"The paper's Table 4, of another domain: {', '.join(paper['domain'].unique())}."
    return Table(frame, caption, [_what_differs(paper, domains)], columns)
