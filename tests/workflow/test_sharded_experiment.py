"""A datastore in shards, through the real workflow."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from ink.config import load

MICRO = load(Path(__file__).with_name("micro.yaml"))
STORE = "work/sharded/datastores/decoder_output/koran"
SHARDS = [f"work/sharded/datastores/shards/decoder_output/koran/{number}of3" for number in (1, 2, 3)]


def experiment(tiny: Any, shards: int) -> dict[str, Any]:
    """The micro experiment on the tests' own text and model."""
    config: dict[str, Any] = copy.deepcopy(MICRO)
    config.update(experiment="sharded", domains=["koran"], systems=["off_the_shelf", "v_knn"])
    config["data"].update(source="files", general_domain=None, synthetic=None)
    config["data"].update(source_language="xx", target_language="yy")
    config["data"]["files"] = {
        "pattern": f"{tiny.corpus}/{{split}}.{{language}}",
        "splits": {"koran": ["train", "dev", "test"]},
        "split_seed": 1,
        "held_out": {"dev": 5, "test": 5},
    }
    config["base_model"] = {
        "path": str(tiny.base_model),
        "bpe_codes": str(tiny.vocabulary / "bpecodes"),
        "source_dictionary": str(tiny.vocabulary / "dict.xx.txt"),
        "target_dictionary": str(tiny.vocabulary / "dict.yy.txt"),
        "train": None,
    }
    config["text"]["bpe_merges"] = None
    config["knn_accuracy"]["domains"], config["speed"]["domain"] = [], None
    config["index"].update(type="ivfpq", lists=8, code_bytes=8, probes=2)
    config["datastore"] = {"batch_tokens": 300, "shards": shards}
    return config


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".snakemake_timestamp"}


@pytest.mark.slow
def test_shards_are_joined_and_gone_and_what_an_interruption_took_is_made_again(workspace: Any, tiny: Any) -> None:
    def run(*targets: str, shards: int = 3) -> Any:
        name = workspace.write_config("sharded.yaml", experiment(tiny, shards))
        done = workspace.snakemake("--cores", "1", *targets, "--configfile", name)
        assert done.code == 0, done.text[-3000:]
        return done

    joined = run(STORE).planned
    assert {rule: count for rule, count in joined.items() if "datastore" in rule} == {
        "build_datastore_shard": 3,
        "join_datastore": 1,
    }
    assert not any(workspace.path.joinpath(shard).exists() for shard in SHARDS)
    before = contents(workspace.path / STORE)
    assert run(STORE).planned == {}

    # a job that joins and is killed in its last step has removed some of the shards
    shutil.rmtree(workspace.path / STORE)
    run(*SHARDS)
    shutil.rmtree(workspace.path / SHARDS[1])
    assert run(STORE).planned == {"build_datastore_shard": 1, "join_datastore": 1}
    assert contents(workspace.path / STORE) == before

    shutil.rmtree(workspace.path / STORE)
    assert run(STORE, shards=1).planned == {"build_datastore": 1}
    assert contents(workspace.path / STORE) == before
