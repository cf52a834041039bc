"""The decoding benchmark on the systems of the micro experiment: that it runs, and what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "decoding.py"
SYSTEMS = ["off_the_shelf", "v_knn", "r_knn"]
RATIO = "ratio to the same without neighbours"
PARTS = {"decoder": 3, "search in the index": 2, "combiner": 2, "keys and distances": 1, "together": 3, RATIO: 3}


def test_every_system_is_timed_profiled_and_scored(micro: Any) -> None:
    options = {"config": "results/micro/config.yaml", "domain": "koran", "systems": ",".join(SYSTEMS), "batch": "4"}
    options |= {"repeats": "1", "threads": "1", "probes": "1,exact"}
    command = [sys.executable, str(BENCHMARK), "--profile", *(f"--{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, cwd=micro[0].path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    speed, profile, searches = done.stdout.split("\n\n")
    machine, _, *rows = speed.splitlines()
    assert machine.endswith("1 threads, 12 sentences, 1 repeats")
    assert [row.split()[1] for row in rows] == SYSTEMS
    _, columns, *rows = profile.splitlines()
    assert columns.split() == ["part", *SYSTEMS]
    # milliseconds of each system that has any: the base model searches nothing, and R-kNN alone reads keys
    numbers = {part: re.search(rf"^ *{part}((?: +[\d.]+)+)$", profile, re.MULTILINE) for part in PARTS}
    assert {part: len(found[1].split()) for part, found in numbers.items() if found is not None} == PARTS
    _, _, *rows = searches.splitlines()
    found = [row.split()[:2] for row in rows]
    assert found == [[probes, system] for probes in ("1", "exact") for system in SYSTEMS[1:]]
