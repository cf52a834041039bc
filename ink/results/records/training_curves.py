"""Training curves: what every pass over the training text came to, RESULTS/curves.csv.

One row a run and pass, in the order of training:

- system, domain, seed
- pass: its number, from 1; an epoch, or one of INK's rounds
- updates: so far
- dev_bleu: after the pass
- loss, nll_loss and others that the system's training logs: means over target tokens, in bits
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_atomically
from ink.systems.layout import Run

NAME = "curves.csv"
PLACE = ["system", "domain", "seed", "pass"]


@dataclass(frozen=True)
class Curve:
    """Dev BLEU after each pass of a run, the first at place 0."""

    run: Run
    dev_bleu: Sequence[float]


def gather(records: Iterable[Path], output: Path) -> None:
    """Write `output` from the records of trainings; InkError where one is not SYSTEM/DOMAIN/seedN/record.json."""
    rows = [row for record in records for row in _rows(Path(record))]
    frame = pd.DataFrame.from_records(rows)
    with write_atomically(output) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def read_curves(results: Path, runs: Iterable[Run]) -> list[Curve]:
    """Read the curves of these runs, those that are there; InkError where RESULTS/curves.csv is missing or damaged."""
    path = Path(results) / NAME
    if not path.is_file():
        raise InkError(f"{path} does not exist; run the workflow, which gathers it", code="results/incomplete")
    try:
        table = pd.read_csv(path, float_precision="round_trip", usecols=[*PLACE, "dev_bleu"])
    except ValueError as error:  # ParserError and EmptyDataError are such
        raise InkError(
            f"{path} is no table of training curves ({error}); remove it, and run the workflow again",
            code="file/damaged",
        ) from None
    found: dict[Run, list[float]] = {}
    for row in table.to_dict(orient="records"):
        found.setdefault(Run(row["system"], row["domain"], int(row["seed"])), []).append(float(row["dev_bleu"]))
    return [Curve(run, found[run]) for run in runs if run in found]


def _rows(record: Path) -> list[dict[str, Any]]:
    place = re.search(r"([^/]+)/([^/]+)/seed(\d+)/record\.json$", record.absolute().as_posix())
    if place is None:
        raise InkError(
            f"{record} is no record of a training; name files such as adapters/ink/koran/seed1/record.json",
            code="file/missing",
        )
    run = {"system": place[1], "domain": place[2], "seed": int(place[3])}
    return [
        {**run, "pass": entry["round"], **{name: entry[name] for name in entry if name not in ("round", "seconds")}}
        for entry in read_json(record, "history")["history"]
    ]
