"""kNN-KD: a model of the base's architecture that owes the base model nothing but its neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import store_neighbours
from ink.datastore.storage import open_datastore
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.nmt.fairseq.fairseq_model import FairseqModel
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json
from ink.training import checkpoints, knn_kd_training
from ink.training.checkpoints import average
from ink.training.knn_kd_objective import KnnKdObjective, Teacher

Trained = tuple[Path, list[dict[str, torch.Tensor]]]
DROPOUTS = {"dropout": 0.3, "attention_dropout": 0.2, "activation_dropout": 0.05}


@pytest.fixture(scope="module")
def stored(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The base model's datastore and the neighbours of its entries."""
    folder = tmp_path_factory.mktemp("teacher")
    settings = tiny.settings
    model = tiny.domain.load_model(settings)
    train_set, corpus = model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint
    extraction = Extraction(model, train_set, corpus, "decoder_output", 200)
    build_datastore(extraction, folder / "store", settings.index)
    store_neighbours(open_datastore(folder / "store"), settings.index, 6, folder / "neighbours")
    return folder / "store", folder / "neighbours"


def train(tiny: Any, stored: tuple[Path, Path], output: Path, **chosen: Any) -> None:
    settings = tiny.settings.changed(knn_kd=chosen)
    knn_kd_training.train_knn_kd(tiny.domain, settings, 1, knn_kd_training.TeacherFiles(*stored), output)


@pytest.fixture(scope="module")
def trained(tiny: Any, stored: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The folder, and the weights that were averaged into it."""
    averaged: list[dict[str, torch.Tensor]] = []

    def watched(weights: Any) -> dict[str, torch.Tensor]:
        averaged.extend(weights)
        return average(weights)

    output = tmp_path_factory.mktemp("knn_kd") / "seed1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "average", watched)
        train(tiny, stored, output, max_epochs=5, **DROPOUTS)
    return output, averaged


def test_it_has_the_base_model_s_architecture_and_its_own_dropout(tiny: Any, trained: Trained) -> None:
    base, own = (read_checkpoint(path) for path in (tiny.base_model, trained[0] / "model.pt"))
    assert {name: weight.shape for name, weight in own["model"].items()} == {
        name: weight.shape for name, weight in base["model"].items()
    }
    one, other = vars(base["cfg"]["model"]), vars(own["cfg"]["model"])
    architecture = {name for name in one if name.startswith(("encoder", "decoder", "share", "activation_fn", "arch"))}
    assert len(architecture) > 20
    assert {name: other[name] for name in architecture} == {name: one[name] for name in architecture}
    assert {name: other[name] for name in DROPOUTS} == DROPOUTS
    assert not own.get("last_optimizer_state")


def test_it_opens_as_any_checkpoint_with_the_same_dictionary(tiny: Any, trained: Trained) -> None:
    model = BaseModelFiles(trained[0] / "model.pt", tiny.vocabulary, tiny.languages).load()
    assert model.fingerprint != tiny.domain.load_model(tiny.settings).fingerprint
    assert not model.network.training


def test_it_starts_from_random_weights_of_the_seed(
    tiny: Any, stored: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, torch.Tensor]] = []

    train_on = FairseqModel.train_on

    def watched(self: FairseqModel, *arguments: Any) -> Any:
        started.append({name: weight.clone() for name, weight in self.network.state_dict().items()})
        return train_on(self, *arguments)

    monkeypatch.setattr(FairseqModel, "train_on", watched)
    settings = tiny.settings.changed(knn_kd={"max_epochs": 1})
    for number, seed in enumerate((3, 3, 4)):
        torch.manual_seed(number)  # what was drawn before does not matter
        knn_kd_training.train_knn_kd(
            tiny.domain, settings, seed, knn_kd_training.TeacherFiles(*stored), tmp_path / f"run{number}"
        )
    base = read_checkpoint(tiny.base_model)["model"]
    matrices = [name for name, weight in base.items() if weight.dim() == 2]
    assert all(torch.equal(started[0][name], started[1][name]) for name in started[0])
    for other in (started[2], base):
        assert all(not torch.equal(started[0][name], other[name]) for name in matrices)


def test_it_learns_and_is_taught_by_the_neighbours_it_was_given(
    tiny: Any, trained: Trained, stored: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = read_json(trained[0] / "record.json")
    history = record["history"]
    for curve in ("loss", "nll_loss", "loss_kd"):
        values = [entry[curve] for entry in history]
        assert values == sorted(values, reverse=True), curve
    teachers: list[Any] = []
    terms = KnnKdObjective.terms

    def watched(self: KnnKdObjective, *inputs: Any) -> Any:
        teachers.append((self.teacher, self.weight, self.temperature))
        return terms(self, *inputs)

    monkeypatch.setattr(KnnKdObjective, "terms", watched)
    train(tiny, stored, tmp_path / "out", max_epochs=1, k=2, own_entry="excluded", weight=0.5, temperature=3.0)
    teacher, weight, temperature = teachers[0]
    assert isinstance(teacher, Teacher)
    assert (teacher.k, teacher.without_own, weight, temperature) == (2, True, 0.5, 3.0)
    assert teacher.stored.path == stored[1]


def test_it_is_the_average_of_the_last_epochs_and_the_best(trained: Trained) -> None:
    output, averaged = trained
    record = read_json(output / "record.json")
    best = max(record["history"], key=lambda entry: (entry["dev_bleu"], -entry["round"]))["round"]
    assert record["best_round"] == best
    assert record["averaged_rounds"] == sorted({4, 5, best})
    assert len(averaged) == len(record["averaged_rounds"])
    written = read_checkpoint(output / "model.pt")["model"]
    expected = average(averaged)
    assert all(torch.equal(written[name], expected[name]) for name in expected)
    assert [entry["round"] for entry in record["history"]] == [1, 2, 3, 4, 5]
    assert sorted(path.name for path in output.iterdir()) == ["model.pt", "record.json"]


def test_it_stops_when_patience_has_run_out(
    tiny: Any, stored: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([5.0, 7.0, 6.0, 7.0, 8.0, 9.0])
    monkeypatch.setattr(knn_kd_training, "DevBleu", lambda *_, **__: lambda _: next(scores))
    settings = tiny.settings.changed(training={"patience": 2, "average_last": 1}, knn_kd={"max_epochs": 6})
    epochs_kept: list[list[str]] = []

    def watch(_entry: Any) -> None:
        folder = tmp_path / ".out.unfinished" / "epochs"
        epochs_kept.append(sorted(path.name for path in folder.glob("*")))

    knn_kd_training.train_knn_kd(
        tiny.domain, settings, 1, knn_kd_training.TeacherFiles(*stored), tmp_path / "out", watch
    )
    record = read_json(tmp_path / "out" / "record.json")
    assert [entry["round"] for entry in record["history"]] == [1, 2, 3, 4]
    assert record["averaged_rounds"] == [2, 4]
    assert (record["best_dev_bleu"], record["dev_bleu"]) == (7.0, 8.0)
    # told before an epoch's weights are written: the best one's stay, others go as soon as they cannot be needed
    assert epochs_kept == [[], ["1.pt"], ["2.pt"], ["2.pt", "3.pt"]]


@pytest.mark.parametrize(
    ("part", "changed", "message"),
    [
        ("store", {"model": "another"}, "was made with model another, but"),
        ("store", {"corpus": "another"}, "was made with corpus another, but"),
        ("store", {"key": "ffn_input"}, "was made with key kind ffn_input, but"),
        ("neighbours", {"model": "another"}, "were found in a datastore with model another, but"),
        ("neighbours", {"corpus": "another"}, "were found in a datastore with corpus another, but"),
        ("neighbours", {"entries": 3}, "were found in a datastore with number of entries 3, but"),
    ],
)
def test_what_belongs_to_others_is_refused(
    tiny: Any, stored: tuple[Path, Path], tmp_path: Path, part: str, changed: dict[str, Any], message: str
) -> None:
    folders = {"store": tmp_path / "store", "neighbours": tmp_path / "neighbours"}
    for source, copy in zip(stored, folders.values(), strict=True):
        copy.mkdir()
        for file in source.iterdir():
            (copy / file.name).symlink_to(file)
    meta = read_json(folders[part] / "meta.json")
    (folders[part] / "meta.json").unlink()
    write_json(folders[part] / "meta.json", {**meta, **changed})
    with pytest.raises(InkError, match=message):
        train(tiny, (folders["store"], folders["neighbours"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
