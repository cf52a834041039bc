"""From a datastore to a scored row on a reduced one, by the commands that its jobs run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml

from ink.config.languages import LanguagePair
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.reductions.reducing import predicted
from ink.datastore.storage import open_datastore
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.whole_files import read_json
from ink.tools.explanation.training_pairs import TrainingPairs

REDUCTIONS = {
    "known": {"method": "plac", "k": 1, "keep": 0.5},
    "control": {"method": "random", "as_many_as": "merged"},
    "merged": {"method": "greedy_merging", "k": 3},
    "small": {"method": "pca", "dimension": 8},
    "compact": {"method": "compact_network", "dimension": 8, "updates": 20},
}
MODEL = ("--base-model", "model.pt", "--vocabulary", "vocabulary")


@pytest.fixture
def reduce(experiment: Any, commands: Any) -> Any:
    """Run reduce-datastore of an experiment that has REDUCTIONS."""
    experiment.write_config()
    path = experiment.path("config.yaml")
    config = {**yaml.safe_load(path.read_text(encoding="utf-8")), "reductions": REDUCTIONS}
    names = ["v_knn+merged", "v_knn+small", "v_knn+compact", "v_knn+known", "r_knn+merged"]
    config["systems"] = ["off_the_shelf", "v_knn", *names]
    path.write_text(yaml.safe_dump(config), encoding="utf-8")

    def run(name: str, *more: str) -> Any:
        named = ("--config", "config.yaml", "--domain", "koran", "--reduction", name, *MODEL)
        return commands(
            "reduce-datastore", *named, "--datastore", "datastore", "--output", name, *more, folder=experiment.folder
        )

    return run


@pytest.mark.parametrize(
    ("name", "added"),
    [
        ("merged", {"counts.npy"}),
        ("small", {"projection.npy"}),
        ("compact", {"projection.npy", "hidden.npy"}),
        ("known", set()),
    ],
)
def test_v_knn_is_chosen_and_scored_on_what_is_left(
    experiment: Any, commands: Any, spelled: Any, reduce: Any, name: str, added: set[str]
) -> None:
    def run(*words: str) -> None:
        ended = commands(*words, folder=experiment.folder)
        assert ended.code == 0, ended.err

    ended = reduce(name)
    assert ended.code == 0, ended.err
    system = ("--system", f"v_knn+{name}")
    tune = [word if word != "datastore" else name for word in spelled("tune", *system, "--output", "c.json")]
    run(*tune)
    scores = f"results/scores/v_knn+{name}/koran/seed1.json"
    run(*spelled("score", *system, "--datastore", name, "--combiner", "c.json", "--scores", scores))
    scored = read_json(experiment.path(scores))
    assert scored["system"] == f"v_knn+{name}"
    assert set(scored["added_memory"]) == {"index.faiss", "values.npy", *added}
    whole = {file: experiment.path(f"datastore/{file}").stat().st_size for file in ("index.faiss", "values.npy")}
    # a model that is not trained knows nothing, and PLAC drops only what it knows
    shrinks = name != "known"
    assert (scored["added_memory"]["index.faiss"] < whole["index.faiss"]) == shrinks
    run_folder = experiment.path(f"results/micro/runs/v_knn+{name}/koran/seed1")
    assert run_folder.is_dir()


def test_plac_drops_what_the_model_knows_and_the_row_is_of_what_is_left(
    experiment: Any, commands: Any, spelled: Any, reduce: Any
) -> None:
    # text that the model would have written itself, but for every ninth token
    folder = experiment.path("datastore")
    whole = open_datastore(folder)
    model = BaseModelFiles(experiment.path("model.pt"), experiment.path("vocabulary"), LanguagePair("xx", "yy"))
    values = predicted(model.load("cpu", "fp32"), whole, 4096).astype(np.int32)
    values[::9] = (values[::9] + 1) % 10 + 4
    np.save(folder / "values.npy", values)
    ended = reduce("known")
    assert ended.code == 0, ended.err
    left = open_datastore(experiment.path("known"))
    # `keep` is the least that stays
    assert whole.meta.entries / 2 <= left.meta.entries < whole.meta.entries
    assert left.numbers is not None
    wrong = np.arange(0, whole.meta.entries, 9)
    assert np.isin(wrong, left.numbers).all()
    assert f"plac: {left.meta.entries:,} of {whole.meta.entries:,} entries stay" in ended.out
    system, scores = ("--system", "v_knn+known"), "results/scores/v_knn+known/koran/seed1.json"
    tune = [word if word != "datastore" else "known" for word in spelled("tune", *system, "--output", "c.json")]
    score = spelled("score", *system, "--datastore", "known", "--combiner", "c.json", "--scores", scores)
    for words in (tune, score):
        ended = commands(*words, folder=experiment.folder)
        assert ended.code == 0, ended.err
    memory = read_json(experiment.path(scores))["added_memory"]
    assert memory["index.faiss"] < (folder / "index.faiss").stat().st_size
    assert memory["values.npy"] == 128 + 4 * left.meta.entries


def test_r_knn_is_trained_on_merged_entries(experiment: Any, commands: Any, spelled: Any, reduce: Any) -> None:
    assert reduce("merged").code == 0
    learn = spelled("learn", "--system", "r_knn+merged", "--output", "trained")
    ended = commands(*(word if word != "datastore" else "merged" for word in learn), folder=experiment.folder)
    assert ended.code == 0, ended.err
    record = read_json(experiment.path("trained/record.json"))
    assert record["system"] == "r_knn+merged"


def test_a_control_has_as_many_entries(experiment: Any, reduce: Any) -> None:
    assert reduce("merged").code == 0
    assert reduce("control", "--as-many-as", "merged").code == 0
    merged, control = (open_datastore(experiment.path(name)) for name in ("merged", "control"))
    assert merged.meta.entries == control.meta.entries < open_datastore(experiment.path("datastore")).meta.entries


def test_entries_that_are_left_are_where_they_were_in_the_text(experiment: Any, reduce: Any) -> None:
    assert reduce("merged").code == 0
    pairs = [
        TrainingPairs(
            open_datastore(experiment.path(name)),
            PreparedCorpus(experiment.path("data"), LanguagePair("xx", "yy")),
            experiment.path("corpus"),
        )
        for name in ("merged", "datastore")
    ]
    numbers = pairs[0].datastore.numbers
    assert numbers is not None
    for entry in (0, 7, len(numbers) - 1):
        assert pairs[0].occurrence(entry) == pairs[1].occurrence(int(numbers[entry]))


@pytest.mark.failure(
    "Datastores and combiners",
    "a combiner that reads keys, on a datastore whose keys are projected",
    "`the combiner RobustCombiner reads keys, but those of datastore ... are projected; use a reduction that leaves "
    "them as they are [combiner/keys-missing]`",
)
@pytest.mark.parametrize("name", ["small", "compact"])
def test_a_combiner_that_reads_keys_is_refused_where_they_are_projected(
    experiment: Any, commands: Any, spelled: Any, reduce: Any, name: str
) -> None:
    assert reduce(name).code == 0
    learn = spelled("learn", "--system", "r_knn", "--output", "trained")
    ended = commands(*(word if word != "datastore" else name for word in learn), folder=experiment.folder)
    assert f"the combiner RobustCombiner reads keys, but those of datastore {name} are projected" in ended.refusal
