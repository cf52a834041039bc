"""Datastores and combiners that do not belong, are damaged or missing: refused in one line, nothing overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import pytest

Damage = Callable[[Any], object]
Refused = Callable[[Damage, str, tuple[str, ...], str], None]
A_KNN = ("--system", "a_knn", "--datastore", "datastore", "--combiner", "a_knn/combiner.json")
V_KNN = ("--system", "v_knn", "--datastore", "datastore", "--combiner", "combiner.json")


def lose_choice(experiment: Any) -> None:
    experiment.change("combiner.json", settings={"k": 4, "lambda": 0.3})


# what is handed in: the outcome in docs/failures.md, the damage, the command, and what it says
CASES: dict[str, tuple[str, Damage, str, tuple[str, ...], str]] = {
    "a datastore of another model": (
        "`datastore ... was made with model 0123456789abcdef, but ... is in use; build the datastore again or ... "
        "[datastore/other-origin]`",
        lambda e: e.change("datastore/meta.json", model="0123456789abcdef"),
        "score",
        V_KNN,
        "was made with model 0123456789abcdef, but ",
    ),
    "a datastore of another corpus": (
        "`datastore ... was made with corpus 0123456789abcdef, but ... is in use; ... [datastore/other-origin]`",
        lambda e: e.change("datastore/meta.json", corpus="0123456789abcdef"),
        "tune",
        (),
        "was made with corpus 0123456789abcdef, but ",
    ),
    "a meta.json without a field": (
        "`datastore/meta.json does not describe a datastore (...); build it again [datastore/damaged]`",
        lambda e: e.lose("datastore/meta.json", "dimension"),
        "tune",
        (),
        "datastore/meta.json does not describe a datastore",
    ),
    "a meta.json cut short": (
        "`datastore/meta.json is not whole JSON (...); delete it and run the workflow again [file/damaged]`",
        lambda e: e.cut("datastore/meta.json"),
        "tune",
        (),
        "datastore/meta.json is not whole JSON",
    ),
    "values.npy cut short": (
        "`datastore/values.npy is cut short or not a .npy file (...); build the datastore again [datastore/damaged]`",
        lambda e: e.cut("datastore/values.npy"),
        "tune",
        (),
        "datastore/values.npy is cut short",
    ),
    "keys.npy cut short": (
        "`datastore/keys.npy is cut short or not a .npy file (...); build the datastore again "
        "[datastore/damaged]`, where keys are read",
        lambda e: e.cut("datastore/keys.npy"),
        "round",
        (),
        "datastore/keys.npy is cut short",
    ),
    "an index cut short": (
        "`index datastore/index.faiss cannot be read (...); build the datastore again [datastore/damaged]`",
        lambda e: e.cut("datastore/index.faiss"),
        "score",
        V_KNN,
        "index datastore/index.faiss cannot be read",
    ),
    "no datastore": (
        "`datastore/meta.json does not exist; run the workflow that writes it [file/missing]`",
        lambda e: shutil.rmtree(e.path("datastore")),
        "tune",
        (),
        "datastore/meta.json does not exist; run the workflow that writes it",
    ),
    "k beyond the number of entries": (
        "`2000 neighbours requested from datastore datastore, which has 613 entries; lower k "
        "[datastore/too-few-entries]`",
        lambda e: e.write_config(v_knn={"k": [4, 2000]}),
        "tune",
        (),
        "2000 neighbours requested from datastore datastore, which has ",
    ),
    "index.type ivfpq with an exact index": (
        "`index.type is ivfpq, but datastore/index.faiss has no lists; set index.type to exact or build ... "
        "[index/impossible-settings]`",
        lambda e: e.write_config(index={"type": "ivfpq"}),
        "tune",
        (),
        "index.type is ivfpq, but datastore/index.faiss has no lists",
    ),
    "a combiner.json cut short": (
        "`combiner.json is not whole JSON (...); delete it and run the workflow again [file/damaged]`",
        lambda e: e.cut("combiner.json"),
        "score",
        V_KNN,
        "combiner.json is not whole JSON",
    ),
    "a combiner.json without a setting": (
        "`combiner.json: its settings do not fit combiner 'vanilla' (KeyError: 'temperature'); delete it "
        "and run the workflow again [combiner/damaged]`",
        lose_choice,
        "score",
        V_KNN,
        "combiner.json: its settings do not fit combiner 'vanilla' (KeyError: 'temperature'); delete it and ",
    ),
    "a combiner's weights cut short, or of other settings": (
        "`a_knn/weights.safetensors does not fit combiner.json beside it (...); train the combiner again "
        "[combiner/damaged]`",
        lambda e: e.cut("a_knn/weights.safetensors"),
        "score",
        A_KNN,
        "a_knn/weights.safetensors does not fit combiner.json beside it",
    ),
    "a combiner without its weights": (
        "`a_knn/weights.safetensors does not exist; train the combiner first [combiner/missing]`",
        lambda e: e.path("a_knn/weights.safetensors").unlink(),
        "score",
        A_KNN,
        "a_knn/weights.safetensors does not exist; train the combiner first",
    ),
    "no log_probs.npy": (
        "`datastore/log_probs.npy does not exist; build the datastore again [datastore/incomplete]`",
        lambda e: e.path("datastore/log_probs.npy").unlink(),
        "learn",
        ("--system", "r_knn"),
        "datastore/log_probs.npy does not exist; build the datastore again",
    ),
    "a combiner to train for a system that learns none": (
        "`V-kNN learns no combiner; name a system that does, such as r_knn [combiner/not-learned]`",
        lambda e: None,
        "learn",
        ("--system", "v_knn"),
        "V-kNN learns no combiner",
    ),
    "a combiner to train for a system that does not exist": (
        "`system 'b_knn' does not exist; known: off_the_shelf, v_knn, ... [config/unknown-name]`",
        lambda e: None,
        "learn",
        ("--system", "b_knn"),
        "system 'b_knn' does not exist; known: off_the_shelf, knn_kd, v_knn, a_knn, ",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(given, marks=pytest.mark.failure("Datastores and combiners", given, outcome))
        for given, (outcome, *_) in CASES.items()
    ],
)
def test_it_is_refused_in_one_line_and_nothing_is_overwritten(case: str, refused: Refused) -> None:
    refused(*CASES[case][1:])


@pytest.mark.failure(
    "Datastores and combiners",
    "index.device a GPU with faiss-cpu, or a GPU that is not there",
    "`index.device is cuda, but the FAISS installed here is faiss-cpu; install faiss-gpu and torch's CUDA build "
    "(docs/installation.md), or set index.device to cpu "
    "[device/no-gpu]`, before anything is computed; `ink doctor` says it too",
)
def test_a_gpu_to_search_on_with_a_faiss_that_knows_none_is_refused(
    experiment: Any, commands: Any, spelled: Any
) -> None:
    if hasattr(faiss, "StandardGpuResources"):
        pytest.skip("faiss-gpu is installed")
    experiment.write_config(index={"device": "cuda"})
    for name, more in (("build", ("--output", "out")), ("tune", ("--output", "out.json")), ("score", V_KNN)):
        more = (*more, "--scores", "out.json") if name == "score" else more
        message = commands(*spelled(name, *more), folder=experiment.folder).refusal
        assert "index.device is cuda, but the FAISS installed here is faiss-cpu; install faiss-gpu" in message
    assert not experiment.path("out").exists() and not experiment.path("out.json").exists()


@pytest.mark.failure(
    "Datastores and combiners",
    "k beyond what index.probes lists can hold",
    "`400 neighbours requested from ..., but the 1 largest of its 8 lists ... hold ... together; lower k or raise "
    "index.probes [datastore/too-few-entries]`",
)
def test_more_neighbours_than_the_probed_lists_hold_are_refused(
    experiment: Any, commands: Any, spelled: Any, tmp_path: Path
) -> None:
    index = {"type": "ivfpq", "lists": 8, "code_bytes": 8, "probes": 1}
    experiment.write_config(index=index, v_knn={"k": [4, 400]})
    built = commands(*spelled("build", "--output", "lists"), folder=experiment.folder)
    assert built.code == 0, built.err
    # of an option given twice the last counts
    command = spelled("tune", "--output", "out.json", "--datastore", "lists")
    message = commands(*command, folder=experiment.folder).refusal
    assert "400 neighbours requested from datastore lists, but the 1 largest of its 8 lists" in message
    assert "lower k or raise index.probes" in message
    assert not experiment.path("out.json").exists()
