"""Speeds from the file of a measurement, at the largest batch that all systems have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ink.results.records.decoding_speeds import read_speeds
from ink.runtime.errors import InkError


def write(results: Path, **systems: dict[int, float]) -> None:
    hardware = {"device": "cpu", "gpu": None, "processor": "a processor", "cores": 4, "threads": 2}
    found: dict[str, Any] = {"hardware": hardware, "systems": {}}
    for name, means in systems.items():
        batches = [{"batch_sentences": size, "mean": mean} for size, mean in means.items()]
        found["systems"][name] = {"batches": batches}
    (results / "speed").mkdir()
    (results / "speed" / "koran.json").write_text(json.dumps(found))


def test_the_largest_batch_that_all_have(tmp_path: Path) -> None:
    write(tmp_path, r_knn={8: 10.0, 32: 20.0, 128: 21.0}, ink={8: 15.0, 32: 30.0}, other={512: 1.0})
    found = read_speeds(tmp_path, "koran", ["ink", "r_knn", "adapter"])
    assert found is not None
    assert (found.domain, found.batch, found.of) == ("koran", 32, {"ink": 30.0, "r_knn": 20.0})
    assert found.hardware == "a processor, 2 of 4 cores"


def test_where_nothing_was_measured_there_is_nothing(tmp_path: Path) -> None:
    assert read_speeds(tmp_path, "koran", ["ink"]) is None
    assert read_speeds(tmp_path, None, ["ink"]) is None
    write(tmp_path, r_knn={8: 10.0})
    assert read_speeds(tmp_path, "koran", ["ink"]) is None


def test_what_is_wrong_in_the_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, ink={8: float("inf")})
    with pytest.raises(InkError, match=r"koran\.json: systems\.ink\.batches\[0\]\.mean should be a finite number"):
        read_speeds(tmp_path, "koran", ["ink"])
