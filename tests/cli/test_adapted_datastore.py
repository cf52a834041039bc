"""R-kNN on top of an adapted model, by the commands that its jobs run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ink.datastore.storage import open_datastore
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.whole_files import read_json

ADAPTER = ("--adapter", "adapter/adapter.safetensors")
STORE = ("--datastore", "adapted")
SYSTEM = ("--system", "ink_r_knn")


@pytest.mark.failure(
    "Datastores and combiners",
    "the base model's datastore for an adapted model, or the other way round",
    "`datastore ... was made with model ..., but ... is in use; build the datastore again or ... "
    "[datastore/other-origin]`",
)
def test_datastore_combiner_and_scores_are_the_adapted_model_s(
    tiny: Any, commands: Any, experiment: Any, spelled: Any
) -> None:
    def run(name: str, *more: str) -> Any:
        return commands(*spelled(name, *more), folder=experiment.folder)

    built = run("build", *ADAPTER, "--output", "adapted")
    assert built.code == 0, built.err
    adapted, base = (
        BaseModelFiles(tiny.base_model, tiny.vocabulary, tiny.languages).load(adapter=adapter)
        for adapter in (experiment.path("adapter/adapter.safetensors"), None)
    )
    store = open_datastore(experiment.path("adapted"), model=adapted.fingerprint)
    of_base = open_datastore(experiment.path("datastore"), model=base.fingerprint)
    assert np.array_equal(store.values, of_base.values)
    assert not np.allclose(store.keys, of_base.keys, atol=1e-3)

    learnt = run("learn", *SYSTEM, *ADAPTER, *STORE, "--output", "on_top")
    assert learnt.code == 0, learnt.err
    assert read_json(experiment.path("on_top/combiner.json"))["model"] == adapted.fingerprint
    combiner = ("--combiner", "on_top/combiner.json")
    scored = run("score", *SYSTEM, *ADAPTER, *STORE, *combiner, "--scores", "results/scores/ink_r_knn/koran/seed1.json")
    assert scored.code == 0, scored.err
    score = read_json(experiment.path("results/scores/ink_r_knn/koran/seed1.json"))
    assert score["model"] == adapted.fingerprint
    assert "adapter.safetensors" in score["added_memory"] and "keys.npy" in score["added_memory"]
    own_run = Path("results/micro/runs/ink_r_knn/koran/seed1")
    assert experiment.path(str(own_run)).is_dir()

    for wrong in (
        run("learn", *SYSTEM, *STORE, "--output", "wrong"),
        run("learn", *SYSTEM, *ADAPTER, "--datastore", "datastore", "--output", "wrong"),
        run("score", *SYSTEM, *STORE, *combiner, "--scores", "wrong"),
    ):
        assert "was made with model" in wrong.refusal
    assert not experiment.path("wrong").exists()
