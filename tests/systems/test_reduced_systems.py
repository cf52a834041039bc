"""Systems on reduced datastores: what they are called, what they search, and whose combiner they use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.results.figures.style import mark_of
from ink.results.records.scores import labels
from ink.runtime.errors import InkError
from ink.systems.known_systems import system_named
from ink.systems.layout import Layout, Run
from ink.systems.systems_of_experiment import (
    check_exists,
    reduced_systems,
    retrieval_settings,
    run_that_trains,
    section_of,
    seeds_of,
)
from ink.tracking.runs import first_job, parameters

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = {"combiner": "vanilla", "key": "ffn_input", "k": 4, "lambda": 0.5, "temperature": 10}
CONFIG: dict[str, Any] = {
    **load(REPOSITORY / "config" / "config.yaml"),
    "own_systems": {"mine": OWN},
    "reductions": {"half": {"method": "random", "keep": 0.5}, "merged": {"method": "greedy_merging", "k": 2}},
}


def test_those_that_retrieve_with_the_base_model_have_one_of_each() -> None:
    whole = ["v_knn", "a_knn", "r_knn_without_keys", "r_knn", "mine"]
    assert reduced_systems(CONFIG) == [f"{name}+{reduction}" for name in whole for reduction in ("half", "merged")]
    check_exists(CONFIG, "r_knn+merged")
    for name in ("v_knn+third", "ink_r_knn+half", "off_the_shelf+half", "v_knn+half+merged"):
        with pytest.raises(InkError, match="does not exist"):
            check_exists(CONFIG, name)


def test_the_row_stands_apart_and_is_compared_with_the_whole() -> None:
    system = system_named("r_knn+half")
    assert (system.label, system.apart, system.compared_with) == ("R-kNN + half", True, ("r_knn",))
    assert (system.in_figure4, system.memory_unit, system.table3_label) == (False, False, None)
    shown = labels(["v_knn+half", "ink_r_knn", "v_knn", "mine", "ink"])
    assert list(shown) == ["v_knn", "ink", "mine", "ink_r_knn", "v_knn+half"]
    assert mark_of("v_knn+half", [*shown]) != mark_of("v_knn", [*shown])


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("v_knn+plac", "V-kNN + PLAC"),
        ("r_knn+greedy_merging", "R-kNN + greedy merging"),
        ("v_knn+as_many_as_plac", "V-kNN + as many at random as PLAC"),
        ("a_knn+pca_32", "A-kNN + PCA 32"),
        ("kernel_smoothed_knn", "Kernel-smoothed kNN"),
        ("confidence_knn+random_half", "Confidence kNN + random half"),
        ("sk_mt", "SK-MT"),
        ("v_knn_on_ffn_input", "V-kNN on ffn input"),
        ("mine", "mine"),
    ],
)
def test_rows_are_named_in_words(name: str, row: str) -> None:
    assert system_named(name).label == row


def test_settings_and_seeds_are_the_whole_system_s() -> None:
    for name in ("v_knn", "a_knn", "mine"):
        assert retrieval_settings(CONFIG, f"{name}+half") == retrieval_settings(CONFIG, name)
        assert section_of(f"{name}+half") == section_of(name)
        assert seeds_of(f"{name}+half", [1, 2]) == seeds_of(name, [1, 2])


def test_it_searches_the_reduced_datastore_with_a_combiner_of_its_own() -> None:
    layout = Layout(CONFIG)
    assert layout.system_files("v_knn+half", "koran", 1) == {
        "datastore": "work/mini/datastores/reduced/half/decoder_output/koran",
        "combiner": "work/mini/combiners/v_knn+half/koran/combiner.json",
    }
    of_own = layout.system_files("mine+merged", "koran", 3)
    assert of_own["datastore"] == "work/mini/datastores/reduced/merged/ffn_input/koran"
    assert of_own["combiner"] == "work/mini/combiners/mine+merged/koran/seed3/combiner.json"
    # R-kNN with and without keys share one here too
    shared = {layout.system_files(f"{name}+half", "it", 1)["combiner"] for name in ("r_knn", "r_knn_without_keys")}
    assert shared == {"work/mini/combiners/r_knn+half/it/seed1/combiner.json"}


def test_its_run_begins_with_its_own_combiner_and_knows_its_reduction() -> None:
    assert first_job(CONFIG, Run("v_knn+half", "koran", 1)) == "tune-v-knn"
    assert first_job(CONFIG, Run("a_knn+half", "koran", 1)) == "train-combiner"
    both = {**CONFIG, "systems": ["r_knn+half", "r_knn_without_keys+half"]}
    assert run_that_trains(both, "r_knn_without_keys+half") == "r_knn+half"
    alone = {**CONFIG, "systems": ["r_knn", "r_knn_without_keys+half"]}
    assert run_that_trains(alone, "r_knn_without_keys+half") == "r_knn_without_keys+half"
    found = parameters(CONFIG, Run("v_knn+half", "koran", 1))
    assert found["reductions.half.keep"] == 0.5
    assert not any(name.startswith("reductions.merged") for name in found)
    whole = parameters(CONFIG, Run("v_knn", "koran", 1))
    assert not any(name.startswith("reductions") for name in whole)
