"""Disk, memory and time: sums that can be checked by hand, and what is made of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ink.doctor import duration, machine, space
from ink.doctor.extent import Extent, Model, Text, extent_of
from ink.doctor.finding import ERROR, OK, WARNING
from ink.doctor.inputs import examine_inputs


@pytest.fixture
def extent(config: Any) -> Extent:
    """Two domains of 1,000 and 500 target tokens, and a model of width 32."""
    config["systems"], config["seeds"], config["adapter"]["inner_dimension"] = ["v_knn", "ink"], [1], 8
    config["ink"]["max_rounds"] = config["adapter"]["max_epochs"] = 2
    config["ink"]["rounds_per_job"] = 1
    config["knn_accuracy"]["domains"], config["speed"]["domain"] = [], None
    text = {
        "general": Text({"train": 100, "dev": 10, "test": 12}, {"train": 2000, "dev": 200, "test": 240}),
        "it": Text({"train": 50, "dev": 10, "test": 12}, {"train": 1000, "dev": 200, "test": 240}),
        "koran": Text({"train": 25, "dev": 10, "test": 12}, {"train": 500, "dev": 200, "test": 240}),
    }
    return Extent(config, Model(dimension=32, layers=2, inner=20_000, embeddings=10_000), text)


def test_a_datastore_by_hand(extent: Extent) -> None:
    # 32 halves, a value, a log-probability; 8 code bytes and an identity; 8 centroids of 32
    assert space.datastore_bytes(extent, 1000) == 1000 * (64 + 4 + 4) + 1000 * (8 + 8) + 8 * 32 * 4
    extent.config["index"]["type"] = "exact"
    assert space.datastore_bytes(extent, 1000) == 1000 * (64 + 4 + 4) + 1000 * 32 * 4


def test_the_fullest_disk_by_hand(extent: Extent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    large, small = (space.datastore_bytes(extent, entries) for entries in (1000, 500))
    needed = space.needed_bytes(extent)
    # one chain of rounds at a time has a refreshed datastore without index and log-probabilities, and 8 neighbours
    assert needed["datastores"] == large + small + 1000 * (64 + 4) + 1000 * 8 * 4
    adapter = 2 * 32 * (2 * 8 + 4)  # two layers: down, up, their biases and the norm's two vectors, rounded up
    assert extent.adapter_parameters("it") == adapter
    # two domains: each round an adapter and its state, then the average; the state of the round that runs; the base
    assert needed["checkpoints"] == 2 * (2 * 4 + 1) * 4 * adapter + 3 * 4 * adapter + 4 * 30_000
    # raw, as subwords a third longer, and binarised, on either side
    assert needed["text"] == pytest.approx((2440 + 1440 + 940) * 2 * (4 + 16 / 3 + 4))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    whole = large + small + 1500 * (64 + 4 + 32)
    assert space.needed_bytes(extent)["datastores"] == whole
    # one domain's shard lies beside its datastore's keys
    for shards, beside in ((4, 1000 * 64 / 4), ({"it": 1, "koran": 2}, 500 * 64 / 2)):
        extent.config["datastore"]["shards"] = shards
        assert space.needed_bytes(extent)["datastores"] == whole + beside
    extent.config["systems"] = ["off_the_shelf", "adapter"]
    found = space.needed_bytes(extent)
    assert found["datastores"] == 0
    assert found["checkpoints"] == 2 * (2 + 1) * 4 * adapter + 2 * 3 * 4 * adapter + 4 * 30_000


def test_what_a_round_has_until_it_ends(extent: Extent) -> None:
    (large, _) = extent.trainings("ink")
    neighbours, refreshed = 1000 * 8 * 4, 1000 * (64 + 4)
    assert space.round_bytes(extent, large) == neighbours + refreshed
    extent.config["ink"]["neighbours"] = "per_batch"  # which searches an index
    assert space.round_bytes(extent, large) == refreshed + 1000 * (8 + 8) + 8 * 32 * 4
    extent.config["ink"]["max_rounds"] = 1
    assert space.round_bytes(extent, large) == 0
    extent.config["ink"] |= {"max_rounds": 2, "refresh": "never", "neighbours": "per_round"}
    (large, _) = extent.trainings("ink")
    assert space.round_bytes(extent, large) == neighbours


def test_every_training_counts_with_its_own_adapter(extent: Extent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    extent.config["adapter"] |= {"inner_dimension": {"it": 8, "koran": 2}, "sizes": {"it": [], "koran": [16]}}
    extent.config["ink"]["ablations"] = {"it": ["without_refresh"], "koran": []}
    found = extent.trainings("ink")
    layer = 2 * 32
    assert [(one.domain, one.adapter // layer, one.refreshes) for one in found] == [
        *(("it", 20, True), ("koran", 8, True)),
        *(("it", 20, False), ("koran", 36, True)),
    ]
    kept = 4 * layer * (20 + 8 + 20 + 36) * (2 * 4 + 1)
    assert space.needed_bytes(extent)["checkpoints"] == kept + 3 * 4 * layer * 36 + 4 * 30_000
    extent.config["ink"]["search"] = {"it": True, "koran": False}
    points = len(extent.config["ink"]["search_over"]) ** 2
    assert len(extent.trainings("ink")) == len(found) - 1 + points


def test_knn_kd_needs_a_datastore_neighbours_and_whole_models(extent: Extent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    extent.config["systems"], extent.config["training"]["average_last"] = ["knn_kd"], 2
    extent.config["knn_kd"]["stored"] = 5
    needed = space.needed_bytes(extent)
    assert extent.keys == ["decoder_output"]
    assert needed["datastores"] == sum(
        space.datastore_bytes(extent, entries) + entries * 5 * 8 for entries in (1000, 500)
    )
    # the base model, two domains' models; of one in training the last two epochs, the best and a state of three
    assert needed["checkpoints"] == 4 * 30_000 * (1 + 2 + 6)
    found = duration.seconds_by_job(extent, 1e10)
    assert {"store_neighbours", "train_knn_kd"} <= set(found)
    extent.config["knn_kd"]["max_epochs"] *= 3
    assert duration.seconds_by_job(extent, 1e10)["train_knn_kd"] > found["train_knn_kd"]


def test_r_knn_on_top_of_ink_needs_a_datastore_more_for_every_seed(extent: Extent) -> None:
    extent.config["seeds"] = [1, 2]
    extent.config["systems"] = ["ink"]
    without, found = space.needed_bytes(extent)["datastores"], duration.seconds_by_job(extent, 1e10)
    assert "build_adapted_datastore" not in found
    extent.config["systems"] = ["ink", "ink_r_knn"]
    assert extent.keys == ["decoder_output"]
    one = sum(space.datastore_bytes(extent, entries) for entries in (1000, 500))
    assert space.needed_bytes(extent)["datastores"] == without + 2 * one
    more = duration.seconds_by_job(extent, 1e10)
    assert more["build_adapted_datastore"] == pytest.approx(2 * found["build_datastore"])
    assert {rule for rule in more if more[rule] != found.get(rule)} == {
        *("build_adapted_datastore", "train_combiner", "evaluate")
    }
    extent.config["systems"] = ["r_knn", "ink_r_knn"]
    # each has a combiner of its own
    assert duration.seconds_by_job(extent, 1e10)["train_combiner"] == pytest.approx(2 * more["train_combiner"])


def test_what_is_measured_besides_scores_counts(extent: Extent) -> None:
    space_before, before = space.needed_bytes(extent)["datastores"], duration.seconds_by_job(extent, 1e10)
    extent.config["knn_accuracy"] |= {"domains": ["koran"]}
    extent.config["speed"] |= {"domain": "koran", "systems": ["ink", "r_knn"], "repeats": 2}
    assert space.needed_bytes(extent)["datastores"] == space_before + space.datastore_bytes(extent, 500)
    found = duration.seconds_by_job(extent, 1e10)
    assert set(found) - set(before) == {"build_adapted_datastore", "knn_accuracy", "measure_speed"}
    extent.config["systems"] = ["v_knn", "ink", "adapter"]
    assert space.needed_bytes(extent)["datastores"] == space_before + 2 * space.datastore_bytes(extent, 500)
    both = duration.seconds_by_job(extent, 1e10)
    assert both["build_adapted_datastore"] == pytest.approx(2 * found["build_adapted_datastore"])
    assert found["knn_accuracy"] < both["knn_accuracy"] < 1.5 * found["knn_accuracy"]  # but for its start
    extent.config["systems"] = ["v_knn", "ink"]
    # a third of the target tokens, and of two domains one
    assert found["build_adapted_datastore"] < before["build_datastore"] / 2 + 1e-9
    extent.config["speed"]["repeats"] = 4
    assert duration.seconds_by_job(extent, 1e10)["measure_speed"] > found["measure_speed"]
    # ink_r_knn needs that of every domain
    extent.config["systems"] = ["v_knn", "ink", "ink_r_knn"]
    both = sum(space.datastore_bytes(extent, entries) for entries in (1000, 500))
    assert space.needed_bytes(extent)["datastores"] == space_before + both


def test_kinds_of_keys_that_differ_need_a_datastore_each(extent: Extent) -> None:
    assert extent.keys == ["decoder_output"]
    extent.config["v_knn"]["key"] = "ffn_input"
    assert extent.keys == ["decoder_output", "ffn_input"]
    extent.config["systems"] = ["v_knn"]
    assert extent.keys == ["ffn_input"]
    extent.config["own_systems"] = {"mine": {"combiner": "vanilla", "key": "decoder_output"}}
    extent.config["systems"] = ["v_knn", "mine"]
    assert extent.keys == ["decoder_output", "ffn_input"]


@pytest.mark.failure(
    "Disk",
    "less space free than the experiment needs",
    "`ink doctor`: `error  disk  about 1.3 GB needed (...), 1.1 GB free: ...`",
)
@pytest.mark.parametrize(("free", "status"), [(0.5, ERROR), (1.1, WARNING), (2.0, OK)])
def test_what_is_free_is_compared(
    extent: Extent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, status: str
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = sum(space.needed_bytes(extent).values())
    monkeypatch.setattr(space, "free_bytes", lambda path: int(free * needed))
    found = space.space(extent)
    assert found.status == status
    assert " needed (datastores " in found.text and " free" in found.text


@pytest.mark.parametrize(("free", "status", "said"), [(0.9, ERROR, "free some"), (1.1, WARNING, "it may fill up")])
def test_a_disk_that_takes_training_only_if_it_stops_early_may_do(
    extent: Extent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, status: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    extent.config["ink"]["max_rounds"], extent.config["training"]["patience"] = 200, 4
    least = sum(space.needed_bytes(extent, 5).values())
    most, adapters = sum(space.needed_bytes(extent).values()), 2 * 4 * extent.adapter_parameters("it")
    assert most - least == pytest.approx((200 - 5) * (1 + 3) * adapters)  # each round an adapter and its state
    monkeypatch.setattr(space, "free_bytes", lambda path: int(free * least))
    found = space.space(extent)
    assert found.status == status
    assert " if training stops as early as patience lets it, " in found.text and said in found.text


def test_what_the_experiment_has_written_already_counts(
    extent: Extent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(space, "free_bytes", lambda path: 0)
    (tmp_path / "work" / "micro").mkdir(parents=True)
    (tmp_path / "work" / "micro" / "keys.npy").write_bytes(bytes(2_000_000))
    found = space.space(extent)
    assert found.status == OK
    assert "0 bytes free and 2.0 MB already used by work/micro" in found.text


def test_memory_is_compared_for_one_job_and_for_those_beside_it(
    extent: Extent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 1)
    (found,) = machine.memory(extent)
    assert found.status == OK
    monkeypatch.setattr(machine, "cores", lambda: 1_000_000)
    (found,) = machine.memory(extent)
    assert (found.status, "1000000 may run at once" in found.text) == (WARNING, True)
    monkeypatch.setattr(machine, "cores", lambda: 1)
    monkeypatch.setattr(machine, "datastore_bytes", lambda extent, entries: 1e18 * entries)
    (found,) = machine.memory(extent)
    assert found.status == WARNING
    assert "the largest datastore, 1000000000.0 TB, does not stay in memory" in found.text
    monkeypatch.setattr(machine, "JOB_BYTES", 1e18)
    (found,) = machine.memory(extent)
    assert found.status == ERROR


def test_a_job_s_memory_by_hand(extent: Extent) -> None:
    model, index = 30_000, 1000 * (8 + 8) + 8 * 32 * 4
    extent.config["index"]["training_sample"] = 10
    assert machine.job_bytes(extent) == machine.JOB_BYTES + index + 16 * model
    extent.config["index"]["training_sample"] = 600
    assert machine.job_bytes(extent) == machine.JOB_BYTES + 2 * 600 * 32 * 4 + 16 * model
    extent.config["device"] = "cuda"
    assert machine.job_bytes(extent) == machine.JOB_BYTES + 2 * 600 * 32 * 4 + 4 * model
    extent.config["index"]["type"] = "exact"
    assert machine.job_bytes(extent) == machine.JOB_BYTES + 1000 * 32 * 4 + 4 * model


def test_threads_beyond_the_cores_are_told(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 2)
    assert machine.threads(config).status == OK
    config["threads"]["training"] = 3
    assert machine.threads(config).status == WARNING


def test_more_to_do_takes_longer(extent: Extent) -> None:
    before = duration.seconds_by_job(extent, 1e10)
    assert set(before) == {
        *("prepare_corpus", "build_datastore", "train_base", "tune_v_knn"),
        *("train_ink_round", "finish_ink", "evaluate"),
    }
    slower = duration.seconds_by_job(extent, 1e6)
    assert all(slower[rule] > before[rule] for rule in set(before) - {"prepare_corpus"})
    extent.config["seeds"] = [1, 2]
    twice = duration.seconds_by_job(extent, 1e10)
    for rule in ("train_ink_round", "finish_ink"):
        assert twice[rule] == pytest.approx(2 * before[rule])
    assert twice["build_datastore"] == before["build_datastore"]


def test_rounds_of_one_job_start_once_and_leave_one_state(extent: Extent) -> None:
    seconds = duration.seconds_by_job(extent, 1e10)["train_ink_round"]
    bytes_ = space.needed_bytes(extent)["checkpoints"]
    extent.config["ink"]["rounds_per_job"] = 200
    # two domains, two rounds each: a start and a state less in each
    saved = seconds - duration.seconds_by_job(extent, 1e10)["train_ink_round"]
    assert saved == pytest.approx(2 * duration.START_UP)
    assert bytes_ - space.needed_bytes(extent)["checkpoints"] == 2 * 3 * 4 * extent.adapter_parameters("it")
    extent.config["ink"]["max_rounds"], extent.config["ink"]["rounds_per_job"] = 5, 2
    three = space.needed_bytes(extent)["checkpoints"]
    extent.config["ink"]["rounds_per_job"] = 5
    assert three - space.needed_bytes(extent)["checkpoints"] == 2 * 2 * 3 * 4 * extent.adapter_parameters("it")


def test_a_combiner_is_trained_once_for_systems_that_share_it_and_for_every_point_of_its_grid(extent: Extent) -> None:
    flops, updates = 6e7, extent.config["combiner_training"]["max_updates"]
    forward = 2 * 30_000 / flops
    one = duration.START_UP + 200 * forward / duration.SHARE_TRAINING + updates * duration.SECONDS_AN_UPDATE
    for systems, points, trained in (
        (["r_knn"], 8, 1),
        (["r_knn", "r_knn_without_keys"], 8, 1),
        (["r_knn", "r_knn_without_keys"], [4, 8, 16], 1),
        (["r_knn_without_keys", "mine"], 8, 2),
    ):
        extent.config["systems"] = systems
        extent.config["r_knn"]["max_k"] = points
        extent.config["own_systems"] = {"mine": {"combiner": "vanilla", "key": "decoder_output", "k": 2}}
        found = duration.seconds_by_job(extent, flops)["train_combiner"]
        grid = len(points) if isinstance(points, list) else 1
        # two domains
        assert found == pytest.approx(2 * trained * (duration.START_UP + grid * (one - duration.START_UP)))
    extent.config["combiner_training"]["base_dropout"] = "released"
    assert duration.seconds_by_job(extent, flops)["train_combiner"] > found


def test_what_was_measured_takes_the_estimate_s_place(
    extent: Extent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(duration, "matrix_product_speed", lambda extent: 1e10)
    monkeypatch.setattr(duration, "cores", lambda: 1)
    benchmarks = tmp_path / "results" / "micro" / "benchmarks"
    (benchmarks / "evaluate" / "ink").mkdir(parents=True)
    head = "s\tcpu_time\n"
    (benchmarks / "train_base.tsv").write_text(head + "9.0\t7200.0\n")
    (benchmarks / "evaluate" / "ink" / "it.tsv").write_text(head + "9.0\t1800\n")
    (benchmarks / "evaluate" / "ink" / "koran.tsv").write_text(head + "9.0\t1800\n")
    (benchmarks / "table1.tsv").write_text(head + "0.1\tNA\n")
    assert duration.measured_seconds(benchmarks) == {"train_base": 7200.0, "evaluate": 3600.0}
    said = duration.duration(extent).text
    assert said == "about 3 hours on 1 cores from nothing (10 GFLOP/s a core, 2 kinds of jobs as measured before)"


def test_this_machine_multiplies_matrices(extent: Extent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "MEASURING_SECONDS", 0.02)
    for precision in ("fp32", "bf16"):
        extent.config["precision"] = precision
        assert 1e7 < duration.matrix_product_speed(extent) < 1e13


@pytest.mark.parametrize(
    ("seconds", "said"), [(70, "70 seconds"), (1800, "30 minutes"), (3 * 3600, "3 hours"), (5 * 86400, "5 days")]
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert duration.in_words(seconds) == said


def test_own_text_is_counted_and_what_will_be_held_out_is_foreseen(own_corpus: Any) -> None:
    own_corpus["data"]["files"]["splits"]["koran"] = ["train"]
    own_corpus["data"]["files"]["held_out"] = {"dev": 40, "test": 50}
    found = extent_of(own_corpus, examine_inputs(own_corpus)[1]).text["koran"]
    assert found.sentences == {"train": 400, "dev": 40, "test": 50}
    of_a_line = 3 * 1.4 + 1
    assert found.tokens["train"] == pytest.approx(400 * of_a_line, abs=1)
    assert found.tokens["test"] == pytest.approx(50 * of_a_line, abs=1)


def test_a_checkpoint_is_as_large_as_its_file(own_corpus: Any) -> None:
    path = Path(own_corpus["base_model"]["path"])
    path.write_bytes(bytes(4 * 5_000_000))
    model = extent_of(own_corpus, examine_inputs(own_corpus)[1]).model
    assert (model.dimension, model.parameters) == (256, 5_000_000)
    assert model.embeddings == 1000 * 256
