"""Training time: which jobs make a system, and the sum of what was measured of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import load, load_resolved
from ink.results.records.training_times import training_jobs, training_seconds
from ink.systems.layout import Run

REPOSITORY = Path(__file__).resolve().parents[3]
OWN = {"combiner": "vanilla", "key": "ffn_input", "k": 4}
CONFIG: dict[str, Any] = {
    **load(REPOSITORY / "config" / "config.yaml"),
    "own_systems": {"mine": OWN},
    "reductions": {
        "merged": {"method": "greedy_merging", "k": 2},
        "control": {"method": "random", "as_many_as": "merged"},
        "small": {"method": "pca", "dimension": 8, "of": "control"},
    },
}
BASE = "build_datastore/decoder_output/koran"
INK = [BASE, "train_ink_round/ink/koran/seed2/*", "finish_ink/ink/koran/seed2"]
JOBS = {
    "off_the_shelf": [],
    "adapter": ["train_adapter/adapter/koran/seed2"],
    "ink": INK,
    "knn_kd": [BASE, "store_neighbours/koran", "train_knn_kd/koran/seed2"],
    "v_knn": [BASE, "tune_v_knn/koran"],
    "a_knn": [BASE, "train_combiner/a_knn/koran/seed2"],
    "r_knn_without_keys": [BASE, "train_combiner/r_knn/koran/seed2"],
    "ink_r_knn": [*INK, "build_adapted_datastore/ink/koran/seed2", "train_combiner/ink_r_knn/koran/seed2"],
    "mine": ["build_datastore/ffn_input/koran", "train_combiner/mine/koran/seed2"],
    "v_knn+merged": [BASE, "reduce_datastore/merged/decoder_output/koran", "tune_reduced_v_knn/v_knn+merged/koran"],
    # a search strategy takes the combiner of the system that searches at every step
    "v_knn+merged+unsure_half": [
        BASE,
        "reduce_datastore/merged/decoder_output/koran",
        "tune_reduced_v_knn/v_knn+merged/koran",
    ],
    "v_knn+small": [
        BASE,
        "reduce_datastore/small/decoder_output/koran",
        "reduce_datastore/control/decoder_output/koran",
        "reduce_datastore/merged/decoder_output/koran",
        "tune_reduced_v_knn/v_knn+small/koran",
    ],
    "v_knn+source_tokens": [BASE, "store_source_tokens/koran", "tune_v_knn/koran"],
    "sk_mt": [],
    "r_knn+control": [
        BASE,
        "reduce_datastore/control/decoder_output/koran",
        "reduce_datastore/merged/decoder_output/koran",
        "train_combiner/r_knn+control/koran/seed2",
    ],
}


@pytest.mark.parametrize("system", JOBS)
def test_the_jobs_that_make_a_system(system: str) -> None:
    assert training_jobs(CONFIG, Run(system, "koran", 2)) == JOBS[system]


def test_shards_and_the_points_of_a_search_are_jobs_too() -> None:
    config = {**CONFIG, "datastore": {**CONFIG["datastore"], "shards": 3}}
    assert training_jobs(config, Run("v_knn", "koran", 1)) == [
        "build_datastore_shard/decoder_output/koran/*",
        "join_datastore/decoder_output/koran",
        "tune_v_knn/koran",
    ]
    searched = {**CONFIG, "ink": {**CONFIG["ink"], "search": True, "search_over": [0.1]}}
    assert "train_ink_round/ink_alpha0.1_beta0.1/koran/seed1/*" in training_jobs(searched, Run("ink", "koran", 1))


@pytest.mark.skipif(not (REPOSITORY / "results" / "published" / "mini").is_dir(), reason="no published results here")
def test_the_workflow_measures_these_very_jobs() -> None:
    results = REPOSITORY / "results" / "published" / "mini"
    config = load_resolved(results / "config.yaml")
    for system in config["systems"]:
        for domain in config["domains"]:
            found = training_seconds(results, config, Run(system, domain, 1))
            assert found is not None and (found > 0) is (system != "off_the_shelf"), (system, domain)


def measure(results: Path, job: str, seconds: str) -> None:
    path = results / "benchmarks" / f"{job}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\tmax_rss\tcpu_time\n9.0\t1.0\t{seconds}\n", encoding="utf-8")


def test_what_was_measured_is_summed_and_nothing_is_guessed(tmp_path: Path) -> None:
    def found(system: str) -> float | None:
        return training_seconds(tmp_path, CONFIG, Run(system, "koran", 2))

    assert (found("off_the_shelf"), found("adapter"), found("ink")) == (0, None, None)
    measure(tmp_path, BASE, "3.5")
    measure(tmp_path, "train_ink_round/ink/koran/seed2/1", "20.25")
    measure(tmp_path, "train_ink_round/ink/koran/seed2/201", "10.0")
    measure(tmp_path, "train_ink_round/ink/koran/seed1/1", "99.0")
    assert found("ink") is None  # it has not been finished
    measure(tmp_path, "finish_ink/ink/koran/seed2", "2.0")
    assert found("ink") == 35.75
    measure(tmp_path, "train_ink_round/ink/koran/seed2/201", "NA")  # too short to be looked at
    assert found("ink") is None
