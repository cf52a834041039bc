"""Several rounds of INK in one process, which are those of one process each to the bit, wherever it was killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.tasks.translation import TranslationTask

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.adapter import read_adapter
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.training import ink_rounds
from ink.training.early_stopping import has_stopped, write_stopped_rounds
from ink.training.ink_rounds import Rounds, adapter_of_round, finish_rounds, train_rounds
from ink.training.unfinished import unfinished_path

ROUNDS = 3
INDEX = Index(type="ivfpq", lists=4, code_bytes=8, probes=4, training_sample=2000, seed=7, device="cpu")


class Killed(BaseException):
    """Stands for a signal: no handler of errors takes it."""


@pytest.fixture(scope="module")
def store(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base model's datastore, with an index that is searched approximately."""
    folder: Path = tmp_path_factory.mktemp("base") / "datastore"
    model, corpus = tiny.domain.load_model(tiny.settings), tiny.domain.data
    text = model.parallel_text(corpus, "train")
    build_datastore(Extraction(model, text, corpus.fingerprint, "decoder_output", 200), folder, INDEX)
    return folder


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The update numbers of all batches that training begins, in order."""
    seen: list[int] = []
    original = TranslationTask.train_step

    def train_step(self: Any, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, **more: Any):
        seen.append(update_num)
        return original(self, sample, model, criterion, optimizer, update_num, **more)

    monkeypatch.setattr(TranslationTask, "train_step", train_step)
    return seen


def settings_of(tiny: Any, **ink: Any) -> Any:
    return tiny.settings.changed(ink=ink, index=INDEX)


def jobs(tiny: Any, settings: Any, store: Path, folder: Path, numbers: Sequence[Sequence[int]]) -> list[Path]:
    """Train rounds in jobs that each go on from what the one before has left on disk."""
    done: list[Path] = []
    for some in numbers:
        output = folder / str(some[0])
        train_rounds(tiny.domain, settings, 1, Rounds(some, store, done[-1] if done else None, output))
        done.append(output)
    return done


def adapters(folders: Sequence[Path]) -> dict[int, dict[str, torch.Tensor]]:
    found = {}
    for folder in folders:
        for number in read_json(folder / "record.json")["rounds"]:
            found[number] = read_adapter(adapter_of_round(folder, number))[0]
    return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def curves(folder: Path) -> list[dict[str, Any]]:
    """The history without times."""
    return [
        {key: value for key, value in entry.items() if key != "seconds"}
        for entry in read_json(folder / "record.json")["history"]
    ]


def assert_same_training(one: Sequence[Path], other: Sequence[Path]) -> None:
    """The same weights of every round, the same curves, and the same state to go on from."""
    mine, others = adapters(one), adapters(other)
    assert mine.keys() == others.keys()
    assert [number for number in mine if not same(mine[number], others[number])] == []
    assert curves(one[-1]) == curves(other[-1])
    states = [read_checkpoint(folders[-1] / "state.pt") for folders in (one, other)]
    assert states[0]["optimizer_history"][-1] == states[1]["optimizer_history"][-1]
    assert states[0]["extra_state"]["train_iterator"] == states[1]["extra_state"]["train_iterator"]
    assert same(states[0]["model"], states[1]["model"])
    moments = [state["last_optimizer_state"]["state"] for state in states]
    assert moments[0].keys() == moments[1].keys()
    for number, kept in moments[0].items():
        assert all(torch.equal(torch.as_tensor(kept[name]), torch.as_tensor(moments[1][number][name])) for name in kept)


@pytest.mark.parametrize(
    ("ink", "precision", "update_frequency"),
    [
        ({"neighbours": "per_round"}, "fp32", 1),
        ({"neighbours": "per_batch"}, "fp32", 2),
        ({"refresh": "never"}, "fp32", 1),
        ({}, "bf16", 1),
        ({}, "fp16", 1),
    ],
    ids=str,
)
def test_rounds_of_one_job_are_those_of_a_job_each_bit_for_bit(
    tiny: Any, store: Path, tmp_path: Path, ink: dict[str, Any], precision: str, update_frequency: int
) -> None:
    settings = settings_of(tiny, **ink).changed(
        precision=precision, training={"update_frequency": update_frequency, "warmup_updates": 10}
    )
    assert settings.training.dropout > 0
    alone = jobs(tiny, settings, store, tmp_path / "alone", [[1], [2], [3]])
    for name, numbers in (("together", [[1, 2, 3]]), ("mixed", [[1, 2], [3]])):
        done = jobs(tiny, settings, store, tmp_path / name, numbers)
        assert_same_training(alone, done)
    for name, folders in (("alone", alone), ("mixed", done)):
        finish_rounds(tiny.domain, settings, folders, tmp_path / "final" / name)
    one, other = (read_adapter(tmp_path / "final" / name / "adapter.safetensors")[0] for name in ("alone", "mixed"))
    assert same(one, other)
    assert curves(tmp_path / "final" / "alone") == curves(tmp_path / "final" / "mixed")


def test_a_job_leaves_the_adapters_of_its_rounds_and_one_state(tiny: Any, store: Path, tmp_path: Path) -> None:
    (folder,) = jobs(tiny, settings_of(tiny), store, tmp_path, [[1, 2, 3]])
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == [*(f"adapters/{number}.safetensors" for number in (1, 2, 3)), "record.json", "state.pt"]
    record = read_json(folder / "record.json")
    assert (record["rounds"], record["status"], record["stop"]) == ([1, 2, 3], "trained", False)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    refreshed = [entry["seconds"].keys() - {"training", "dev"} for entry in record["history"]]
    assert refreshed == [{"neighbours"}, {"refresh", "neighbours"}, {"refresh", "neighbours"}]


def test_a_job_ends_with_the_round_at_which_patience_runs_out(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [3.0, 2.0]
    monkeypatch.setattr(DevBleu, "__call__", lambda self, model: scores.pop(0))
    settings = settings_of(tiny).changed(training={"patience": 1})
    train_rounds(tiny.domain, settings, 1, Rounds(range(1, 5), store, None, tmp_path / "1"))
    record = read_json(tmp_path / "1" / "record.json")
    assert (record["rounds"], record["stop"]) == ([1, 2], True)
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["adapters", "record.json"]
    assert has_stopped(tmp_path / "1")
    write_stopped_rounds(tmp_path / "5")
    assert has_stopped(tmp_path / "5")
    monkeypatch.setattr(DevBleu, "__call__", lambda self, model: 4.0)
    finish_rounds(tiny.domain, settings, [tmp_path / "1", tmp_path / "5"], tmp_path / "final")
    assert read_json(tmp_path / "final" / "record.json")["averaged_rounds"] == [1, 2]


def killing(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, at: int, *, before: bool) -> None:
    """End the process before or after the `at`-th call of a function, once."""
    original, calls = getattr(owner, name), []

    def call(*arguments: Any, **more: Any) -> Any:
        calls.append(None)
        if before and len(calls) == at:
            raise Killed
        found = original(*arguments, **more)
        if not before and len(calls) == at:
            raise Killed
        return found

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize("ink", [{}, {"neighbours": "per_batch"}, {"refresh": "never"}], ids=str)
@pytest.mark.parametrize("every", [0, 2])
def test_rounds_end_the_same_wherever_their_job_was_killed(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ink: dict[str, Any], every: int
) -> None:
    settings = settings_of(tiny, **ink).changed(training={"checkpoint_updates": every})
    undisturbed = tmp_path / "undisturbed"
    train_rounds(tiny.domain, settings, 1, Rounds([1, 2, 3], store, None, undisturbed))
    updates = [entry["updates"] for entry in read_json(undisturbed / "record.json")["history"]]
    output, places = tmp_path / "killed", []
    places += [(TranslationTask, "train_step", updates[0] - 1, True), (TranslationTask, "train_step", 4, True)]
    places += [(ink_rounds, "adapter_of_round", 1, True)]  # the epoch has ended, and nothing says so yet
    if settings.ink.refresh != "never":
        # the round has ended, and what it needed is still there; then, the next one's datastore is
        places += [(ink_rounds, "remove", 1, True), (ink_rounds, "refresh", 1, False)]
    for owner, name, at, before in places:
        with monkeypatch.context() as patched, pytest.raises(Killed):
            killing(patched, owner, name, at, before=before)
            train_rounds(tiny.domain, settings, 1, Rounds([1, 2, 3], store, None, output))
        assert not output.exists()
    train_rounds(tiny.domain, settings, 1, Rounds([1, 2, 3], store, None, output))
    assert_same_training([undisturbed], [output])
    names = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (undisturbed, output)]
    assert names[0] == names[1]
    assert not unfinished_path(output).exists()


def test_rounds_that_had_finished_are_not_trained_again_and_whoever_watches_hears_of_them(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: list[int], capsys: Any
) -> None:
    settings, first = settings_of(tiny), tmp_path / "1"
    settings = settings.changed(training={"checkpoint_updates": 0})
    train_rounds(tiny.domain, settings, 1, Rounds([1], store, None, first))
    an_epoch = len(begun)

    def train(reported: Callable[[Any], None] = lambda entry: None) -> None:
        train_rounds(tiny.domain, settings, 1, Rounds([2, 3, 4], store, first, tmp_path / "2"), reported)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        killing(patched, TranslationTask, "train_step", 2 * an_epoch + 1, before=True)
        train()
    begun.clear()
    reported: list[int] = []
    train(lambda entry: reported.append(entry["round"]))
    assert begun == list(range(3 * an_epoch, 4 * an_epoch))
    assert reported == [2, 3, 4], "round 1 is of another job"
    assert "going on after round 3" in capsys.readouterr().out


def test_a_job_of_other_rounds_or_after_another_round_begins_anew(
    tiny: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: list[int]
) -> None:
    settings = settings_of(tiny)
    first, other = tmp_path / "1", tmp_path / "other"
    for seed, folder in ((1, first), (2, other)):
        train_rounds(tiny.domain, settings, seed, Rounds([1], store, None, folder))
    an_epoch = len(begun) // 2
    for numbers, previous in (([2, 3], first), ([2, 3], other), ([2, 3, 4], other)):
        begun.clear()
        with monkeypatch.context() as patched, pytest.raises(Killed):
            killing(patched, TranslationTask, "train_step", an_epoch + 2, before=True)
            train_rounds(tiny.domain, settings, 1, Rounds(numbers, store, previous, tmp_path / "2"))
        assert begun[0] == an_epoch


def test_rounds_whose_predecessors_are_missing_are_refused(tiny: Any, store: Path, tmp_path: Path) -> None:
    settings = settings_of(tiny)
    with pytest.raises(InkError, match=r"^round 3 follows round 2, but of the rounds before none is given; give"):
        train_rounds(tiny.domain, settings, 1, Rounds([3, 4], store, None, tmp_path / "3"))
    train_rounds(tiny.domain, settings, 1, Rounds([1], store, None, tmp_path / "1"))
    with pytest.raises(InkError, match=r"^round 3 follows round 2, but of the rounds before \S+/1 ends with round 1; "):
        train_rounds(tiny.domain, settings, 1, Rounds([3], store, tmp_path / "1", tmp_path / "3"))
    assert not (tmp_path / "3").exists()
