"""Training combiners on the tiny model: it learns, keeps its best, and says what it did."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ink.combiners.combiner_file import load_combiner, write_combiner
from ink.combiners.fitting.dev_queries import DevQueries
from ink.combiners.fitting.learned import CombinerTraining, train_combiner
from ink.combiners.fitting.mixture_loss import smoothed_loss
from ink.combiners.positions import LabelledPositions, TrainingContext
from ink.combiners.robust import Perturbation, RobustCombiner
from ink.config.sections.base_system import Index
from ink.datastore.search import Searcher
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.metrics.system_evaluation import RunFiles, evaluate_system
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines
from ink.systems.inference import Parts, assemble
from ink.systems.layout import Run

Train = Callable[..., tuple[Path, dict[str, Any]]]


@pytest.fixture
def train(tiny: Any, store: Path, tmp_path: Path) -> Train:
    """Train a system's combiner with changed settings; return its folder and its record."""

    def run(
        system: str, changes: dict[str, dict[str, Any]] | None = None, *, seed: int = 1, name: str = "trained"
    ) -> Any:
        settings = tiny.settings.changed(**changes or {})
        train_combiner(tiny.domain, ModelDatastore(store), system, settings, seed, tmp_path / name)
        return tmp_path / name, read_json(tmp_path / name / "record.json")

    return run


@pytest.mark.parametrize("system", ["a_knn", "r_knn"])
def test_training_improves_the_likelihood_of_dev(train: Train, system: str) -> None:
    folder, record = train(system)
    start, *checks = record["history"]
    assert start["update"] == 0
    assert [check["update"] for check in checks] == [10, 20, 30, 40, 50, 60]
    best = min(checks[1:], key=lambda check: check["dev_loss"])
    assert (record["best_update"], record["best_dev_loss"]) == (best["update"], best["dev_loss"])
    assert record["best_dev_loss"] < record["start_dev_loss"] - 0.01
    assert best["dev_log_likelihood"] > start["dev_log_likelihood"]
    assert 0 < best["lambda"] < 1
    assert sorted(path.name for path in folder.iterdir()) == ["combiner.json", "record.json", "weights.safetensors"]


def test_the_weights_kept_are_those_of_the_best_check_on_unperturbed_positions(
    tiny: Any, train: Train, store: Path
) -> None:
    folder, record = train("r_knn", {"combiner_training": {"learning_rate": 0.1}})
    losses = [check["dev_loss"] for check in record["history"]]
    assert record["best_dev_loss"] < losses[-1], "the last check is the best: nothing tells the two apart"
    model = tiny.domain.load_model(tiny.settings)
    searcher = Searcher(open_datastore(store), Index(type="exact"))
    combiner = load_combiner(folder / "combiner.json")
    dataset = model.parallel_text(tiny.domain.data, "dev")
    queries = DevQueries(model, dataset, searcher, combiner, "none", 200)
    generator = torch.Generator().manual_seed(0)
    again = CombinerTraining(combiner, queries, tiny.settings.combiner_training, "cpu", generator).validate()
    assert again["dev_loss"] == pytest.approx(record["best_dev_loss"], rel=1e-5)


def test_every_update_is_perturbed_and_no_validation(tiny: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.domain.load_model(tiny.settings)
    searcher = Searcher(open_datastore(store), Index(type="exact"))
    torch.manual_seed(0)
    combiner = RobustCombiner(3, 4, 8, 8, Perturbation(sigma=0.1, alpha0=1.0, decay=1e9))
    queries = DevQueries(model, model.parallel_text(tiny.domain.data, "dev"), searcher, combiner, "none", 16)
    generator = torch.Generator().manual_seed(0)
    perturb = combiner.training_batch
    updates: list[int] = []

    def spy(batch: LabelledPositions, update: int, context: TrainingContext) -> LabelledPositions:
        found = perturb(batch, update, context)
        assert not torch.equal(found.neighbours.distances, batch.neighbours.distances)
        updates.append(update)
        return found

    monkeypatch.setattr(combiner, "training_batch", spy)
    before = queries.stored.neighbours.distances.clone()
    how = tiny.settings.changed(
        combiner_training={"max_updates": 12, "check_every": 4, "best_from": 4}
    ).combiner_training
    record = CombinerTraining(combiner, queries, how, "cpu", generator).train()
    assert updates == list(range(12))
    assert len(record["history"]) == 4
    assert torch.equal(queries.stored.neighbours.distances, before)


@torch.no_grad()
def test_perturbed_entries_are_asked_of_the_output_layer(tiny: Any, store: Path) -> None:
    model = tiny.domain.load_model(tiny.settings)
    datastore = open_datastore(store)
    searcher = Searcher(datastore, Index(type="exact"))
    combiner = RobustCombiner(3, 4, 8, top=8)
    queries = DevQueries(model, model.parallel_text(tiny.domain.data, "dev"), searcher, combiner, "none", 7)
    keys = queries.keys(torch.arange(20))
    assert torch.equal(keys, torch.from_numpy(datastore.keys[:20].astype("float32")))
    found = queries.log_probs(keys, torch.from_numpy(datastore.values[:20].astype("int64")))
    # of unperturbed keys it is what was stored with them, up to the keys' two bytes
    torch.testing.assert_close(found, torch.from_numpy(datastore.log_probs[:20].copy()), atol=0.02, rtol=0.01)


def test_the_same_seed_gives_the_same_weights_and_another_others(train: Train) -> None:
    few = {"combiner_training": {"max_updates": 20, "best_from": 10}}
    first, second, other = (
        load_file(train("r_knn", few, seed=seed, name=name)[0] / "weights.safetensors")
        for seed, name in ((1, "first"), (1, "second"), (2, "other"))
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_patience_counts_checks_from_best_from_on(train: Train) -> None:
    # a learning rate of next to nothing: no check is better than the first by more than a rounding
    changes = {"learning_rate": 1e-30, "patience": 2, "max_updates": 90, "check_every": 10, "best_from": 30}
    record = train("a_knn", {"combiner_training": changes})[1]
    assert [check["update"] for check in record["history"]] == [0, 10, 20, 30, 40, 50]
    assert record["best_update"] == 30


def test_a_list_is_a_grid_and_the_lowest_dev_loss_is_kept(train: Train) -> None:
    folder, record = train("a_knn", {"a_knn": {"temperature": [1, 10, 1000], "max_k": [2, 4]}})
    described = read_json(folder / "combiner.json")
    assert [(entry["max_k"], entry["temperature"]) for entry in described["tried"]] == [
        (k, temperature) for k in (2, 4) for temperature in (1, 10, 1000)
    ]
    best = min(described["tried"], key=lambda entry: entry["dev_loss"])
    assert described["chosen"] == {"max_k": best["max_k"], "temperature": best["temperature"]}
    assert described["settings"] == {**described["chosen"], "hidden": 8, "dropout": 0.0}
    assert record["best_dev_loss"] == best["dev_loss"]
    combiner: Any = load_combiner(folder / "combiner.json")
    assert (combiner.k, combiner.temperature) == (best["max_k"], best["temperature"])
    # each is trained as it would be alone
    alone = train("a_knn", {"a_knn": described["settings"]}, name="alone")[1]
    assert alone["best_dev_loss"] == record["best_dev_loss"]


@pytest.mark.parametrize("system", ["a_knn", "r_knn"])
def test_it_trains_with_the_released_dropout_of_the_base_model(train: Train, system: str) -> None:
    changes = {"max_updates": 30, "best_from": 10}
    _, without = train(system, {"combiner_training": changes}, name="without")
    _, record = train(system, {"combiner_training": {**changes, "base_dropout": "released"}}, name="with")
    first, *_ = record["history"]
    assert first == without["history"][0]
    for check, easier in zip(record["history"][1:], without["history"][1:], strict=True):
        # queries of a model with dropout are farther from what they look for
        assert check["training_loss"] > easier["training_loss"]
        assert math.isfinite(check["dev_loss"])


def test_on_top_of_an_adapter_the_adapted_model_makes_the_queries(
    tiny: Any, store: Path, adapter: Path, adapted_store: Path, tmp_path: Path
) -> None:
    settings = tiny.settings.changed(combiner_training={"max_updates": 20, "best_from": 10})
    train_combiner(tiny.domain, ModelDatastore(adapted_store, adapter), "ink_r_knn", settings, 1, tmp_path / "trained")
    record = read_json(tmp_path / "trained" / "record.json")
    combiner = load_combiner(tmp_path / "trained" / "combiner.json")
    losses = []
    for of_queries in (adapter, None):
        model = tiny.domain.load_model(settings, adapter=of_queries)
        searcher = Searcher(open_datastore(adapted_store), Index(type="exact"))
        queries = DevQueries(model, model.parallel_text(tiny.domain.data, "dev"), searcher, combiner, "none", 200)
        run = CombinerTraining(combiner, queries, settings.combiner_training, "cpu", torch.Generator())
        losses.append(run.validate()["dev_loss"])
    assert record["best_dev_loss"] == pytest.approx(losses[0], rel=1e-5)
    assert abs(losses[1] - losses[0]) > 0.01, "the base model's queries would have given the same"
    for wrong_store, wrong_adapter in ((store, adapter), (adapted_store, None)):
        with pytest.raises(InkError, match=r"was made with model \w+, but \w+ is in use"):
            train_combiner(
                tiny.domain, ModelDatastore(wrong_store, wrong_adapter), "ink_r_knn", settings, 1, tmp_path / "wrong"
            )
    assert not (tmp_path / "wrong").exists()


@pytest.mark.failure(
    "Datastores and combiners",
    "a combiner trained on a datastore of another kind of key",
    "`datastore ... was made with key kind decoder_output, but ffn_input is in use; ... [datastore/other-origin]`",
)
def test_a_datastore_keyed_otherwise_is_refused_and_nothing_is_written(train: Train, tmp_path: Path) -> None:
    with pytest.raises(InkError, match="made with key kind decoder_output, but ffn_input is in use"):
        train("a_knn", {"a_knn": {"key": "ffn_input"}})
    assert not (tmp_path / "trained").exists()


@pytest.mark.failure(
    "Training",
    "a combiner's loss or gradient that is not finite",
    "`training a combiner: loss or gradient is not finite at update 3; nothing has been written. Lower "
    "combiner_training.learning_rate, ... [training/not-finite]`",
)
@pytest.mark.parametrize("clip_norm", [0, 1.0])
def test_a_gradient_that_is_not_finite_stops_and_nothing_is_written(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip_norm: float
) -> None:
    def overflows_in_the_third_update(*arguments: Any) -> Any:
        loss = smoothed_loss(*arguments)
        if loss.requires_grad:
            updates.append(loss)
        return loss * math.inf if len(updates) == 3 and loss.requires_grad else loss

    updates: list[Any] = []
    monkeypatch.setattr("ink.combiners.fitting.learned.smoothed_loss", overflows_in_the_third_update)
    with pytest.raises(InkError, match=r"not finite at update 3; .* Lower combiner_training\.learning_rate"):
        train("a_knn", {"combiner_training": {"clip_norm": clip_norm}})
    assert not (tmp_path / "trained").exists()


def test_a_loss_of_dev_that_is_not_finite_stops_too(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ink.combiners.fitting.learned.smoothed_loss",
        lambda *arguments: loss if (loss := smoothed_loss(*arguments)).requires_grad else loss * math.nan,
    )
    with pytest.raises(InkError, match="the loss of dev is not finite after update 10"):
        train("a_knn")


def score(tiny: Any, folder: Path, system: str, parts: Parts) -> tuple[dict[str, Any], list[str]]:
    hypotheses, scores = folder / f"{system}.yy", folder / f"{system}.json"
    evaluate_system(Run(system, "koran", 1), tiny.domain, parts, None, tiny.settings, RunFiles(hypotheses, scores))
    return read_json(scores), read_lines(hypotheses)


def test_r_knn_reads_keys_and_its_twin_decodes_after_they_are_deleted(
    tiny: Any, train: Train, store: Path, tmp_path: Path
) -> None:
    folder, _ = train("r_knn", {"combiner_training": {"max_updates": 20}})
    copied = shutil.copytree(store, tmp_path / "copied")
    combiner = folder / "combiner.json"
    with_keys, hypotheses = score(tiny, tmp_path, "r_knn", Parts(datastore=copied, combiner=combiner))
    assert set(with_keys["added_memory"]) == {
        "index.faiss",
        "values.npy",
        "log_probs.npy",
        "keys.npy",
        "weights.safetensors",
    }
    (copied / "keys.npy").unlink()
    without = Parts(datastore=copied, combiner=combiner, without_keys=True)
    found, same = score(tiny, tmp_path, "r_knn_without_keys", without)
    assert set(found["added_memory"]) == set(with_keys["added_memory"]) - {"keys.npy"}
    # the index is exact here, so that distances are the same with and without keys
    assert same == hypotheses
    with pytest.raises(InkError, match=r"keys\.npy does not exist"):
        score(tiny, tmp_path, "r_knn", Parts(datastore=copied, combiner=combiner))


def test_a_knn_decodes_with_what_it_learnt_and_cannot_do_so_without_its_weights(
    tiny: Any, train: Train, store: Path, tmp_path: Path
) -> None:
    folder, _ = train("a_knn", {"a_knn": {"temperature": [1, 10]}})
    parts = Parts(datastore=store, combiner=folder / "combiner.json")
    scored, _ = score(tiny, tmp_path, "a_knn", parts)
    assert set(scored["added_memory"]) == {"index.faiss", "values.npy", "weights.safetensors"}
    assert scored["chosen"] == read_json(folder / "combiner.json")["chosen"]
    (folder / "weights.safetensors").unlink()
    with pytest.raises(InkError, match=r"weights\.safetensors does not exist; train the combiner first"):
        assemble(tiny.domain, parts, tiny.settings, tiny.settings.index)


def test_r_knn_on_top_of_an_adapter_counts_both_and_its_queries_are_the_adapted_model_s(
    tiny: Any, adapter: Path, adapted_store: Path, tmp_path: Path
) -> None:
    settings = tiny.settings.changed(combiner_training={"max_updates": 20, "best_from": 10})
    train_combiner(tiny.domain, ModelDatastore(adapted_store, adapter), "ink_r_knn", settings, 1, tmp_path / "trained")
    parts = Parts(adapter, adapted_store, tmp_path / "trained" / "combiner.json")
    scored, _ = score(tiny, tmp_path, "ink_r_knn", parts)
    of_store = ("index.faiss", "values.npy", "log_probs.npy", "keys.npy")
    assert scored["added_memory"] == {
        "adapter.safetensors": adapter.stat().st_size,
        **{name: (adapted_store / name).stat().st_size for name in of_store},
        "weights.safetensors": (tmp_path / "trained" / "weights.safetensors").stat().st_size,
    }
    assert scored["model"] == tiny.domain.load_model(settings, adapter=adapter).fingerprint

    system, base = assemble(tiny.domain, parts, settings, settings.index), tiny.domain.load_model(settings)
    assert system.mixture is not None
    searcher, batch = system.mixture.searcher, base.parallel_text(tiny.domain.data, "train").batch([7])
    with torch.no_grad():
        nearest = searcher.search(system.model.teacher_forced(batch, "decoder_output").keys[:, -1:], 1)
    # a training sentence's last position finds itself; the base model's key of it is far away
    assert float(nearest.distances.max()) < 1e-3
    with torch.no_grad():
        keys = base.teacher_forced(batch, "decoder_output").keys[:, -1:]
    assert float(searcher.search(keys, 1).distances.min()) > 0.1


def test_an_adapter_without_its_datastore_is_refused(tiny: Any, train: Train, store: Path, adapter: Path) -> None:
    folder, _ = train("r_knn", {"combiner_training": {"max_updates": 20}})
    with pytest.raises(InkError, match="was made with model"):
        assemble(tiny.domain, Parts(adapter, store, folder / "combiner.json"), tiny.settings, tiny.settings.index)


@pytest.mark.failure(
    "Datastores and combiners",
    "a combiner that looks at more of the model's probabilities than its vocabulary has",
    "`r_knn: top_probabilities is 5000, but the model's target dictionary has 104 tokens; set it to 104 or less "
    "[config/beyond-vocabulary]`, "
    "before it is trained, and when it is loaded",
)
def test_more_probabilities_than_the_vocabulary_has_are_refused_before_dev_is_passed_over(
    tiny: Any, train: Train, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = len(tiny.domain.load_model(tiny.settings).target_vocabulary)
    few = {"max_updates": 10, "best_from": 10}
    folder, _ = train("r_knn", {"r_knn": {"top_probabilities": types}, "combiner_training": few})
    described = read_json(folder / "combiner.json")
    described["settings"]["top_probabilities"] = types + 1
    other = RobustCombiner.from_settings(described["settings"])
    write_combiner(tmp_path / "other.json", "robust", described["settings"], chosen={}, tried=[], network=other.network)
    parts = Parts(datastore=store, combiner=tmp_path / "other.json")
    message = (
        rf"top_probabilities is {types + 1}, but the model's target dictionary has {types} tokens; set it to {types}"
    )
    with pytest.raises(InkError, match=rf"other\.json: {message}"):
        assemble(tiny.domain, parts, tiny.settings, tiny.settings.index)
    monkeypatch.setattr("ink.combiners.fitting.learned.DevQueries", lambda *_: pytest.fail("dev was passed over"))
    for system in ("r_knn", "ink_r_knn"):
        with pytest.raises(InkError, match=rf"^r_knn: {message}"):
            train(system, {"r_knn": {"top_probabilities": types + 1}}, name="refused")
    own = {"combiner": "robust", **tiny.settings.r_knn.plain(), "top_probabilities": [8, types + 1]}
    with pytest.raises(InkError, match=rf"^own_systems\.mine: {message}"):
        train("mine", {"own_systems": {"mine": own}}, name="refused")
    assert not (tmp_path / "refused").exists()
