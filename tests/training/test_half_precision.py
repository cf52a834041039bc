"""Training in half precision: fp32 copies are updated and written, losses and combiners are fp32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.optim import FP16Optimizer
from fairseq.tasks.translation import TranslationTask
from safetensors.torch import load_file

from ink.combiners.fitting import learned as combiner_training
from ink.combiners.fitting.learned import train_combiner
from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import store_neighbours
from ink.datastore.search import Searcher
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.nmt.adapter import read_adapter
from ink.nmt.device import torch_dtype
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.training import ink_objective, knn_kd_objective, losses, objective
from ink.training.adapter_training import AdapterTraining, train_adapter
from ink.training.base_model_training import train_base_model
from ink.training.checkpoints import read_weights
from ink.training.ink_rounds import Rounds, adapter_of_round, train_rounds
from ink.training.knn_kd_training import TeacherFiles, train_knn_kd

EXACT = Index(type="exact")
HALF = ["bf16", "fp16"]  # fp16 has no place on a CPU, but runs there, and loses nothing in numbers this small


class Killed(BaseException):
    """Stands for a signal: no handler of errors takes it."""


def settings_of(tiny: Any, precision: str) -> Any:
    return tiny.settings.changed(precision=precision, index=EXACT)


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], list[int]]:
    """`kill_at(n)` ends the process's training in its n-th batch; returns the update numbers of the batches begun."""
    original = TranslationTask.train_step

    def arrange(number: int | None) -> list[int]:
        begun: list[int] = []

        def train_step(
            self: Any, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, **more: Any
        ):
            begun.append(update_num)
            if len(begun) == number:
                raise Killed
            return original(self, sample, model, criterion, optimizer, update_num, **more)

        monkeypatch.setattr(TranslationTask, "train_step", train_step)
        return begun

    return arrange


@pytest.fixture(scope="module")
def store(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base model's datastore, built in bf16."""
    folder = tmp_path_factory.mktemp("half") / "store"
    settings = settings_of(tiny, "bf16")
    model = tiny.domain.load_model(settings)
    dataset, corpus = model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint
    build_datastore(Extraction(model, dataset, corpus, "decoder_output", 200), folder, EXACT)
    return folder


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def rounded(weights: dict[str, torch.Tensor], precision: str) -> bool:
    """Whether every weight is a number of half precision."""
    return all(torch.equal(tensor, tensor.to(torch_dtype(precision)).float()) for tensor in weights.values())


@pytest.mark.parametrize("precision", HALF)
def test_adapters_are_written_in_fp32_of_which_the_model_s_are_roundings(tiny: Any, precision: str) -> None:
    settings = settings_of(tiny, precision)
    training = AdapterTraining(tiny.domain, settings, 1)
    assert isinstance(training.run.trainer.optimizer, FP16Optimizer)
    training.run.epoch("epoch 1")
    network = training.model.network
    assert {parameter.dtype for parameter in network.parameters()} == {torch_dtype(precision)}
    weights = training.model.adapter_weights()
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert not rounded(weights, precision)
    assert same({name: tensor.to(torch_dtype(precision)) for name, tensor in weights.items()}, network.state_dict())


@pytest.mark.parametrize("precision", HALF)
def test_training_goes_the_way_that_fp32_goes(tiny: Any, tmp_path: Path, precision: str) -> None:
    losses = {}
    for one in ("fp32", precision):
        train_adapter(tiny.domain, settings_of(tiny, one), 1, tmp_path / one)
        losses[one] = [entry["loss"] for entry in read_json(tmp_path / one / "record.json")["history"]]
    assert losses["fp32"][1] < losses["fp32"][0] - 0.05
    assert losses[precision] == pytest.approx(losses["fp32"], abs=0.02)
    weights = [read_adapter(tmp_path / one / "adapter.safetensors")[0] for one in ("fp32", precision)]
    assert not same(*weights)


@pytest.mark.parametrize("precision", HALF)
def test_the_adapter_is_the_same_to_the_bit_wherever_its_training_was_killed(
    tiny: Any, tmp_path: Path, kill_at: Any, precision: str
) -> None:
    settings = settings_of(tiny, precision).changed(training={"checkpoint_updates": 2})
    begun = kill_at(None)
    train_adapter(tiny.domain, settings, 1, tmp_path / "undisturbed")
    assert len(begun) > 10
    for place in (4, 9):
        kill_at(place)
        with pytest.raises(Killed):
            train_adapter(tiny.domain, settings, 1, tmp_path / "killed")
    train_adapter(tiny.domain, settings, 1, tmp_path / "killed")
    for file in ("adapter.safetensors", "epochs/2.safetensors"):
        assert same(read_adapter(tmp_path / "undisturbed" / file)[0], read_adapter(tmp_path / "killed" / file)[0])


def test_a_checkpoint_without_the_fp32_copies_is_refused_and_not_gone_on_from(tiny: Any, tmp_path: Path) -> None:
    settings = settings_of(tiny, "bf16")
    training = AdapterTraining(tiny.domain, settings, 1)
    training.run.epoch("epoch 1")
    training.run.save(tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt")
    del state["extra_state"]["half_precision"]
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(InkError, match="cannot be read"):
        training.run.restore(tmp_path / "state.pt")


@pytest.mark.failure(
    "Training",
    "a training's state of another precision",
    "`training state ... cannot be read (Optimizer does not match; please reset the optimizer); ... "
    "[training/state-unusable]`; a changed "
    "`precision` trains anew by itself",
)
def test_a_state_of_another_precision_is_refused(tiny: Any, tmp_path: Path) -> None:
    one, other = (AdapterTraining(tiny.domain, settings_of(tiny, name), 1) for name in ("fp32", "bf16"))
    one.run.epoch("epoch 1")
    one.run.save(tmp_path / "state.pt")
    with pytest.raises(InkError, match=r"cannot be read \(Optimizer does not match"):
        other.run.restore(tmp_path / "state.pt")


def test_the_loss_scale_goes_on_as_it_was(tiny: Any, tmp_path: Path) -> None:
    settings = settings_of(tiny, "fp16")
    one, other = (AdapterTraining(tiny.domain, settings, 1).run for _ in range(2))
    one.epoch("epoch 1")
    scaler = one.trainer.optimizer.scaler
    scaler.loss_scale, scaler._last_overflow_iter = 32.0, 3
    one.save(tmp_path / "state.pt")
    other.restore(tmp_path / "state.pt")
    assert vars(other.trainer.optimizer.scaler) == vars(scaler)
    assert vars(scaler)["_iter"] == one.updates


def test_losses_cosines_and_shares_are_fp32_on_a_bf16_model(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[torch.dtype]] = {}

    def watched(name: str, function: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            found = function(*arguments, **more)
            results = found if isinstance(found, tuple) else (found,)
            for tensor in [*arguments, *results]:
                if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                    seen.setdefault(name, set()).add(tensor.dtype)
            return found

        return call

    names = {"smoothed_cross_entropy": objective, "cosines": ink_objective, "l_i": losses, "l_r": losses}
    for name, module in names.items():
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    settings = settings_of(tiny, "bf16")
    train_rounds(tiny.domain, settings, 1, Rounds([1], store, None, tmp_path / "first"))
    train_rounds(tiny.domain, settings, 1, Rounds([2], store, tmp_path / "first", tmp_path / "second"))
    assert seen == {name: {torch.float32} for name in names}
    weights = read_adapter(adapter_of_round(tmp_path / "second", 2))[0]
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert not rounded(weights, "bf16")


def test_knn_kd_learns_in_bf16_from_fp32_distances_and_is_written_in_fp32(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tiny, "bf16").changed(knn_kd={"max_epochs": 2})
    store_neighbours(open_datastore(store), EXACT, 6, tmp_path / "neighbours")
    original, seen = knn_kd_objective.divergence, set()

    def divergence(scores: torch.Tensor, values: torch.Tensor, present: torch.Tensor, log_model: torch.Tensor) -> Any:
        seen.update({scores.dtype, log_model.dtype})
        return original(scores, values, present, log_model)

    monkeypatch.setattr(knn_kd_objective, "divergence", divergence)
    train_knn_kd(tiny.domain, settings, 1, TeacherFiles(store, tmp_path / "neighbours"), tmp_path / "kd")
    assert seen == {torch.float32}
    weights = read_checkpoint(tmp_path / "kd" / "model.pt")["model"]
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert not rounded(weights, "bf16")


def test_a_base_model_trained_in_bf16_is_the_average_of_fp32_weights(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tiny, "bf16")
    kept = []
    original = read_weights

    def watched(path: Path) -> dict[str, torch.Tensor]:
        kept.append(original(path))
        return kept[-1]

    monkeypatch.setattr("ink.training.checkpoints.read_weights", watched)
    train_base_model(tiny.domain, settings, 1, tmp_path / "base")
    found = read_checkpoint(tmp_path / "base" / "model.pt")["model"]
    name = "decoder.layers.1.fc1.weight"
    assert not rounded({name: kept[0][name]}, "bf16")
    torch.testing.assert_close(found[name], (kept[0][name] + kept[1][name]) / 2, atol=1e-7, rtol=1e-6)
    assert read_json(tmp_path / "base" / "record.json")["dev_bleu"] >= 0


@pytest.mark.parametrize("base_dropout", ["none", "released"])
@pytest.mark.parametrize("system", ["a_knn", "r_knn"])
def test_combiners_train_in_fp32_on_a_bf16_base(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, base_dropout: str
) -> None:
    settings = settings_of(tiny, "bf16").changed(
        combiner_training={"base_dropout": base_dropout, "max_updates": 20, "best_from": 10}
    )
    original, seen = combiner_training.smoothed_loss, set()

    def smoothed_loss(weights: Any, positions: Any, label_smoothing: float) -> Any:
        loss = original(weights, positions, label_smoothing)
        tensors = [
            weights.model,
            weights.neighbours,
            positions.target_log_probs,
            positions.scores.value_log_probs,
            loss,
        ]
        seen.update(tensor.dtype for tensor in [*tensors, positions.neighbours.distances])
        return loss

    monkeypatch.setattr(combiner_training, "smoothed_loss", smoothed_loss)
    train_combiner(tiny.domain, ModelDatastore(store), system, settings, 1, tmp_path / system)
    assert seen == {torch.float32}
    weights = load_file(tmp_path / system / "weights.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert not rounded(weights, "bf16")
    assert len(read_json(tmp_path / system / "record.json")["history"]) == 3


def test_a_model_of_either_precision_searches_the_same_datastore(tiny: Any, store: Path) -> None:
    for precision in ("fp32", "bf16"):
        model = tiny.domain.load_model(settings_of(tiny, precision))
        opened = open_datastore(store, model=model.fingerprint, corpus=tiny.domain.data.fingerprint)
        assert Searcher(opened, EXACT).reachable == opened.meta.entries
