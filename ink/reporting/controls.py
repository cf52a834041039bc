"""Controls: whether something simpler explains what INK gains, such as another label smoothing of the Adapter.

CSV, one row a domain and system, each of Adapter and INK below its controls: domain, system, baseline (what the
difference is to, empty of that itself), seeds (how many), bleu (mean over the seeds, with several of them
bleu_deviation beside it), difference (BLEU less the baseline's), lower and upper (95% interval of the paired bootstrap)
and p_value, all four of the first seed; with several seeds difference_mean and difference_deviation over the seeds that
both have. Deviations are sample standard deviations (n - 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ink.reporting.aggregation import signature_note
from ink.reporting.comparisons import Comparisons
from ink.reporting.differences import difference_columns, difference_frame, difference_notes, difference_record
from ink.reporting.formats import Column, domain_label, write_table
from ink.reporting.scores import read_scores, select
from ink.systems import system_named
from ink.variations import variation_named

BASELINES = ("adapter", "ink")


def systems_of(controls: Iterable[str]) -> list[str]:
    """List controls in the table's order, each of Adapter and INK after its own."""
    names = list(dict.fromkeys(controls))
    groups = {whole: [name for name in names if _whole(name) == whole] for whole in BASELINES}
    return [name for whole, own in groups.items() if own for name in [*own, whole]]


def render(
    results: Path,
    output: Path,
    controls: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    comparisons: Comparisons,
) -> list[Path]:
    """Write `output`/controls.{csv,md,tex,html}; InkError where no score is or hypotheses do not give its BLEU.

    controls: by domain the controls that it has; comparisons: of these, Adapter and INK on these domains.
    """
    rows = [(domain, system) for domain, names in controls.items() if names for system in systems_of(names)]
    domains, shown = list(dict.fromkeys(domain for domain, _ in rows)), systems_of(system for _, system in rows)
    selected = select(read_scores(results), shown, domains, seeds)
    bleu = {key: score.bleu.score for key, score in selected.items()}
    records = []
    for domain, system in rows:
        record = difference_record(bleu, domain, system, _whole(system), seeds, comparisons)
        baseline = {"baseline": None if system in BASELINES else _whole(system)}
        records.append({**{name: record.pop(name) for name in ("domain", "system")}, **baseline, **record})
    frame = difference_frame(records)
    labels = {name: system_named(name).label for name in shown}
    columns = [
        *([Column("Domain", "domain", names={name: domain_label(name) for name in domains})] if domains[1:] else []),
        Column("System", "system", names=labels),
        Column("Over", "baseline", names=labels),
        *difference_columns(seeds, best=False),
    ]
    notes = [
        "Diff.: BLEU less that of the system named under Over; above 0 the control is ahead.",
        signature_note(score.bleu.signature for score in selected.values()),
        *difference_notes(
            frame, seeds, comparisons, BASELINES, "not there, or the score that it would be compared with is not."
        ),
    ]
    caption = f"BLEU of controls of Adapter and INK, on the test set of {', '.join(map(domain_label, domains))}."
    return write_table(frame, Path(output) / "controls", caption, notes, columns)


def _whole(name: str) -> str:
    """Return the system that `name` is a variation of, or is."""
    variation = variation_named(name)
    return name if variation is None else variation.of
