"""Where an experiment's time went: the workflow's measurement of every job, RESULTS/benchmarks, summed by rule.

Jobs that render are left out: they are repeated by whoever looks, and would change what they render.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ink.runtime.startup import startup_seconds


@dataclass(frozen=True)
class Spent:
    """What the jobs of a rule took: seconds of CPU and of wall clock, summed, and the largest memory of one, in MB.

    None where nothing was measured: the workflow looks at a job every so often, and the shortest end before it does.
    startup_seconds: those of cpu_seconds that were spent before the work began; None where no job has written it down.
    """

    rule: str
    jobs: int
    cpu_seconds: float | None
    wall_seconds: float | None
    memory: float | None
    startup_seconds: float | None = None


def renders(rule: str) -> bool:
    """Say whether a rule, by its name, renders what others have measured or asks for it, and does nothing else."""
    return rule in ("all", "gather_curves", "leaderboard", "report") or rule.startswith(("table", "figure"))


def spent_by_rule(results: Path) -> list[Spent]:
    """Sum up the benchmarks under RESULTS/benchmarks, the rule with the most CPU time first."""
    folder = Path(results) / "benchmarks"
    jobs: dict[str, list[dict[str, float]]] = {}
    before_work: dict[str, list[float]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        if not renders(rule):
            rows = list(_rows(path))
            jobs.setdefault(rule, []).extend(rows)
            startup, measured = startup_seconds(path), _sum(rows, "cpu_time")
            if startup is not None and measured is not None:
                # a job's last seconds are not measured, and of a short one they may be start-up
                before_work.setdefault(rule, []).append(min(startup, measured))
    spent = [
        Spent(
            rule,
            len(rows),
            _sum(rows, "cpu_time"),
            _sum(rows, "s"),
            _largest(rows, "max_rss"),
            math.fsum(before_work[rule]) if rule in before_work else None,
        )
        for rule, rows in jobs.items()
    ]
    return sorted(spent, key=lambda one: (-(one.cpu_seconds or 0), one.rule))


def measured_cpu_seconds(path: Path) -> float | None:
    """Read the CPU seconds of one job from its measurement; None where it was too short to be measured."""
    return _sum(list(_rows(path)), "cpu_time")


def _rows(path: Path) -> Iterator[dict[str, float]]:
    """Yield the numbers of each row; a job that was too short to be measured has NA in their place."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield {name: number for name, text in row.items() if (number := _number(text)) is not None}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _sum(rows: list[dict[str, float]], name: str) -> float | None:
    found = [row[name] for row in rows if name in row]
    return math.fsum(found) if found else None


def _largest(rows: list[dict[str, float]], name: str) -> float | None:
    return max((row[name] for row in rows if name in row), default=None)
