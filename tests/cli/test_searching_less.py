"""Rows that search less, by the commands that their jobs run: by a strategy, and in a datastore a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ink.combiners.combiner_file import write_combiner
from ink.config.sections.base_system import Index
from ink.config.sections.reductions import Reduction
from ink.datastore.reductions.reducing import reduce_datastore
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.systems.inference import Parts, assemble

EXACT = Index(type="exact")
SYSTEMS = ["off_the_shelf", "v_knn", "v_knn+unsure", "v_knn+cache", "v_knn+chunks", "v_knn+source_tokens", "sk_mt"]
CHUNKS = {"chunk_tokens": 3, "shortest_interval": 2, "longest_interval": 4}


@pytest.fixture
def score(experiment: Any, commands: Any, spelled: Any) -> Any:
    """Score a system of an experiment that has SYSTEMS; return what is in its scores file."""
    experiment.write_config()
    path = experiment.path("config.yaml")
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    strategies = {"unsure": {"below": 1e-6}, "cache": {"distance": 1e6}, "chunks": CHUNKS}
    strategies["source_tokens"] = {"occurrences": 2}
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


def test_source_tokens_are_stored_once_and_take_the_place_of_the_index(
    experiment: Any, commands: Any, spelled: Any, score: Any
) -> None:
    ended = commands(*spelled("tune", "--output", "c.json"), folder=experiment.folder)
    assert ended.code == 0, ended.err
    files = ("--base-model", "model.pt", "--vocabulary", "vocabulary", "--data", "data", "--output", "tokens")
    storing = ("store-source-tokens", "--config", "config.yaml", "--domain", "koran", *files)
    ended = commands(*storing, folder=experiment.folder)
    assert ended.code == 0, ended.err
    parts = ("--datastore", "datastore", "--combiner", "c.json")
    scored = score("v_knn+source_tokens", *parts, "--source-tokens", "tokens")
    whole = score("v_knn", *parts)
    tokens = ["representations.npy", "type_starts.npy", "link_starts.npy", "entries.npy"]
    assert list(scored["added_memory"]) == ["values.npy", "keys.npy", *tokens]
    assert set(whole["added_memory"]) == {"index.faiss", "values.npy"}
    sizes = {name: experiment.path(f"tokens/{name}").stat().st_size for name in tokens}
    assert {name: scored["added_memory"][name] for name in tokens} == sizes
    assert scored["search"]["sentences"] == scored["sentences"]
    assert 0 < scored["search"]["entries"] < scored["sentences"] * len(np.load(experiment.path("datastore/values.npy")))


@pytest.mark.failure(
    "Datastores and combiners",
    "a system that searches by source tokens, without them",
    "`a system that searches by source tokens needs those of the training text; name them with --source-tokens "
    "[file/missing]`",
)
@pytest.mark.failure(
    "Datastores and combiners",
    "source tokens for a reduced datastore",
    "`datastore ... is reduced, and source tokens lead to entries of a whole one; use that [datastore/other-origin]`",
)
def test_source_tokens_that_are_missing_or_of_no_use_are_refused(tiny: Any, tmp_path: Path, store_of: Any) -> None:
    model, corpus = tiny.domain.load_model(tiny.settings), tiny.domain.data.fingerprint
    keys = np.random.default_rng(1).normal(size=(40, model.key_dimension("decoder_output")))
    store_of(tmp_path / "whole", keys, np.arange(40) % 5, model=model.fingerprint, corpus=corpus)
    reduce_datastore(tmp_path / "whole", Reduction(method="random", keep=0.5), EXACT, tmp_path / "half")
    settings = {"k": 2, "lambda": 0.5, "temperature": 10}
    write_combiner(tmp_path / "c.json", "vanilla", settings, chosen=settings, tried=[settings])
    for store, tokens, message in (
        ("whole", None, "needs those of the training text; name them with --source-tokens"),
        ("half", tmp_path / "tokens", "half is reduced, and source tokens lead to entries of a whole one"),
    ):
        parts = Parts(datastore=tmp_path / store, combiner=tmp_path / "c.json", source_tokens=tokens, occurrences=2)
        with pytest.raises(InkError, match=message):
            assemble(tiny.domain, parts, tiny.settings, EXACT)


def test_sk_mt_needs_text_alone(experiment: Any, score: Any) -> None:
    scored = score("sk_mt")
    files = [f"train.xx-yy.{language}.{kind}" for language in ("xx", "yy") for kind in ("bin", "idx")]
    assert list(scored["added_memory"]) == [*files, "bm25"]
    sizes = {name: experiment.path(f"data/{name}").stat().st_size for name in files}
    assert {name: scored["added_memory"][name] for name in files} == sizes
    assert scored["added_memory"]["bm25"] > 0
    assert scored["chosen"] is None
