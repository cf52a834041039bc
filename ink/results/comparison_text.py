"""A comparison of two experiments, or of two runs, as text for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import pandas as pd
from tabulate import tabulate

from ink.metrics.metric import Metric
from ink.results.run_comparison import ABSENT, PASSES, SideBySide
from ink.results.tables.aggregation import prefixes
from ink.results.tables.table_files import rounded
from ink.runtime.disk import bytes_in_words


def as_text(found: SideBySide) -> str:
    """Write a comparison for the terminal."""
    single = found.a.is_run
    run_a, run_b = (str(found.rows[name].iloc[0]) for name in ("run_a", "run_b"))
    lines = [f"A: {run_a if single else found.a.results}", f"B: {run_b if single else found.b.results}", ""]
    headings = [heading for metric in found.metrics for heading in (f"{metric.heading} A", "B", "B − A")]
    trained = PASSES[0] in found.rows
    headings = [
        *headings[:3],
        "95% interval",
        "p",
        *headings[3:],
        "added A",
        "B",
        *(["passes A", "B"] if trained else []),
    ]
    cells = [_cells(row, found.metrics, trained) for row in found.rows.to_dict("records")]
    if not single:
        headings = ["Run", *headings]
        cells = [[str(name).rpartition(":")[2], *row] for name, row in zip(found.rows["run_a"], cells, strict=True)]
    align = [*([] if single else ["left"]), *["right"] * len(cells[0])]
    lines += _table([headings, *cells], align[: len(headings)])
    samples, seed = found.rows["samples"].iloc[0], found.rows["bootstrap_seed"].iloc[0]
    lines += ["", f"Paired bootstrap over the test sentences: {samples} resamples, random seed {seed}."]
    for which, runs in (("A", found.only_a), ("B", found.only_b)):
        if runs:
            lines += ["", f"Only {which} has:", *(f"  {run}" for run in runs)]
    if found.settings:
        rows = [[setting.key, setting.a, setting.b] for setting in found.settings]
        lines += ["", "Settings that differ:", ""]
        lines += _table([["Setting", "A", "B"], *rows], ["left"] * 3)
    else:
        lines += ["", "Their experiments have the same settings."]
    return "\n".join(lines)


def _cells(row: Mapping[Any, Any], metrics: Sequence[Metric], trained: bool) -> list[str]:
    first, *others = (_scores(row, *one) for one in zip(metrics, prefixes(metrics), strict=True))
    return [
        *first,
        f"[{_signed(row['lower'])}, {_signed(row['upper'])}]",
        f"{row['p_value']:.3f}",
        *chain(*others),
        *(bytes_in_words(row[name]) if row[name] else ABSENT for name in ("added_bytes_a", "added_bytes_b")),
        *((ABSENT if pd.isna(row[name]) else str(row[name]) for name in PASSES) if trained else ()),
    ]


def _scores(row: Mapping[Any, Any], metric: Metric, prefix: str) -> list[str]:
    values = [row[f"{metric.name}_{side}"] for side in "ab"]
    gain = row[f"{prefix}gain"]
    return [*(ABSENT if math.isnan(value) else f"{value:.2f}" for value in values), _signed(gain)]


def _signed(value: float) -> str:
    return ABSENT if math.isnan(value) else rounded(value, signed=True)


def _table(rows: list[list[str]], align: list[str]) -> list[str]:
    text = tabulate(rows, tablefmt="plain", colalign=align, disable_numparse=True)
    return [line.rstrip() for line in text.splitlines()]
