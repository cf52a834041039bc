"""Gains in BLEU with their certainty, by paired bootstrap: each system over off-the-shelf, and over what it builds on.

CSV, one row a comparison and domain, then one for the average over the domains: system, baseline, domain, gain (BLEU
points), lower and upper (95% interval), p_value, samples, seed (of the bootstrap). Of several training seeds the
first is taken: a bootstrap resamples sentences, not trainings. Empty where one of the two has not been run; an
average needs all domains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ink.errors import InkError
from ink.evaluation.bleu import bleu_from_statistics, sentence_statistics
from ink.evaluation.significance import paired_bootstrap
from ink.reporting.aggregation import AVERAGE, groups
from ink.reporting.formats import DASH, Column, domain_label, write_table
from ink.reporting.scores import Score, labels, read_hypotheses, read_references, read_scores, select

BASELINE = "off_the_shelf"
BUILDING_ON = (("ink", "adapter"), ("ink_r_knn", "ink"))
FIELDS = ["system", "baseline", "domain", "gain", "lower", "upper", "p_value", "samples", "seed"]
Statistics = Mapping[tuple[str, str], NDArray[np.int64]]


def render(
    results: Path,
    output: Path,
    domains: Sequence[str],
    systems: Sequence[str],
    seeds: Sequence[int],
    bootstrap_samples: int,
    bootstrap_seed: int,
    tokeniser: str,
) -> list[Path]:
    """Write `output`/gains.{csv,md,tex}; InkError where hypotheses are missing or do not give the BLEU on record."""
    names = labels(systems)
    scores = select(read_scores(results), systems, domains, seeds[:1])
    statistics = {
        (system, domain): _statistics(results, score, tokeniser) for (system, domain, _), score in scores.items()
    }
    pairs = [(system, BASELINE) for system in names if system != BASELINE and BASELINE in names]
    pairs += [(system, baseline) for system, baseline in BUILDING_ON if system in names and baseline in names]
    records = [
        record
        for system, baseline in pairs
        for record in _compare(statistics, system, baseline, domains, bootstrap_samples, bootstrap_seed)
    ]
    table = pd.DataFrame.from_records(records, columns=FIELDS).astype({"samples": "Int64", "seed": "Int64"})
    headings = {domain: domain_label(domain) for domain in domains} | {AVERAGE: "Average"}
    columns = [
        Column("System", "system", names=names),
        Column("Over", "baseline", names=names),
        Column("Domain", "domain", names=headings),
        Column("Gain", "gain", decimals=2, signed=True),
        Column("95% interval", "lower", decimals=2, signed=True, interval=("lower", "upper")),
        Column("p", "p_value", decimals=3),
    ]
    notes = [
        f"Paired bootstrap over the test sentences of each domain: {bootstrap_samples} resamples, random seed "
        f"{bootstrap_seed}; p as in sacrebleu's paired bootstrap. Hypotheses of training seed {seeds[0]}.",
    ]
    if table["gain"].isna().any():
        notes.append(f"{DASH}: one of the two systems has no score there; an average needs all domains.")
    if not pairs:
        notes.append(
            "Nothing to compare: the systems shown include neither off-the-shelf and another nor Adapter and INK, nor "
            "INK and INK + R-kNN."
        )
    caption = "Gain in BLEU over another system, with its certainty."
    return write_table(table, Path(output) / "gains", caption, notes, columns)


def _compare(
    statistics: Statistics, system: str, baseline: str, domains: Sequence[str], samples: int, seed: int
) -> list[dict[str, Any]]:
    records = []
    for name, compared in groups(domains):
        record: dict[str, Any] = {"system": system, "baseline": baseline, "domain": name}
        if all((either, domain) in statistics for either in (system, baseline) for domain in compared):
            before = [statistics[baseline, domain] for domain in compared]
            after = [statistics[system, domain] for domain in compared]
            found = paired_bootstrap(before, after, samples, seed)
            record |= {"gain": found.gain, "lower": found.lower, "upper": found.upper, "p_value": found.p_value}
            record |= {"samples": found.samples, "seed": found.seed}
        records.append(record)
    return records


def _statistics(results: Path, score: Score, tokeniser: str) -> NDArray[np.int64]:
    hypotheses = read_hypotheses(results, score.system, score.domain, score.seed)
    where = f"{score.system} on {score.domain}, seed {score.seed}"
    try:
        rows = sentence_statistics(hypotheses, read_references(results, score.domain), tokeniser)
    except InkError as error:
        raise InkError(f"{where}: {error}") from None
    bleu = float(bleu_from_statistics(rows.sum(axis=0)))
    if abs(bleu - score.bleu.score) > 0.005:
        raise InkError(
            f"{where}: its hypotheses give BLEU {bleu:.2f}, its score file says {score.bleu.score:.2f} "
            f"({score.bleu.signature}); one of them is of another run or tokeniser, decode and score again"
        )
    return rows
