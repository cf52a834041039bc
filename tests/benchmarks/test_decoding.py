"""What the decoding benchmark makes of clock and runs; the times themselves are never tested."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import decoding


class Clock:
    """A clock that goes on only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def process_time(self) -> float:
        return self.now


class Machine:
    """Takes 5 seconds outside, of which 2 inside; 1 more where it fails."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def outside(self) -> str:
        self.clock.now += 3
        self.inside()
        return "done"

    def inside(self) -> None:
        self.clock.now += 2

    def fails(self) -> None:
        self.clock.now += 1
        raise ValueError("on purpose")


def test_a_part_counts_without_the_parts_that_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(decoding, "time", clock)
    machine, profile = Machine(clock), decoding.Profile()
    for name in ("outside", "inside"):
        profile.watch(machine, name, name)
    profile.watch(Machine, "fails", "failing")
    with profile.running():
        clock.now += 10
        assert machine.outside() == "done"
        machine.inside()
        with pytest.raises(ValueError, match="on purpose"):
            machine.fails()
        clock.now += 0.5
    machine.outside()
    assert profile.seconds == {decoding.REST: 10.5, "outside": 3, "inside": 4, "failing": 1}
    assert "outside" not in vars(machine)


def test_ratios_compare_runs_of_one_repeat() -> None:
    def run(system: str, repeat: int, speed: float, positions: float) -> dict[str, Any]:
        same = {"batch": 32, "BLEU": 9.0, "steps": positions / 50, "positions": positions}
        return {"system": system, "repeat": repeat, "wall": speed, "cpu": speed / 2, **same}

    # the machine was four times slower in the second repeat
    runs = [run("off_the_shelf", 0, 40, 200), run("v_knn", 0, 20, 100), run("off_the_shelf", 1, 10, 200)]
    table = decoding.compared(pd.DataFrame([*runs, run("v_knn", 1, 7.5, 100)])).set_index("system")
    assert table.loc["v_knn", "wall ratio"] == table.loc["v_knn", "cpu ratio"] == "0.62 (0.50-0.75)"
    assert table.loc["off_the_shelf", "wall ratio"] == "1.00 (1.00-1.00)"
    assert table.loc["v_knn", "sentences/wall s"] == "13.75"
    assert table.loc["v_knn", ["steps", "positions"]].tolist() == ["2.00", "100"]
