"""Disk, memory and time: sums that can be checked by hand, and what is made of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ink.tools.costs import file_sizes
from ink.tools.costs.cost import Rates
from ink.tools.costs.text_amounts import Text
from ink.tools.costs.workload import Model, Workload, workload_of
from ink.tools.doctor import duration, machine, space
from ink.tools.doctor.finding import ERROR, OK, WARNING
from ink.tools.doctor.inputs import examine_inputs


@pytest.fixture
def workload(config: Any) -> Workload:
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
    return Workload(config, Model(dimension=32, layers=2, encoder=8_000, decoder=12_000, embeddings=10_000), text)


def test_a_datastore_by_hand(workload: Workload) -> None:
    # 32 halves, a value, a log-probability; 8 code bytes and an identity; 8 centroids of 32
    assert file_sizes.datastore_bytes(workload, 1000) == 1000 * (64 + 4 + 4) + 1000 * (8 + 8) + 8 * 32 * 4
    workload.config["index"]["type"] = "exact"
    assert file_sizes.datastore_bytes(workload, 1000) == 1000 * (64 + 4 + 4) + 1000 * 32 * 4


def test_the_fullest_disk_by_hand(workload: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    large, small = (file_sizes.datastore_bytes(workload, entries) for entries in (1000, 500))
    needed = space.needed_bytes(workload)
    # one chain of rounds at a time has a refreshed datastore without index and log-probabilities, and 8 neighbours
    assert needed["datastores"] == large + small + 1000 * (64 + 4) + 1000 * 8 * 4
    adapter = 2 * 32 * (2 * 8 + 4)  # two layers: down, up, their biases and the norm's two vectors, rounded up
    assert workload.adapter_parameters("it") == adapter
    # two domains: each round an adapter and its state, then the average; the state of the round that runs; the base
    assert needed["checkpoints"] == 2 * (2 * 4 + 1) * 4 * adapter + 3 * 4 * adapter + 4 * 30_000
    # raw, as subwords a third longer, and binarised, on either side
    assert needed["text"] == pytest.approx((2440 + 1440 + 940) * 2 * (4 + 5.3 + 4))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    whole = large + small + 1500 * (64 + 4 + 32)
    assert space.needed_bytes(workload)["datastores"] == whole
    # one domain's shard lies beside its datastore's keys
    for shards, beside in ((4, 1000 * 64 / 4), ({"it": 1, "koran": 2}, 500 * 64 / 2)):
        workload.config["datastore"]["shards"] = shards
        assert space.needed_bytes(workload)["datastores"] == whole + beside
    workload.config["systems"] = ["off_the_shelf", "adapter"]
    found = space.needed_bytes(workload)
    assert found["datastores"] == 0
    assert found["checkpoints"] == 2 * (2 + 1) * 4 * adapter + 2 * 3 * 4 * adapter + 4 * 30_000


def test_what_a_round_has_until_it_ends(workload: Workload) -> None:
    (large, _) = workload.trainings("ink")
    neighbours, refreshed = 1000 * 8 * 4, 1000 * (64 + 4)
    assert file_sizes.round_bytes(large) == neighbours + refreshed
    workload.config["ink"]["neighbours"] = "per_batch"  # which searches an index
    assert file_sizes.round_bytes(large) == refreshed + 1000 * (8 + 8) + 8 * 32 * 4
    workload.config["ink"]["max_rounds"] = 1
    assert file_sizes.round_bytes(large) == 0
    workload.config["ink"] |= {"max_rounds": 2, "refresh": "never", "neighbours": "per_round"}
    (large, _) = workload.trainings("ink")
    assert file_sizes.round_bytes(large) == neighbours


def test_every_training_counts_with_its_own_adapter(workload: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    workload.config["adapter"] |= {"inner_dimension": {"it": 8, "koran": 2}, "sizes": {"it": [], "koran": [16]}}
    workload.config["ink"]["ablations"] = {"it": ["without_refresh"], "koran": []}
    found = workload.trainings("ink")
    layer = 2 * 32
    assert [(one.name, one.adapter // layer, one.refreshes) for one in found] == [
        *(("it", 20, True), ("koran", 8, True)),
        *(("it", 20, False), ("koran", 36, True)),
    ]
    kept = 4 * layer * (20 + 8 + 20 + 36) * (2 * 4 + 1)
    assert space.needed_bytes(workload)["checkpoints"] == kept + 3 * 4 * layer * 36 + 4 * 30_000
    workload.config["ink"]["search"] = {"it": True, "koran": False}
    points = len(workload.config["ink"]["search_over"]) ** 2
    assert len(workload.trainings("ink")) == len(found) - 1 + points


def test_knn_kd_needs_a_datastore_neighbours_and_whole_models(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    workload.config["systems"], workload.config["training"]["average_last"] = ["knn_kd"], 2
    workload.config["knn_kd"]["stored"] = 5
    needed = space.needed_bytes(workload)
    assert workload.keys == ["decoder_output"]
    assert needed["datastores"] == sum(
        file_sizes.datastore_bytes(workload, entries) + entries * 5 * 8 for entries in (1000, 500)
    )
    # the base model, two domains' models; of one in training the last two epochs, the best and a state of three
    assert needed["checkpoints"] == 4 * 30_000 * (1 + 2 + 6)
    found = duration.seconds_by_job(workload, 1e10)
    assert {"store_neighbours", "train_knn_kd"} <= set(found)
    workload.config["knn_kd"]["max_epochs"] *= 3
    assert duration.seconds_by_job(workload, 1e10)["train_knn_kd"] > found["train_knn_kd"]


def test_source_tokens_are_stored_once_a_domain_for_all_rows_that_search_by_them(workload: Workload) -> None:
    workload.config["search_strategies"] = {"source_tokens": {"occurrences": 2}}
    workload.config["systems"] = ["v_knn", "a_knn"]
    without = space.needed_bytes(workload)["datastores"]
    assert "store_source_tokens" not in duration.seconds_by_job(workload, 1e10)
    workload.config["systems"] += ["v_knn+source_tokens", "a_knn+source_tokens"]
    # 32 halves, a start and an entry each
    assert space.needed_bytes(workload)["datastores"] == without + 1500 * (64 + 8 + 8)
    assert "store_source_tokens" in duration.seconds_by_job(workload, 1e10)


def test_r_knn_on_top_of_ink_needs_a_datastore_more_for_every_seed(workload: Workload) -> None:
    workload.config["seeds"] = [1, 2]
    workload.config["systems"] = ["ink"]
    without, found = space.needed_bytes(workload)["datastores"], duration.seconds_by_job(workload, 1e10)
    assert "build_adapted_datastore" not in found
    workload.config["systems"] = ["ink", "ink_r_knn"]
    assert workload.keys == ["decoder_output"]
    one = sum(file_sizes.datastore_bytes(workload, entries) for entries in (1000, 500))
    assert space.needed_bytes(workload)["datastores"] == without + 2 * one
    more = duration.seconds_by_job(workload, 1e10)
    # but for what passes through the adapter
    assert more["build_adapted_datastore"] == pytest.approx(2 * found["build_datastore"], rel=1e-3)
    assert {rule for rule in more if more[rule] != found.get(rule)} == {
        *("build_adapted_datastore", "train_combiner", "evaluate")
    }
    workload.config["systems"] = ["r_knn", "ink_r_knn"]
    # each has a combiner of its own
    assert duration.seconds_by_job(workload, 1e10)["train_combiner"] == pytest.approx(2 * more["train_combiner"])


def test_what_is_measured_besides_scores_counts(workload: Workload) -> None:
    space_before, before = space.needed_bytes(workload)["datastores"], duration.seconds_by_job(workload, 1e10)
    workload.config["knn_accuracy"] |= {"domains": ["koran"]}
    workload.config["speed"] |= {"domain": "koran", "systems": ["ink", "r_knn"], "repeats": 2}
    assert space.needed_bytes(workload)["datastores"] == space_before + file_sizes.datastore_bytes(workload, 500)
    found = duration.seconds_by_job(workload, 1e10)
    assert set(found) - set(before) == {"build_adapted_datastore", "knn_accuracy", "measure_speed"}
    workload.config["systems"] = ["v_knn", "ink", "adapter"]
    assert space.needed_bytes(workload)["datastores"] == space_before + 2 * file_sizes.datastore_bytes(workload, 500)
    both = duration.seconds_by_job(workload, 1e10)
    assert both["build_adapted_datastore"] == pytest.approx(2 * found["build_adapted_datastore"])
    assert found["knn_accuracy"] < both["knn_accuracy"] < 1.5 * found["knn_accuracy"]  # but for its start
    workload.config["systems"] = ["v_knn", "ink"]
    # a third of the target tokens, and of two domains one
    assert found["build_adapted_datastore"] < before["build_datastore"] / 2 + 1e-9
    workload.config["speed"]["repeats"] = 4
    assert duration.seconds_by_job(workload, 1e10)["measure_speed"] > found["measure_speed"]
    # ink_r_knn needs that of every domain
    workload.config["systems"] = ["v_knn", "ink", "ink_r_knn"]
    both = sum(file_sizes.datastore_bytes(workload, entries) for entries in (1000, 500))
    assert space.needed_bytes(workload)["datastores"] == space_before + both


def test_kinds_of_keys_that_differ_need_a_datastore_each(workload: Workload) -> None:
    assert workload.keys == ["decoder_output"]
    workload.config["v_knn"]["key"] = "ffn_input"
    assert workload.keys == ["decoder_output", "ffn_input"]
    workload.config["systems"] = ["v_knn"]
    assert workload.keys == ["ffn_input"]
    workload.config["own_systems"] = {"mine": {"combiner": "vanilla", "key": "decoder_output"}}
    workload.config["systems"] = ["v_knn", "mine"]
    assert workload.keys == ["decoder_output", "ffn_input"]


@pytest.mark.failure(
    "Disk",
    "less space free than the experiment needs",
    "`ink doctor`: `error  disk  about 1.3 GB needed (...), 1.1 GB free: ...`",
)
@pytest.mark.parametrize(("free", "status"), [(0.5, ERROR), (1.1, WARNING), (2.0, OK)])
def test_what_is_free_is_compared(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, status: str
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = sum(space.needed_bytes(workload).values())
    monkeypatch.setattr(space, "free_bytes", lambda path: int(free * needed))
    found = space.space(workload)
    assert found.status == status
    assert " needed (datastores " in found.text and " free" in found.text


@pytest.mark.parametrize(("free", "status", "message"), [(0.9, ERROR, "free some"), (1.1, WARNING, "it may fill up")])
def test_a_disk_that_takes_training_only_if_it_stops_early_may_do(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, status: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    workload.config["ink"]["max_rounds"], workload.config["training"]["patience"] = 200, 4
    least = sum(space.needed_bytes(workload, 5).values())
    most, adapters = sum(space.needed_bytes(workload).values()), 2 * 4 * workload.adapter_parameters("it")
    assert most - least == pytest.approx((200 - 5) * (1 + 3) * adapters)  # each round an adapter and its state
    monkeypatch.setattr(space, "free_bytes", lambda path: int(free * least))
    found = space.space(workload)
    assert found.status == status
    assert " if training stops as early as patience lets it, " in found.text and message in found.text
    workload.config["training"]["patience"] = None  # nothing ends it early
    monkeypatch.setattr(space, "free_bytes", lambda path: int(0.9 * most))
    found = space.space(workload)
    assert found.status == ERROR and "as patience lets it" not in found.text


def test_what_the_experiment_has_written_already_counts(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(space, "free_bytes", lambda path: 0)
    (tmp_path / "work" / "micro").mkdir(parents=True)
    (tmp_path / "work" / "micro" / "keys.npy").write_bytes(bytes(2_000_000))
    found = space.space(workload)
    assert found.status == OK
    assert "0 bytes free and 2.0 MB already used by work/micro" in found.text


def test_memory_is_compared_for_one_job_and_for_those_beside_it(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 1)
    (found,) = machine.memory(workload)
    assert found.status == OK
    monkeypatch.setattr(machine, "cores", lambda: 1_000_000)
    (found,) = machine.memory(workload)
    assert (found.status, "1000000 may run at once" in found.text) == (WARNING, True)
    monkeypatch.setattr(machine, "cores", lambda: 1)
    monkeypatch.setattr(machine, "datastore_bytes", lambda workload, entries: 1e18 * entries)
    (found,) = machine.memory(workload)
    assert found.status == WARNING
    assert "the largest datastore, 1000000000.0 TB, does not stay in memory" in found.text
    monkeypatch.setattr(machine, "JOB_BYTES", 1e18)
    (found,) = machine.memory(workload)
    assert found.status == ERROR


def test_a_job_s_memory_by_hand(workload: Workload) -> None:
    model, index = 30_000, 1000 * (8 + 8) + 8 * 32 * 4
    workload.config["index"]["training_sample"] = 10
    assert machine.job_bytes(workload) == machine.JOB_BYTES + index + 16 * model
    workload.config["index"]["training_sample"] = 600
    assert machine.job_bytes(workload) == machine.JOB_BYTES + 2 * 600 * 32 * 4 + 16 * model
    workload.config["device"] = "cuda"
    assert machine.job_bytes(workload) == machine.JOB_BYTES + 2 * 600 * 32 * 4 + 4 * model
    workload.config["index"]["type"] = "exact"
    assert machine.job_bytes(workload) == machine.JOB_BYTES + 1000 * 32 * 4 + 4 * model


def test_threads_beyond_the_cores_are_told(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 2)
    assert machine.threads(config).status == OK
    config["threads"]["training"] = 3
    assert machine.threads(config).status == WARNING


def test_more_to_do_takes_longer(workload: Workload) -> None:
    before = duration.seconds_by_job(workload, 1e10)
    assert set(before) == {
        *("prepare_corpus", "build_datastore", "train_base", "tune_v_knn"),
        *("train_ink_round", "finish_ink", "evaluate"),
    }
    slower = duration.seconds_by_job(workload, 1e6)
    assert all(slower[rule] > before[rule] for rule in set(before) - {"prepare_corpus"})
    workload.config["seeds"] = [1, 2]
    twice = duration.seconds_by_job(workload, 1e10)
    for rule in ("train_ink_round", "finish_ink"):
        assert twice[rule] == pytest.approx(2 * before[rule])
    assert twice["build_datastore"] == before["build_datastore"]


def test_rounds_of_one_job_start_once_and_leave_one_state(workload: Workload) -> None:
    seconds = duration.seconds_by_job(workload, 1e10)["train_ink_round"]
    bytes_ = space.needed_bytes(workload)["checkpoints"]
    workload.config["ink"]["rounds_per_job"] = 200
    # two domains, two rounds each: a start and a state less in each
    saved = seconds - duration.seconds_by_job(workload, 1e10)["train_ink_round"]
    assert saved == pytest.approx(2 * duration.START_UP)
    assert bytes_ - space.needed_bytes(workload)["checkpoints"] == 2 * 3 * 4 * workload.adapter_parameters("it")
    workload.config["ink"]["max_rounds"], workload.config["ink"]["rounds_per_job"] = 5, 2
    three = space.needed_bytes(workload)["checkpoints"]
    workload.config["ink"]["rounds_per_job"] = 5
    assert three - space.needed_bytes(workload)["checkpoints"] == 2 * 2 * 3 * 4 * workload.adapter_parameters("it")


def test_a_combiner_is_trained_once_for_systems_that_share_it_and_for_every_point_of_its_grid(
    workload: Workload,
) -> None:
    how, index = workload.config["combiner_training"], workload.config["index"]
    flops, dev = 6e7, 200
    # R-kNN's perturbed keys through the output layer; dev passed through and searched for; the updates
    perturbed = workload.config["r_knn"]["decay"] * how["batch_sentences"] * 20 * 8 * 10_000 / (flops * 0.5)
    computed = 2 * 30_000 * dev / (flops * 0.5) + 2 * 32 * index["lists"] * dev / flops
    entries, code = {"it": 1000, "koran": 500}, Rates(flops).code * index["code_bytes"] / 64
    codes = {name: dev * index["probes"] * count / index["lists"] * code for name, count in entries.items()}
    one = {name: computed + spent + how["max_updates"] * Rates(flops).update for name, spent in codes.items()}
    for systems, points, trained in (
        (["r_knn"], 8, 1),
        (["r_knn", "r_knn_without_keys"], 8, 1),
        (["r_knn", "r_knn_without_keys"], [4, 8, 16], 1),
        (["r_knn_without_keys", "mine"], 8, 2),
    ):
        workload.config["systems"] = systems
        workload.config["r_knn"]["max_k"] = points
        workload.config["own_systems"] = {"mine": {"combiner": "vanilla", "key": "decoder_output", "k": 2}}
        found = duration.seconds_by_job(workload, flops)["train_combiner"]
        grid = len(points) if isinstance(points, list) else 1
        every = trained * (2 * duration.START_UP + grid * sum(one.values()))
        assert found == pytest.approx(every + 2 * grid * perturbed)
    workload.config["combiner_training"]["base_dropout"] = "released"
    assert duration.seconds_by_job(workload, flops)["train_combiner"] > found


def test_what_was_measured_takes_the_estimate_s_place(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(duration, "matrix_product_speed", lambda workload: 1e10)
    monkeypatch.setattr(duration, "cores", lambda: 1)
    benchmarks = tmp_path / "results" / "micro" / "benchmarks"
    (benchmarks / "evaluate" / "ink").mkdir(parents=True)
    head = "s\tcpu_time\n"
    (benchmarks / "train_base.tsv").write_text(head + "9.0\t7200.0\n")
    (benchmarks / "evaluate" / "ink" / "it.tsv").write_text(head + "9.0\t1800\n")
    (benchmarks / "evaluate" / "ink" / "koran.tsv").write_text(head + "9.0\t1800\n")
    (benchmarks / "table1.tsv").write_text(head + "0.1\tNA\n")
    assert duration.measured_seconds(benchmarks) == {"train_base": 7200.0, "evaluate": 3600.0}
    message = duration.duration(workload).text
    assert message == "about 3 hours on 1 cores from nothing (10 GFLOP/s a core, 2 kinds of jobs as measured before)"


def test_this_machine_multiplies_matrices(workload: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "MEASURING_SECONDS", 0.02)
    for precision in ("fp32", "bf16"):
        workload.config["precision"] = precision
        assert 1e7 < duration.matrix_product_speed(workload) < 1e13


@pytest.mark.parametrize(
    ("seconds", "message"), [(70, "70 seconds"), (1800, "30 minutes"), (3 * 3600, "3 hours"), (5 * 86400, "5 days")]
)
def test_durations_in_words(seconds: float, message: str) -> None:
    assert duration.duration_in_words(seconds) == message


def test_own_text_is_counted_and_what_will_be_held_out_is_foreseen(own_corpus: Any) -> None:
    own_corpus["data"]["files"]["splits"]["koran"] = ["train"]
    own_corpus["data"]["files"]["held_out"] = {"dev": 40, "test": 50}
    found = workload_of(own_corpus, examine_inputs(own_corpus)[1]).text["koran"]
    assert found.sentences == {"train": 400, "dev": 40, "test": 50}
    of_a_line = 3 * 1.4 + 1
    assert found.tokens["train"] == pytest.approx(400 * of_a_line, abs=1)
    assert found.tokens["test"] == pytest.approx(50 * of_a_line, abs=1)


def test_a_checkpoint_is_as_large_as_its_file(own_corpus: Any) -> None:
    path = Path(own_corpus["base_model"]["path"])
    path.write_bytes(bytes(4 * 5_000_000))
    model = workload_of(own_corpus, examine_inputs(own_corpus)[1]).model
    assert (model.dimension, model.parameters) == (256, 5_000_000)
    assert model.embeddings == 1000 * 256
