"""A datastore built in shards, by the commands that its jobs run."""

from __future__ import annotations

from typing import Any


def test_it_is_the_one_that_a_single_job_builds(commands: Any, experiment: Any, spelled: Any) -> None:
    index = {"type": "ivfpq", "lists": 8, "code_bytes": 8, "probes": 2}
    experiment.write_config(index=index, datastore={"batch_tokens": 300, "shards": 2})

    def run(name: str, *more: str) -> Any:
        return commands(*spelled(name, *more), folder=experiment.folder)

    for adapter in ((), ("--adapter", "adapter/adapter.safetensors")):
        built = run("build", *adapter, "--output", "whole")
        assert built.code == 0, built.err
        for number in ("1", "2"):
            built = run("shard", *adapter, "--shard", number, "--output", f"shards/{number}of2")
            assert built.code == 0, built.err
        refused = run("join", "--shard", "shards/2of2", "--output", "joined")
        assert "a datastore of 2 shards needs each of them once, but shards 2 are here" in refused.refusal
        joined = run("join", "--shard", "shards/1of2", "--shard", "shards/2of2", "--output", "joined")
        assert joined.code == 0, joined.err
        whole, found = (
            {path.name: path.read_bytes() for path in experiment.path(name).iterdir()} for name in ("whole", "joined")
        )
        assert found == whole
        assert list(experiment.path("shards").iterdir()) == []
    refused = run("shard", "--shard", "3", "--output", "out")
    assert "shard 3 is asked for, but datastore.shards is 2" in refused.refusal
    assert not experiment.path("out").exists()
