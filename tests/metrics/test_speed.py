"""What is timed, in which order, and what counts; the times themselves are never tested."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ink.metrics import speed
from ink.metrics.speed import WARM_UP, decoder_of, hardware, in_turn, measure_speed, speeds
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.systems.inference import Parts, assemble


def test_systems_and_batch_sizes_take_turns_after_one_warm_up_each() -> None:
    assert list(in_turn(["r_knn", "ink"], [8, 32], 2)) == [
        *((WARM_UP, 32, "r_knn"), (WARM_UP, 32, "ink")),
        *((1, 8, "r_knn"), (1, 8, "ink"), (1, 32, "r_knn"), (1, 32, "ink")),
        *((2, 8, "r_knn"), (2, 8, "ink"), (2, 32, "r_knn"), (2, 32, "ink")),
    ]


@dataclass
class Pass:
    hypotheses: list[str]
    seconds: float
    cpu_seconds: float


class Decoding:
    """Takes as long as it is told: the first pass of a system 1,000 seconds, every later one a second more."""

    def __init__(self) -> None:
        self.passes: list[tuple[str, int]] = []

    def __call__(self, system: str, batch: int) -> Pass:
        before = [name for name, _ in self.passes].count(system)
        self.passes.append((system, batch))
        seconds = float(before) if before else 1000.0
        return Pass(["a b c", "a", "a b"], seconds, 2 * seconds)


def test_the_warm_up_does_not_count_and_mean_and_deviation_are_of_the_rounds() -> None:
    decode = Decoding()
    found = speeds(decode, ["r_knn", "ink"], [8, 32], 2)
    assert decode.passes == [(system, batch) for _, batch, system in in_turn(["r_knn", "ink"], [8, 32], 2)]
    for system in ("r_knn", "ink"):
        eight, thirty_two = found[system]
        # three sentences in 1 and 3 seconds, and in 2 and 4
        assert eight["sentences_per_second"] == [3.0, 1.0]
        assert (eight["batch_sentences"], eight["mean"], eight["seconds"]) == (8, 2.0, [1.0, 3.0])
        assert eight["deviation"] == pytest.approx(2**0.5)
        assert thirty_two["sentences_per_second"] == [1.5, 0.75]
        assert thirty_two["cpu_seconds"] == [4.0, 8.0]
        assert thirty_two["tokens_a_hypothesis"] == 2.0


def test_one_round_has_no_deviation() -> None:
    ((record,),) = speeds(Decoding(), ["ink"], [8], 1).values()
    assert (record["sentences_per_second"], record["deviation"]) == ([3.0], None)


def test_trained_systems_are_timed_on_the_first_test_sentences(tiny: Any, tmp_path: Path) -> None:
    settings = tiny.settings.changed(speed={"sentences": 4, "batch_sentences": [1, 3], "repeats": 2})
    system = assemble(tiny.domain, Parts(), settings, settings.index)
    dataset = system.model.parallel_text(tiny.domain.data, "test")
    measure_speed("koran", 7, {"off_the_shelf": system}, dataset, settings, tmp_path / "koran.json")
    found = read_json(tmp_path / "koran.json")
    assert (found["domain"], found["seed"], found["sentences"], found["repeats"]) == ("koran", 7, 4, 2)
    assert found["systems"]["off_the_shelf"]["model"] == system.model.fingerprint
    batches = found["systems"]["off_the_shelf"]["batches"]
    assert [(batch["batch_sentences"], len(batch["seconds"])) for batch in batches] == [(1, 2), (3, 2)]
    settings = tiny.settings.changed(speed={"sentences": 1000, "batch_sentences": [1, 3], "repeats": 2})
    measure_speed("koran", 7, {"off_the_shelf": system}, dataset, settings, tmp_path / "all.json")
    assert read_json(tmp_path / "all.json")["sentences"] == len(dataset) == 10


def test_the_hardware_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(speed, "processor", lambda: "a processor")
    monkeypatch.setattr(speed.os, "cpu_count", lambda: 6)
    expected = {"device": "cpu", "gpu": None, "processor": "a processor", "cores": 6, "threads": 1}
    assert hardware("cpu") == expected


@pytest.mark.failure(
    "Results and reports",
    "a batch size of `speed.batch_sentences` that does not fit into the device's memory",
    "`r_knn: 128 sentences at once do not fit into the device's memory, and smaller batches would be another "
    "measurement; lower speed.batch_sentences [device/out-of-memory]`",
)
def test_a_batch_that_does_not_fit_is_not_measured_in_parts(tiny: Any, out_of_memory_above: Any) -> None:
    system = assemble(tiny.domain, Parts(), tiny.settings, tiny.settings.index)
    dataset = system.model.parallel_text(tiny.domain.data, "test")
    decode = decoder_of({"off_the_shelf": system}, dataset.part(range(6)), tiny.settings.decoding)
    out_of_memory_above(system.model.network, 40)
    assert len(decode("off_the_shelf", 1).hypotheses) == 6
    with pytest.raises(InkError, match=r"off_the_shelf: 6 sentences at once do not fit.*lower speed\.batch_sentences"):
        decode("off_the_shelf", 6)
