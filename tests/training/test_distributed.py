"""Two processes train as one with twice the update frequency does; fail as one; and go on as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.tasks.fairseq_task import FairseqTask

from ink.config.sections.base_system import BaseModelTraining, Index
from ink.config.slices.training_slices import LearnedModel
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import store_neighbours
from ink.datastore.storage import open_datastore
from ink.nmt.adapter import read_adapter
from ink.nmt.fairseq import data_parallel
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.training.adapter_training import train_adapter
from ink.training.base_model_training import train_base_model
from ink.training.ink_rounds import Rounds, adapter_of_round, train_rounds
from ink.training.knn_kd_training import TeacherFiles, train_knn_kd
from ink.training.launcher import train_together
from ink.training.unfinished import unfinished_path

UPDATES = 50
CLOSE = 1e-5  # of weights that updates of some 5e-3 have moved, from gradients that differ in their last bits


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import process_work

    return process_work


@pytest.fixture
def losses(work: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Record the loss of every update of this process's trainings in a file."""

    def arrange(path: Path) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(FairseqTask, "reduce_metrics", FairseqTask.reduce_metrics)
        work.record_losses(path)

    return arrange


class InLargerUpdates(BaseModelTraining):
    """Base models are trained with one batch of each process an update; here it is more."""

    update_frequency: int


def settings_of(tiny: Any, update_frequency: int = 1) -> Any:
    """19 batches: one of two processes runs out of them first, and does so inside an update of two batches each."""
    training = {"batch_tokens": 80, "dropout": 0.0, "update_frequency": update_frequency, "warmup_updates": 10}
    return tiny.settings.changed(training=training, index=Index(type="exact"))


def read_losses(path: Path) -> list[tuple[float, float]]:
    return [(float(loss), float(tokens)) for loss, tokens in map(str.split, path.read_text().splitlines())]


def assert_alike(one: Path, two: Path, at_least: int = UPDATES) -> None:
    """Losses of all updates within 1e-4, over exactly as many target tokens."""
    mine, theirs = read_losses(one), read_losses(two)
    assert len(mine) == len(theirs) >= at_least
    assert [tokens for _, tokens in mine] == [tokens for _, tokens in theirs]
    worst = max(abs(a - b) for (a, _), (b, _) in zip(mine, theirs, strict=True))
    print(f"largest difference of a loss in {len(mine)} updates: {worst:.2e}")
    assert worst < 1e-4
    assert abs(mine[0][0] - mine[-1][0]) > 0.05, "nothing was learned: the comparison says little"


def assert_near(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one.keys() == two.keys()
    worst = max(float((one[name].double() - two[name].double()).abs().max()) for name in one)
    print(f"largest difference of a weight: {worst:.2e}")
    assert worst < CLOSE


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def curves(record: Path) -> list[dict[str, Any]]:
    """The history without times."""
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in read_json(record)["history"]]


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def datastore(tiny: Any, settings: Any, output: Path) -> Path:
    model = tiny.domain.load_model(settings)
    build_datastore(
        Extraction(
            model, model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint, "decoder_output", 200
        ),
        output,
        settings.index,
    )
    return output


@pytest.mark.slow
@pytest.mark.parametrize("update_frequency", [1, 2])
def test_the_adapter_of_two_is_that_of_one_with_twice_the_update_frequency(
    tiny: Any, tmp_path: Path, work: Any, losses: Any, update_frequency: int
) -> None:
    settings = settings_of(tiny, update_frequency).changed(
        adapter={"max_epochs": 5 * update_frequency}, training={"processes": 2}
    )
    begin = partial(work.record_losses, tmp_path / "two.txt")
    reported: list[Any] = []
    train_together(partial(train_adapter, tiny.domain, settings, 1, tmp_path / "two"), 2, "cpu", reported.append, begin)

    settings = settings.changed(training={"processes": 1, "update_frequency": 2 * update_frequency})
    losses(tmp_path / "one.txt")
    train_adapter(tiny.domain, settings, 1, tmp_path / "one")

    assert_alike(tmp_path / "one.txt", tmp_path / "two.txt")
    assert_near(*(read_adapter(tmp_path / name / "adapter.safetensors")[0] for name in ("one", "two")))
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    one, two = (read_json(tmp_path / name / "record.json")["history"] for name in ("one", "two"))
    assert reported == two
    for mine, theirs in zip(one, two, strict=True):
        assert mine["updates"] == theirs["updates"]
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=2e-3)  # rounded by its logger
    assert not list(tmp_path.glob(".*")), "nothing is left over"


@pytest.mark.slow
def test_one_of_two_that_has_less_memory_divides_its_batches_and_the_other_waits(
    tiny: Any, tmp_path: Path, work: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tiny).changed(adapter={"max_epochs": 2}, training={"processes": 2})
    for name, begin in (
        ("enough", partial(work.record_losses, tmp_path / "enough.txt")),
        ("little", partial(work.run_out_of_memory, 1, 40, tmp_path / "little.txt")),
    ):
        train_together(partial(train_adapter, tiny.domain, settings, 1, tmp_path / name), 2, "cpu", print, begin)
    assert "out of memory with" in capfd.readouterr().err
    assert_alike(tmp_path / "enough.txt", tmp_path / "little.txt", at_least=20)
    assert_near(*(read_adapter(tmp_path / name / "adapter.safetensors")[0] for name in ("enough", "little")))


@pytest.mark.slow
@pytest.mark.parametrize("neighbours", ["per_round", "per_batch"])
def test_ink_s_rounds_of_two_are_those_of_one_with_twice_the_update_frequency(
    tiny: Any, tmp_path: Path, work: Any, losses: Any, neighbours: str
) -> None:
    """The datastore of every round but the first is the first process's refresh, which the other one opens."""
    settings = settings_of(tiny).changed(
        training={"batch_tokens": 50}, ink={"alpha": 0.2, "beta": 0.2, "neighbours": neighbours}
    )
    first = datastore(tiny, settings, tmp_path / "store")
    rounds = 3 if neighbours == "per_round" else 2

    def train(processes: int, name: str) -> None:
        own = settings.changed(training={"processes": processes, "update_frequency": 3 - processes})
        previous = None
        # of two processes the later rounds in one job, of one process one a job
        jobs = [[1], [*range(2, rounds + 1)]] if processes == 2 else [[number] for number in range(1, rounds + 1)]
        for numbers in jobs:
            output = tmp_path / name / str(numbers[0])
            done = partial(train_rounds, tiny.domain, own, 1, Rounds(numbers, first, previous, output))
            train_together(done, processes, "cpu", begin=partial(work.record_losses, tmp_path / "two.txt"))
            previous = output

    train(2, "two")
    losses(tmp_path / "one.txt")
    train(1, "one")
    assert_alike(tmp_path / "one.txt", tmp_path / "two.txt", at_least=17 * rounds)
    for number in range(1, rounds + 1):
        folders = (tmp_path / "one" / str(number), tmp_path / "two" / str(min(number, 2)))
        assert_near(*(read_adapter(adapter_of_round(folder, number))[0] for folder in folders))
    assert files_in(tmp_path / "one" / "1") == files_in(tmp_path / "two" / "1")
    kept = [f"adapters/{number}.safetensors" for number in range(2, rounds + 1)]
    assert files_in(tmp_path / "two" / "2") == ["adapters", *kept, "record.json", "state.pt"]
    one_history, two_history = (read_json(tmp_path / folder / "record.json") for folder in (f"one/{rounds}", "two/2"))
    for mine, theirs in zip(one_history["history"], two_history["history"], strict=True):
        assert set(mine["seconds"]) == set(theirs["seconds"])
        for name in ("updates", "dev_bleu", "share_with_target"):
            assert mine[name] == pytest.approx(theirs[name], abs=2e-3)
        assert mine["share_with_target"] > 0
        for name in ("loss_a", "loss_i", "loss_r"):
            assert mine[name] == pytest.approx(theirs[name], abs=2e-3)
            assert mine[name] > 0


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kNN-KD", "base model"])
def test_whole_models_of_two_are_those_of_one_with_twice_the_update_frequency(
    tiny: Any, tmp_path: Path, work: Any, losses: Any, what: str
) -> None:
    settings = settings_of(tiny)
    if what == "kNN-KD":
        store = datastore(tiny, settings, tmp_path / "store")
        store_neighbours(open_datastore(store), settings.index, 6, tmp_path / "neighbours")

    def training(name: str, processes: int, update_frequency: int) -> Callable[..., None]:
        """One that sees as much in an update, into a folder of this name."""
        how = {"batch_tokens": 60, "max_epochs": 4, "dropout": 0.0, "processes": processes}
        if what == "kNN-KD":
            how |= {"attention_dropout": 0.0, "activation_dropout": 0.0, "update_frequency": update_frequency}
            teacher = TeacherFiles(tmp_path / "store", tmp_path / "neighbours")
            return partial(train_knn_kd, tiny.domain, settings.changed(knn_kd=how), 1, teacher, tmp_path / name)
        own = settings.changed(base_model={"train": how})
        if update_frequency > 1:
            train = InLargerUpdates(**own.base_model.train.plain(), update_frequency=update_frequency)
            own = own.model_copy(update={"base_model": LearnedModel(train=train)})
        return partial(train_base_model, tiny.domain, own, 1, tmp_path / name)

    begin = partial(work.record_losses, tmp_path / "two.txt")
    train_together(training("two", 2, 1), 2, "cpu", begin=begin)
    losses(tmp_path / "one.txt")
    training("one", 1, 2)()
    assert_alike(tmp_path / "one.txt", tmp_path / "two.txt")
    assert_near(*(read_checkpoint(tmp_path / name / "model.pt")["model"] for name in ("one", "two")))
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")


@pytest.mark.failure(
    "Training",
    "one of several processes that train together is killed, by the system when memory is short",
    "`process 2 of 4 that train together was ended by signal 9 (SIGKILL); was memory short? "
    "[training/process-ended]`; the last "
    "checkpoint is gone on from",
)
@pytest.mark.slow
def test_what_two_have_broken_off_two_go_on_with(tiny: Any, tmp_path: Path, work: Any) -> None:
    """Inside an epoch and between two; killed, and with an error."""
    settings = settings_of(tiny).changed(training={"processes": 2, "dropout": 0.1, "checkpoint_updates": 3})

    def train(name: str, begin: Any = None) -> None:
        train_together(partial(train_adapter, tiny.domain, settings, 1, tmp_path / name), 2, "cpu", begin=begin)

    train("undisturbed")
    with pytest.raises(InkError, match=r"process 2 of 2 that train together was ended by signal 9 \(SIGKILL\)"):
        train("broken off", partial(work.break_off, 1, 5, "SIGKILL"))
    checkpoint = unfinished_path(tmp_path / "broken off") / "checkpoint.pt"
    assert read_checkpoint(checkpoint)["optimizer_history"][-1]["num_updates"] == 3
    assert not (tmp_path / "broken off").exists()
    with pytest.raises(InkError, match=r"^told to break off$"):
        train("broken off", partial(work.break_off, 0, 9, "InkError"))
    assert read_checkpoint(checkpoint)["optimizer_history"][-1]["num_updates"] == 10, "a whole epoch"
    with pytest.raises(
        InkError, match=r"loss or gradient is not finite at update 12, in the batch of the \d+ training "
    ):
        train("broken off", partial(work.break_off, 1, 2, "nan"))
    assert not (checkpoint.parent / "crash.pt").exists()
    train("broken off")
    one, two = (read_adapter(tmp_path / name / "adapter.safetensors")[0] for name in ("undisturbed", "broken off"))
    assert same(one, two)
    assert curves(tmp_path / "undisturbed" / "record.json") == curves(tmp_path / "broken off" / "record.json")
    assert files_in(tmp_path / "undisturbed") == files_in(tmp_path / "broken off")


@pytest.mark.failure(
    "Training",
    "an epoch begun by another number of processes",
    "the job starts anew, as with any other setting; a state put there by hand is refused: `... written "
    "within an epoch that 2 processes trained, but now processes is 1; ... [training/state-unusable]`",
)
def test_a_state_inside_an_epoch_is_of_as_many_processes(tmp_path: Path) -> None:
    inside = {"processes": 2, "train_iterator": {"iterations_in_epoch": 3}}
    message = r"state.pt was written within an epoch that 2 processes trained, but now processes is 1; set it to 2"
    with pytest.raises(InkError, match=message):
        data_parallel.check_resumable(tmp_path / "state.pt", inside)
    between = {"processes": 2, "train_iterator": {"iterations_in_epoch": 0}}
    data_parallel.check_resumable(tmp_path / "state.pt", between)
    data_parallel.check_resumable(tmp_path / "state.pt", {**inside, "processes": 1})


def test_a_training_that_wants_others_does_not_go_alone(tiny: Any, tmp_path: Path) -> None:
    settings = settings_of(tiny).changed(training={"processes": 2})
    with pytest.raises(ValueError, match="2 processes are to train together, and there are 1"):
        train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")


def test_fillers_count_only_where_there_is_nothing_else() -> None:
    batch, other = {"id": torch.tensor([1])}, {"id": torch.tensor([2])}
    assert data_parallel.without_fillers([batch, other]) == [batch, other]
    assert data_parallel.without_fillers([batch, {}]) == [batch]
    assert data_parallel.without_fillers([{}, {}]) == [{}]
