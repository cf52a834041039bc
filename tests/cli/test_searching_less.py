"""Rows that search less, by the commands that their jobs run: by a strategy, and in a datastore a sentence (SK-MT)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ink.runtime.whole_files import read_json

SYSTEMS = ["off_the_shelf", "v_knn", "v_knn+unsure", "v_knn+cache", "v_knn+chunks", "sk_mt"]
CHUNKS = {"chunk_tokens": 3, "shortest_interval": 2, "longest_interval": 4}


@pytest.fixture
def score(experiment: Any, commands: Any, spelled: Any) -> Any:
    """Score a system of an experiment that has SYSTEMS; return what is in its scores file."""
    experiment.write_config()
    path = experiment.path("config.yaml")
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    strategies = {"unsure": {"below": 1e-6}, "cache": {"distance": 1e6}, "chunks": CHUNKS}
    config |= {"systems": SYSTEMS, "search_strategies": strategies}
    config["sk_mt"] |= {"pairs": 2, "temperature": 1000}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")

    def run(system: str, *more: str) -> dict[str, Any]:
        scores = f"results/scores/{system}/koran/seed1.json"
        ended = commands(*spelled("score", "--system", system, *more, "--scores", scores), folder=experiment.folder)
        assert ended.code == 0, ended.err
        found: dict[str, Any] = read_json(experiment.path(scores))
        return found

    return run


def test_a_strategy_is_the_system_s_own(experiment: Any, commands: Any, spelled: Any, score: Any) -> None:
    ended = commands(*spelled("tune", "--output", "c.json"), folder=experiment.folder)
    assert ended.code == 0, ended.err
    parts = ("--datastore", "datastore", "--combiner", "c.json")
    whole, unsure, cache = (score(system, *parts) for system in ("v_knn", "v_knn+unsure", "v_knn+cache"))
    assert "search" not in whole
    assert unsure["search"]["searched"] == 0 < unsure["search"]["positions"]
    assert 0 < cache["search"]["searched"] < cache["search"]["positions"]
    assert whole["added_memory"] == unsure["added_memory"] == cache["added_memory"]
    chunks = score("v_knn+chunks", *parts)
    assert 0 < chunks["search"]["searched"] < chunks["search"]["positions"]
    read = {name: experiment.path(f"datastore/{name}").stat().st_size for name in ("keys.npy", "offsets.npy")}
    assert chunks["added_memory"] == whole["added_memory"] | read
    assert experiment.path("results/micro/runs/v_knn+cache/koran/seed1").is_dir()


def test_sk_mt_needs_text_alone(experiment: Any, score: Any) -> None:
    scored = score("sk_mt")
    files = [f"train.xx-yy.{language}.{kind}" for language in ("xx", "yy") for kind in ("bin", "idx")]
    assert list(scored["added_memory"]) == [*files, "bm25"]
    sizes = {name: experiment.path(f"data/{name}").stat().st_size for name in files}
    assert {name: scored["added_memory"][name] for name in files} == sizes
    assert scored["added_memory"]["bm25"] > 0
    assert scored["chosen"] is None
