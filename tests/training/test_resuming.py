"""A training that was interrupted anywhere ends as if it had not been."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.tasks.translation import TranslationTask

from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import store_neighbours
from ink.datastore.storage import open_datastore
from ink.nmt.adapter import read_adapter
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.training.adapter_training import train_adapter
from ink.training.base_model_training import train_base_model
from ink.training.ink_rounds import Rounds, adapter_of_round, train_rounds
from ink.training.knn_kd_training import TeacherFiles, train_knn_kd
from ink.training.unfinished import unfinished, unfinished_path


class Killed(BaseException):
    """Stands for a signal: no handler of errors takes it."""


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


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def curves(record: Path) -> list[dict[str, Any]]:
    """The history without times."""
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in read_json(record)["history"]]


@pytest.mark.failure(
    "Training",
    "a training killed within an epoch",
    "goes on from its last checkpoint; weights, optimiser and curves are those of an unbroken run, bit for bit",
)
@pytest.mark.parametrize("update_frequency", [1, 2])
@pytest.mark.parametrize("every", [0, 1, 3])
def test_the_adapter_is_the_same_to_the_bit_wherever_its_training_was_killed(
    tiny: Any, tmp_path: Path, kill_at: Any, every: int, update_frequency: int
) -> None:
    settings = tiny.settings.changed(training={"checkpoint_updates": every, "update_frequency": update_frequency})
    begun = kill_at(None)
    train_adapter(tiny.domain, settings, 1, tmp_path / "undisturbed")
    batches = len(begun)
    assert batches > 8, "two epochs with several updates each"
    expected, _ = read_adapter(tmp_path / "undisturbed" / "adapter.safetensors")

    output = tmp_path / "killed"
    tries, done = 0, False
    while not done:
        # a little further every time, so that all kinds of places are met
        begun = kill_at(4 + 2 * tries)
        tries += 1
        try:
            train_adapter(tiny.domain, settings, 1, output)
            done = True
        except Killed:
            assert not output.exists()
            assert tries < 40
    assert tries > 2
    if every == 1 and update_frequency == 1:
        assert begun[0] > 3, "the last try began where the one before it had ended"
    assert same(read_adapter(output / "adapter.safetensors")[0], expected)
    assert curves(output / "record.json") == curves(tmp_path / "undisturbed" / "record.json")
    assert sorted(path.name for path in output.iterdir()) == ["adapter.safetensors", "epochs", "record.json"]
    assert not unfinished_path(output).exists()


def test_an_ink_round_goes_on_inside_its_epoch(tiny: Any, tmp_path: Path, kill_at: Any) -> None:
    settings = tiny.settings.changed(training={"checkpoint_updates": 2})
    model = tiny.domain.load_model(settings)
    build_datastore(
        Extraction(
            model, model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint, "decoder_output", 200
        ),
        tmp_path / "store",
        settings.index,
    )
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    train_rounds(tiny.domain, settings, 1, Rounds([1], tmp_path / "store", None, undisturbed))
    kill_at(6)
    with pytest.raises(Killed):
        train_rounds(tiny.domain, settings, 1, Rounds([1], tmp_path / "store", None, killed))
    begun = kill_at(None)
    train_rounds(tiny.domain, settings, 1, Rounds([1], tmp_path / "store", None, killed))
    assert begun[0] == 4, "checkpoints stand after updates 2 and 4"
    one, other = (read_adapter(adapter_of_round(folder, 1))[0] for folder in (undisturbed, killed))
    assert same(one, other)
    assert curves(undisturbed / "record.json") == curves(killed / "record.json")
    states = [read_checkpoint(folder / "state.pt") for folder in (undisturbed, killed)]
    moments = [state["last_optimizer_state"]["state"] for state in states]
    assert moments[0].keys() == moments[1].keys()
    assert all(torch.equal(moments[0][n]["exp_avg_sq"], moments[1][n]["exp_avg_sq"]) for n in moments[0])


def test_the_base_model_goes_on_after_a_whole_epoch_and_inside_one(tiny: Any, tmp_path: Path, kill_at: Any) -> None:
    settings = tiny.settings.changed(
        base_model={"train": {"max_epochs": 3, "average_last": 2, "batch_tokens": 100}},
        training={"checkpoint_updates": 3},
    )

    def train(output: Path) -> None:
        train_base_model(tiny.domain, settings, 1, output)

    begun = kill_at(None)
    train(tmp_path / "undisturbed")
    an_epoch = len(begun) // 3
    for at in (an_epoch + 5, an_epoch):
        kill_at(at)
        with pytest.raises(Killed):
            train(tmp_path / "killed")
    kill_at(None)
    reported: list[int] = []
    train_base_model(
        tiny.domain,
        settings,
        1,
        tmp_path / "killed",
        lambda entry: reported.append(entry["round"]),
    )
    assert reported == [1, 2, 3], "who watches hears of the epochs before the interruption too"
    one, other = (read_checkpoint(tmp_path / name / "model.pt")["model"] for name in ("undisturbed", "killed"))
    assert same(one, other)
    assert curves(tmp_path / "undisturbed" / "record.json") == curves(tmp_path / "killed" / "record.json")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["model.pt", "record.json"]


def teacher(tiny: Any, folder: Path) -> tuple[Path, Path]:
    """The base model's datastore and the neighbours of its entries."""
    model, index = tiny.domain.load_model(tiny.settings), tiny.settings.index
    train_set = model.parallel_text(tiny.domain.data, "train")
    extraction = Extraction(model, train_set, tiny.domain.data.fingerprint, "decoder_output", 200)
    build_datastore(extraction, folder / "store", index)
    store_neighbours(open_datastore(folder / "store"), index, 6, folder / "neighbours")
    return folder / "store", folder / "neighbours"


def test_knn_kd_goes_on_after_a_whole_epoch_and_inside_one(tiny: Any, tmp_path: Path, kill_at: Any) -> None:
    settings = tiny.settings.changed(
        knn_kd={"max_epochs": 4, "batch_tokens": 100}, training={"checkpoint_updates": 3, "average_last": 1}
    )
    taught_by = teacher(tiny, tmp_path)

    def train(name: str, seed: int = 1) -> None:
        train_knn_kd(tiny.domain, settings, seed, TeacherFiles(*taught_by), tmp_path / name)

    begun = kill_at(None)
    train("undisturbed")
    an_epoch = len(begun) // 4
    for at in (an_epoch + 5, an_epoch, 4):
        kill_at(at)
        with pytest.raises(Killed):
            train("killed")
    begun = kill_at(None)
    train("killed")
    assert begun[0] > an_epoch
    one, other = (read_checkpoint(tmp_path / name / "model.pt")["model"] for name in ("undisturbed", "killed"))
    assert same(one, other)
    assert curves(tmp_path / "undisturbed" / "record.json") == curves(tmp_path / "killed" / "record.json")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["model.pt", "record.json"]
    train("another", seed=2)
    assert not same(one, read_checkpoint(tmp_path / "another" / "model.pt")["model"])


@pytest.mark.failure(
    "Training",
    "a checkpoint of an interrupted training with other settings, model or text",
    "`... is of another training (other settings, model or text): training starts again` in the log",
)
def test_what_another_training_has_left_is_not_gone_on_from(
    tiny: Any, tmp_path: Path, kill_at: Any, capsys: Any
) -> None:
    settings = tiny.settings.changed(training={"checkpoint_updates": 1})
    kill_at(5)
    with pytest.raises(Killed):
        train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    # changes no result, and so not whose training it is
    settings = settings.changed(training={"checkpoint_updates": 2})
    begun = kill_at(3)
    with pytest.raises(Killed):
        train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    assert begun[0] > 0
    settings = settings.changed(training={"learning_rate": 1e-3})
    begun = kill_at(None)
    train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    assert begun[0] == 0
    assert "is of another training" in capsys.readouterr().out


@pytest.mark.failure(
    "Training",
    "a checkpoint of an interrupted training cut short",
    "`training state .../checkpoint.pt cannot be read (...); delete it and train again [training/state-unusable]`",
)
def test_a_checkpoint_that_is_cut_short_is_named(tiny: Any, tmp_path: Path, kill_at: Any) -> None:
    settings = tiny.settings.changed(training={"checkpoint_updates": 1})
    kill_at(4)
    with pytest.raises(Killed):
        train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    checkpoint = unfinished_path(tmp_path / "adapter") / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InkError, match=rf"training state {re.escape(str(checkpoint))} cannot be read .*delete it"):
        train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")


@pytest.mark.failure(
    "Training",
    "a loss or gradient that is not finite",
    "`adapter, epoch 3: loss or gradient is not finite at update 512, in the batch of the 31 training sentences "
    "17, 80, ...; the last good state is kept in .../checkpoint.pt. Lower training.learning_rate, ... "
    "[training/not-finite]`",
)
@pytest.mark.parametrize("where", ["gradient", "loss"])
def test_a_loss_that_is_not_finite_stops_names_the_batch_and_keeps_the_last_checkpoint(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    settings = tiny.settings.changed(training={"checkpoint_updates": 1})
    original = TranslationTask.train_step
    poisoned: list[int] = []

    def train_step(
        self: Any, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, **more: Any
    ) -> Any:
        loss, size, logged = original(self, sample, model, criterion, optimizer, update_num, **more)
        if update_num == 3:
            poisoned[:] = sorted(sample["id"].tolist())
            logged["loss"] = logged["loss"] * float("nan")
            if where == "gradient":
                for parameter in model.parameters():
                    if parameter.grad is not None:
                        parameter.grad.fill_(float("inf"))
        return loss, size, logged

    monkeypatch.setattr(TranslationTask, "train_step", train_step)
    with pytest.raises(InkError) as failed:
        train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    message = str(failed.value)
    named = ", ".join(map(str, poisoned[:8]))
    assert "loss or gradient is not finite" in message
    assert f"the batch of the {len(poisoned)} training sentences {named}" in message
    assert "\n" not in message
    folder = unfinished_path(tmp_path / "adapter")
    assert f"the last good state is kept in {folder / 'checkpoint.pt'}" in message
    assert message.endswith("Lower training.learning_rate, set training.clip_norm, or look at these sentences")
    kept = read_checkpoint(folder / "checkpoint.pt")
    assert kept["optimizer_history"][-1]["num_updates"] == 3
    assert all(tensor.isfinite().all() for tensor in kept["model"].values())
    assert not (folder / "crash.pt").exists()
    assert not (tmp_path / "adapter").exists()


@pytest.mark.failure(
    "Training",
    "a loss or gradient of the base model or of kNN-KD that is not finite",
    "`... is not finite at update 512, ... Lower base_model.train.learning_rate, or look at these sentences "
    "[training/not-finite]`; "
    "`... Lower knn_kd.learning_rate, ...`",
)
def test_a_model_of_its_own_whose_loss_is_not_finite_names_its_own_learning_rate(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny.settings
    taught_by = teacher(tiny, tmp_path)
    original = TranslationTask.train_step

    def train_step(self: Any, *arguments: Any, **more: Any) -> Any:
        loss, size, logged = original(self, *arguments, **more)
        return loss, size, {**logged, "loss": float("inf")}

    monkeypatch.setattr(TranslationTask, "train_step", train_step)
    with pytest.raises(InkError, match=r"\. Lower knn_kd\.learning_rate, or look at these sentences$"):
        train_knn_kd(tiny.domain, settings, 1, TeacherFiles(*taught_by), tmp_path / "own")
    with pytest.raises(InkError, match=r"\. Lower base_model\.train\.learning_rate, or look at these sentences$"):
        train_base_model(tiny.domain, settings, 1, tmp_path / "base")
    assert not (tmp_path / "own").exists()
    assert not (tmp_path / "base").exists()


def test_a_folder_becomes_the_output_only_when_the_block_has_succeeded(tmp_path: Path) -> None:
    output = tmp_path / "made" / "with" / "it" / "out"
    with pytest.raises(RuntimeError), unfinished(output, {"seed": 1}) as folder:
        (folder / "part").write_text("1")
        raise RuntimeError
    assert not output.exists()
    with unfinished(output, {"seed": 1}) as folder:
        assert (folder / "part").read_text() == "1"
    assert [path.name for path in output.parent.iterdir()] == ["out"]
    assert [path.name for path in output.iterdir()] == ["part"]
