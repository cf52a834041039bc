"""The throughput benchmark on a tiny model: what it does and says; the times themselves are never tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import throughput

TINY = {
    **{"layers": 1, "dimension": 16, "encoder-ffn": 32, "decoder-ffn": 24, "heads": 2, "types": 50},
    **{"adapter": 8, "k": 3, "tokens": 40, "updates": 2, "length": 6, "sentences": 5, "batch": "2,4", "repeats": 2},
}
# embeddings; of the encoder's layer attention and feed-forward with biases and two norms; of the decoder's, three
ATTENTION, NORM = 4 * (16 * 16 + 16), 2 * 16
ENCODER = ATTENTION + 2 * 16 * 32 + 32 + 16 + 2 * NORM
DECODER = 2 * ATTENTION + 2 * 16 * 24 + 24 + 16 + 3 * NORM


@pytest.mark.parametrize("precision", [pytest.param("fp32", marks=pytest.mark.slow), "bf16"])
def test_it_measures_every_part_and_says_on_what(precision: str) -> None:
    options = [word for name, value in TINY.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, throughput.__file__, "--precision", precision, "--threads", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *table, line = done.stdout.splitlines()
    record = json.loads(line)
    assert record["parameters"] == 50 * 16 + ENCODER + DECODER
    assert record["settings"]["precision"] == precision
    assert (record["hardware"]["device"], record["hardware"]["threads"], record["gpu_bytes"]) == ("cpu", 1, None)
    found = record["measured"]
    assert {name: one["unit"] for name, one in found.items()} == {
        "datastore pass": "target tokens",
        "beam search, batch 2": "sentences",
        "beam search, batch 4": "sentences",
        **{f"{name} combiner, 16 beams": "steps" for name in ("vanilla", "adaptive", "robust")},
        "Adapter update": "target tokens",
        "INK update": "target tokens",
    }
    # 24 sentences of 6 tokens; 4 of 5 in batches of 2, and 4; two updates of 6 sentences each
    works = (24 * 6, 4, 4, *[throughput.STEPS] * 3, 72, 72)
    for work, one in zip(works, found.values(), strict=True):
        rates = [work / seconds for seconds in one["wall_seconds"]]
        assert (one["lowest"], one["highest"]) == (pytest.approx(min(rates)), pytest.approx(max(rates)))
        assert len(one["cpu_seconds"]) == 2
    assert len(table) == 2 + len(found)
    assert table[2].startswith("| datastore pass | target tokens | ")


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Both clocks, which go on only when told."""
    now = SimpleNamespace(wall=100.0, cpu=50.0)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: now.wall)
    monkeypatch.setattr(throughput.time, "process_time", lambda: now.cpu)
    return now


def test_the_first_run_warms_up_and_the_others_count(clocks: SimpleNamespace) -> None:
    seconds = iter([(50.0, 50.0), (2.0, 1.0), (4.0, 2.0)])

    def work() -> int:
        wall, cpu = next(seconds)
        clocks.wall, clocks.cpu = clocks.wall + wall, clocks.cpu + cpu
        return 12

    measurements = throughput.Measurements("cpu", repeats=2)
    measurements.take("work", "pieces", work)
    found = measurements.found["work"]
    assert (found["a_second"], found["lowest"], found["highest"]) == (4.5, 3.0, 6.0)
    assert found["a_cpu_second"] == 24 / 3
    assert list(measurements.table())[2] == "| work | pieces | 4.5 (3-6) | 8 |"


def test_a_gpu_has_done_its_work_when_a_clock_is_read(clocks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed to the GPU takes its time only when it is waited for."""
    import torch

    handed: list[float] = [5.0]  # from before

    def wait(device: Any) -> None:
        clocks.wall += sum(handed)
        handed.clear()

    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    measurements = throughput.Measurements("cuda", repeats=1)

    def work() -> int:
        handed.append(3.0)
        clocks.cpu += 0.5
        return 6

    measurements.take("work", "pieces", work)
    assert measurements.found["work"]["wall_seconds"] == [3.0]
    assert (measurements.found["work"]["a_second"], measurements.found["work"]["a_cpu_second"]) == (2.0, 12.0)
