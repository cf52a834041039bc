"""Table 4: what INK loses without one of its parts (ablations), with the certainty of the difference, and the paper's.

CSV, one row a domain and system, INK itself last: domain, system, seeds (how many), bleu (mean over the seeds, with
several of them bleu_deviation beside it), difference (BLEU less INK's), lower and upper (95% interval of the paired
bootstrap) and p_value, all four of the first seed; with several seeds difference_mean and difference_deviation over the
seeds that both have; paper_bleu and paper_difference where the domain is the paper's. Deviations are sample standard
deviations (n - 1). Where no domain is the paper's, the other files have the paper's table below ours.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.reporting.aggregation import Key, seeds_note, signature_note, summarise
from ink.reporting.comparisons import Comparisons
from ink.reporting.formats import DASH, PLUS_MINUS, Column, Table, domain_label, write_tables
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
    frame = pd.DataFrame.from_records(records)
    frame = frame.astype({name: "Float64" for name in frame.columns if name not in ("domain", "system", "seeds")})
    beside = bool(frame["paper_bleu"].notna().any())
    notes = [
        "Diff.: BLEU less INK's; below 0 the part that is left out helps.",
        signature_note(score.bleu.signature for score in selected.values()),
        *_notes(frame, seeds, comparisons),
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
    mean, deviation = summarise(bleu, system, [domain], seeds)
    several = len(seeds) > 1
    record: dict[str, Any] = {
        "domain": domain,
        "system": system,
        "seeds": sum((system, domain, seed) in bleu for seed in seeds),
        "bleu": mean,
        **({"bleu_deviation": deviation} if several else {}),
    }
    found = None if system == WHOLE else comparisons.of(system, WHOLE, [domain])
    for field, name in (("difference", "gain"), ("lower", "lower"), ("upper", "upper"), ("p_value", "p_value")):
        record[field] = None if found is None else getattr(found, name)
    if several:
        differences = [
            bleu[system, domain, seed] - bleu[WHOLE, domain, seed]
            for seed in seeds
            if system != WHOLE and (system, domain, seed) in bleu and (WHOLE, domain, seed) in bleu
        ]
        record["difference_mean"] = statistics.fmean(differences) if differences else None
        record["difference_deviation"] = statistics.stdev(differences) if len(differences) > 1 else None
    theirs = paper[(paper["domain"] == domain_label(domain)) & (paper["system"] == system_named(system).label)]
    for field, name in (("paper_bleu", "bleu"), ("paper_difference", "delta")):
        value = "" if theirs.empty else theirs[name].iloc[0]
        record[field] = float(value) if value else None
    return record


def _columns(domains: Sequence[str], seeds: Sequence[int], beside: bool) -> list[Column]:
    several, ours = len(seeds) > 1, "Ours" if beside else ""
    spread = "bleu_deviation" if several else None
    columns = [
        *([Column("Domain", "domain", names={name: domain_label(name) for name in domains})] if domains[1:] else []),
        Column("System", "system", names={name: system_named(name).label for name in ORDER}),
        Column("BLEU", "bleu", decimals=2, deviation=spread, best=True, within=("domain",), group=ours),
    ]
    if several:
        columns.append(
            Column("Diff.", "difference_mean", decimals=2, deviation="difference_deviation", signed=True, group=ours)
        )
    columns += [
        Column(f"seed {seeds[0]}" if several else "Diff.", "difference", decimals=2, signed=True, group=ours),
        Column("95% interval", "lower", decimals=2, signed=True, interval=("lower", "upper"), group=ours),
        Column("p", "p_value", decimals=3, group=ours),
    ]
    if beside:
        columns += [
            Column("BLEU", "paper_bleu", decimals=2, best=True, within=("domain",), group="The paper"),
            Column("Diff.", "paper_difference", decimals=2, signed=True, group="The paper"),
        ]
    return columns


def _notes(frame: pd.DataFrame, seeds: Sequence[int], comparisons: Comparisons) -> list[str]:
    notes = [seeds_note(seeds), comparisons.note]
    if len(seeds) > 1:
        notes.append(
            f"Diff. is the mean {PLUS_MINUS} standard deviation over the seeds; beside it are difference, interval and "
            f"p of seed {seeds[0]}."
        )
    if frame["bleu"].isna().any() or frame.loc[frame["system"] != WHOLE, "difference"].isna().any():
        notes.append(f"{DASH}: not there, or INK's score on that domain is not.")
    return notes


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
