"""The Adapter baseline: what trains, what is written, and that the seed decides it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ink.metrics.dev_bleu import DevBleu
from ink.nmt.adapter import read_adapter
from ink.runtime.whole_files import read_json
from ink.training.adapter_training import AdapterTraining, train_adapter
from ink.training.early_stopping import Stopping
from ink.training.fit import Training, fit


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def dev_scores(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the dev set is going to say, one score a call."""
    scores: list[float] = []
    monkeypatch.setattr(DevBleu, "__call__", lambda self, model: scores.pop(0))
    return scores


def test_adapters_train_and_the_base_stays_bit_for_bit(tiny: Any, tmp_path: Path) -> None:
    training = AdapterTraining(tiny.domain, tiny.settings, 1)
    network = training.model.network
    base = {name: tensor.clone() for name, tensor in network.named_parameters() if "adapters" not in name}
    assert base
    adapters = {name: tensor.clone() for name, tensor in training.model.adapter_weights().items()}
    reported: list[Any] = []
    kept: list[int] = []
    (entry,) = fit(Training(training.run, "epoch", Stopping(1), kept.append, training.dev_bleu), reported.append)
    assert reported == training.run.history == [entry]
    assert kept == [1]
    after = {name: tensor for name, tensor in network.named_parameters() if "adapters" not in name}
    assert same(base, {name: tensor.detach() for name, tensor in after.items()})
    untouched = tiny.domain.load_model(tiny.settings)
    assert untouched.fingerprint == training.model.base_fingerprint
    assert same(base, {name: tensor.detach() for name, tensor in untouched.network.named_parameters()})
    moved = training.model.adapter_weights()
    assert all(not torch.equal(moved[name], adapters[name]) for name in adapters)
    assert network.training, "dropout must be on again after the dev set"
    assert entry["round"] == 1
    assert entry["updates"] == training.run.updates > 1
    assert set(entry["seconds"]) == {"training", "dev"}


def test_a_fresh_adapter_depends_on_the_seed_alone(tiny: Any, tmp_path: Path) -> None:
    started = []
    for drawn_before, seed in ((0, 1), (5, 1), (0, 2)):
        torch.rand(drawn_before)
        training = AdapterTraining(tiny.domain, tiny.settings, seed)
        started.append({name: tensor.clone() for name, tensor in training.model.adapter_weights().items()})
    assert same(started[0], started[1])
    assert not same(started[0], started[2])


def test_what_is_written(tiny: Any, tmp_path: Path, dev_scores: list[float]) -> None:
    dev_scores += [1.0, 3.0, 2.0, 1.5, 9.9]  # four epochs, then the average
    settings = tiny.settings.changed(adapter={"max_epochs": 4}, training={"average_last": 2})
    output = tmp_path / "adapter"
    train_adapter(tiny.domain, settings, 1, output)
    record = read_json(output / "record.json")
    assert record["averaged_rounds"] == [2, 3, 4]
    assert (record["best_round"], record["best_dev_bleu"], record["dev_bleu"]) == (2, 3.0, 9.9)
    assert [entry["round"] for entry in record["history"]] == [1, 2, 3, 4]
    assert [entry["dev_bleu"] for entry in record["history"]] == [1.0, 3.0, 2.0, 1.5]
    in_an_epoch = record["history"][0]["updates"]
    assert [entry["updates"] for entry in record["history"]] == [in_an_epoch * number for number in (1, 2, 3, 4)]
    assert all({"loss", "nll_loss"} <= set(entry) for entry in record["history"])
    assert record["history"][-1]["nll_loss"] < record["history"][0]["nll_loss"]
    epochs = [read_adapter(output / "epochs" / f"{number}.safetensors")[0] for number in (2, 3, 4)]
    weights, metadata = read_adapter(output / "adapter.safetensors")
    for name, tensor in weights.items():
        mean = (epochs[0][name].double() + epochs[1][name].double() + epochs[2][name].double()) / 3
        torch.testing.assert_close(tensor, mean.float(), rtol=0, atol=1e-9)
    assert metadata["averaged"] == [2, 3, 4]
    assert [metadata[name] for name in ("system", "domain", "seed")] == ["adapter", "koran", 1]
    of_an_epoch = read_adapter(output / "epochs" / "2.safetensors")[1]
    assert of_an_epoch == {name: value for name, value in metadata.items() if name != "averaged"}
    assert sorted(path.name for path in output.iterdir()) == ["adapter.safetensors", "epochs", "record.json"]
    adapted = tiny.domain.load_model(settings, adapter=output / "adapter.safetensors")
    assert same({name: tensor.float() for name, tensor in adapted.adapter_weights().items()}, weights)


def test_without_patience_all_epochs_are_trained(tiny: Any, tmp_path: Path, dev_scores: list[float]) -> None:
    epochs = 13  # three more than the default lets pass after the first
    dev_scores += [float(20 - number) for number in range(epochs + 1)]
    settings = tiny.settings.changed(adapter={"max_epochs": epochs}, training={"patience": None, "average_last": 1})
    train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    record = read_json(tmp_path / "adapter" / "record.json")
    assert (len(record["history"]), record["best_round"]) == (epochs, 1)


def test_it_stops_when_patience_has_run_out(tiny: Any, tmp_path: Path, dev_scores: list[float]) -> None:
    dev_scores += [2.0, 1.0, 2.0, 0.0]
    settings = tiny.settings.changed(adapter={"max_epochs": 9}, training={"patience": 2})
    train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    record = read_json(tmp_path / "adapter" / "record.json")
    assert [entry["round"] for entry in record["history"]] == [1, 2, 3]
    assert record["best_round"] == 1
    assert record["averaged_rounds"] == [1, 2, 3]
    assert not (tmp_path / "adapter" / "epochs" / "4.safetensors").exists()


def test_the_same_seed_gives_the_same_adapter_and_another_another(tiny: Any, tmp_path: Path) -> None:
    weights = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        train_adapter(tiny.domain, tiny.settings, seed, tmp_path / name)
        weights.append(read_adapter(tmp_path / name / "adapter.safetensors")[0])
    assert same(weights[0], weights[1])
    one, again = ((tmp_path / name / "adapter.safetensors").read_bytes() for name in ("one", "again"))
    assert one == again
    assert not same(weights[0], weights[2])


def test_a_failure_leaves_nothing_but_what_the_next_try_goes_on_from(
    tiny: Any, tmp_path: Path, dev_scores: list[float]
) -> None:
    dev_scores += [1.0]  # the second epoch has no score to give
    with pytest.raises(IndexError):
        train_adapter(tiny.domain, tiny.settings, 1, tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == [".adapter.unfinished"]
