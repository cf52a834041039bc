"""INK's rounds, each run on its own from what the one before left on disk, as the workflow does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.storage import Datastore, open_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.adapter import read_adapter
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json
from ink.training.adapter_training import AdapterTraining, train_adapter
from ink.training.early_stopping import has_stopped, write_stopped_rounds
from ink.training.ink_rounds import Rounds, finish_rounds, refresh, train_rounds
from ink.training.training_neighbours import TrainingNeighbours

ROUNDS = 3
EXACT = Index(type="exact")

pytestmark = pytest.mark.xdist_group("ink_rounds")  # which are trained once


def settings_of(tiny: Any, **ink: Any) -> Any:
    return tiny.settings.changed(ink=ink, adapter={"max_epochs": ROUNDS}, index=EXACT)


def datastore_of(tiny: Any, settings: Any, previous: Path | None, output: Path) -> Path:
    """Build the datastore of the model that a round left, from its files."""
    adapter = None if previous is None else adapter_in(previous)
    model = tiny.domain.load_model(settings, adapter=adapter)
    dataset = model.parallel_text(tiny.domain.data, "train")
    corpus = tiny.domain.data.fingerprint
    build_datastore(Extraction(model, dataset, corpus, "decoder_output", 200), output, EXACT, log_probs=False)
    return output


def adapter_in(folder: Path) -> Path:
    """The adapter of a round that was trained by itself."""
    (path,) = (folder / "adapters").iterdir()
    return path


def chain(tiny: Any, settings: Any, folder: Path, seed: int = 1, rounds: int = ROUNDS) -> list[Path]:
    """Run rounds one after the other, each in the state that the one before left on disk."""
    done: list[Path] = []
    datastore = datastore_of(tiny, settings, None, folder / "datastore")
    for number in range(1, rounds + 1):
        previous = done[-1] if done else None
        output = folder / "rounds" / str(number)
        train_rounds(tiny.domain, settings, seed, Rounds([number], datastore, previous, output))
        done.append(output)
    return done


@pytest.fixture(scope="module")
def rounds(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return chain(tiny, settings_of(tiny), tmp_path_factory.mktemp("ink"))


def same(one: Path, other: Path) -> bool:
    mine, others = read_adapter(one)[0], read_adapter(other)[0]
    return mine.keys() == others.keys() and all(torch.equal(mine[name], others[name]) for name in mine)


@pytest.mark.parametrize(("update_frequency", "precision"), [(1, "fp32"), (2, "fp32"), (1, "bf16"), (1, "fp16")])
def test_without_its_terms_rounds_are_the_adapter_s_epochs_bit_for_bit(
    tiny: Any, tmp_path: Path, update_frequency: int, precision: str
) -> None:
    """Optimiser, schedule, update count, data order and dropout carry over from round to round through the disk."""
    settings = settings_of(tiny, alpha=0.0, beta=0.0).changed(
        precision=precision, training={"update_frequency": update_frequency, "warmup_updates": 10}
    )
    assert settings.training.dropout > 0
    train_adapter(tiny.domain, settings, 1, tmp_path / "adapter")
    done = chain(tiny, settings, tmp_path / "ink")
    finish_rounds(tiny.domain, settings, done, tmp_path / "final")
    baseline = read_json(tmp_path / "adapter" / "record.json")
    history = read_json(done[-1] / "record.json")["history"]
    for number in range(1, ROUNDS + 1):
        epoch = tmp_path / "adapter" / "epochs" / f"{number}.safetensors"
        assert same(adapter_in(done[number - 1]), epoch), f"round {number}"
        mine, theirs = history[number - 1], baseline["history"][number - 1]
        for name in ("round", "updates", "dev_bleu"):
            assert mine[name] == theirs[name], f"round {number}: {name}"
        for name in ("loss", "nll_loss"):  # rounded by their loggers
            assert mine[name] == pytest.approx(theirs[name], abs=2e-3), f"round {number}: {name}"
    assert history[0]["updates"] < settings.training.warmup_updates < history[-1]["updates"]
    assert same(tmp_path / "final" / "adapter.safetensors", tmp_path / "adapter" / "adapter.safetensors")
    final = read_json(tmp_path / "final" / "record.json")
    for name in ("best_round", "best_dev_bleu", "averaged_rounds", "dev_bleu"):
        assert final[name] == baseline[name]


def test_a_round_continues_and_does_not_begin_again(tiny: Any, rounds: list[Path], tmp_path: Path) -> None:
    """Without the state of the round before, the same weights would take another way."""
    settings = settings_of(tiny, alpha=0.0, beta=0.0)
    first = tmp_path / "first"
    train_rounds(tiny.domain, settings, 1, Rounds([1], tmp_path / "unused", None, first))
    second = tmp_path / "second"
    train_rounds(tiny.domain, settings, 1, Rounds([2], tmp_path / "unused", first, second))
    assert read_json(second / "record.json")["history"][-1]["updates"] == 2 * int(
        read_json(first / "record.json")["history"][-1]["updates"]
    )
    assert not same(adapter_in(first), adapter_in(second))


@pytest.mark.parametrize("terms", [{"alpha": 0.2, "beta": 0.0}, {"alpha": 0.0, "beta": 0.2}], ids=str)
def test_each_term_changes_the_weights(tiny: Any, rounds: list[Path], tmp_path: Path, terms: dict[str, float]) -> None:
    plain, moved = tmp_path / "plain", tmp_path / "moved"
    datastore = rounds[0].parent.parent / "datastore"
    train_rounds(tiny.domain, settings_of(tiny, alpha=0.0, beta=0.0), 1, Rounds([1], datastore, None, plain))
    train_rounds(tiny.domain, settings_of(tiny, **terms), 1, Rounds([1], datastore, None, moved))
    assert not same(adapter_in(plain), adapter_in(moved))
    assert not same(adapter_in(rounds[0]), adapter_in(moved))


def test_neighbours_are_found_once_or_for_every_batch(tiny: Any, rounds: list[Path], tmp_path: Path) -> None:
    """With dropout the two query with other vectors, and train other weights; what was found is not kept."""
    datastore = rounds[0].parent.parent / "datastore"
    train_rounds(
        tiny.domain, settings_of(tiny, neighbours="per_batch"), 1, Rounds([1], datastore, None, tmp_path / "batch")
    )
    train_rounds(
        tiny.domain, settings_of(tiny, neighbours="per_round"), 1, Rounds([1], datastore, None, tmp_path / "round")
    )
    assert same(adapter_in(rounds[0]), adapter_in(tmp_path / "round"))
    assert not same(adapter_in(rounds[0]), adapter_in(tmp_path / "batch"))
    for name in ("batch", "round"):
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == [
            "adapters",
            "record.json",
            "state.pt",
        ]
        (entry,) = read_json(tmp_path / name / "record.json")["history"]
        assert entry["share_with_target"] > 0
        assert set(entry["seconds"]) == {"neighbours", "training", "dev"}


def test_a_round_s_record(rounds: list[Path]) -> None:
    for number, folder in enumerate(rounds, start=1):
        assert sorted(path.name for path in folder.iterdir()) == ["adapters", "record.json", "state.pt"]
        record = read_json(folder / "record.json")
        assert (record["rounds"], record["status"], record["stop"]) == ([number], "trained", False)
        assert [entry["round"] for entry in record["history"]] == list(range(1, number + 1))
    updates = [entry["updates"] for entry in record["history"]]
    assert updates == [updates[0] * number for number in (1, 2, 3)]
    for entry in record["history"]:
        assert entry["loss"] == pytest.approx(entry["loss_a"] + 0.2 * entry["loss_i"] + 0.2 * entry["loss_r"], abs=2e-3)
        assert 0 < entry["share_with_target"] <= 1
        assert -1 <= entry["cosine_same_value"] <= 1
        refreshed = {"refresh"} if entry["round"] > 1 else set()
        assert set(entry["seconds"]) == {"neighbours", "training", "dev"} | refreshed


def test_the_state_holds_adapters_and_no_base_model(tiny: Any, rounds: list[Path]) -> None:
    state = torch.load(rounds[-1] / "state.pt", weights_only=False)
    assert set(state["model"]) == set(read_adapter(adapter_in(rounds[-1]))[0])
    assert (rounds[-1] / "state.pt").stat().st_size > 2 * adapter_in(rounds[-1]).stat().st_size


def test_the_same_round_again_gives_the_same_bytes(tiny: Any, rounds: list[Path], tmp_path: Path) -> None:
    datastore = rounds[0].parent.parent / "datastore"
    train_rounds(tiny.domain, settings_of(tiny), 1, Rounds([2], datastore, rounds[0], tmp_path / "again"))
    again = adapter_in(tmp_path / "again").read_bytes()
    assert again == adapter_in(rounds[1]).read_bytes()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_round_s_datastore_has_the_keys_of_the_checkpoint_that_it_claims(
    tiny: Any, rounds: list[Path], tmp_path: Path, number: int
) -> None:
    """100 random keys against a forward pass over their sentence alone, from the files on disk."""
    adapter = None if number == 1 else adapter_in(rounds[number - 2])
    model = tiny.domain.load_model(tiny.settings, adapter=adapter)
    datastore = open_datastore(rounds[0].parent.parent / "datastore")
    if number > 1:
        datastore = refresh(model, tiny.domain.data, settings_of(tiny), datastore, tmp_path / "refreshed")
    assert datastore.meta.model == model.fingerprint
    network, dataset = model.network.eval(), model.parallel_text(tiny.domain.data, "train")
    base = tiny.domain.load_model(tiny.settings).network.eval()
    moved = []
    for entry in np.random.default_rng(number).choice(datastore.meta.entries, 100, replace=False).tolist():
        sentence = int(np.searchsorted(datastore.offsets, entry, side="right")) - 1
        place = entry - int(datastore.offsets[sentence])
        pair = dataset.batch([sentence])
        source, target = pair.source, pair.target
        shifted = torch.cat([target[:, -1:], target[:, :-1]], dim=1)  # fairseq starts the decoder with </s>
        keys = []
        for one in (network, base):
            with torch.no_grad():
                encoded = one.encoder(source, src_lengths=torch.tensor([source.shape[1]]))
                output, _ = one.decoder.extract_features(shifted, encoder_out=encoded)
            keys.append(output[0, place].numpy())
        np.testing.assert_allclose(datastore.keys[entry].astype(np.float32), keys[0], rtol=2e-3, atol=2e-3)
        assert int(datastore.values[entry]) == int(target[0, place])
        moved.append(float(np.abs(keys[0] - keys[1]).max()))
    if number == 1:
        assert max(moved) == 0
    else:
        assert np.median(moved) > 2e-2, "the adapters hardly changed a key: the comparison says nothing"


@pytest.mark.parametrize("number", [1, 2])
def test_a_datastore_that_is_not_the_base_model_s_is_refused(
    tiny: Any, rounds: list[Path], tmp_path: Path, number: int
) -> None:
    settings = settings_of(tiny)
    later = datastore_of(tiny, settings, rounds[0], tmp_path / "later")
    base = tiny.domain.load_model(tiny.settings).fingerprint
    previous = rounds[0] if number == 2 else None
    with pytest.raises(InkError, match=f"made with model {open_datastore(later).meta.model}, but {base} is in use"):
        train_rounds(tiny.domain, settings, 1, Rounds([number], later, previous, tmp_path / "round"))
    assert not (tmp_path / "round").exists()


def keys_that_taught(monkeypatch: pytest.MonkeyPatch) -> list[Datastore]:
    """Collect the datastores that rounds train on."""
    seen: list[Datastore] = []
    made = TrainingNeighbours.__init__

    def collect(self: TrainingNeighbours, datastore: Datastore, source: Any) -> None:
        seen.append(datastore)
        made(self, datastore, source)

    monkeypatch.setattr(TrainingNeighbours, "__init__", collect)
    return seen


def test_every_round_trains_on_the_keys_of_the_round_before(
    tiny: Any, rounds: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a round refreshes inside its own process are the keys that its file on disk gives to anybody."""
    seen = keys_that_taught(monkeypatch)
    settings = settings_of(tiny)
    base = rounds[0].parent.parent / "datastore"
    train_rounds(tiny.domain, settings, 1, Rounds([2], base, rounds[0], tmp_path / "round"))
    (trained_on,) = seen
    expected = open_datastore(datastore_of(tiny, settings, rounds[0], tmp_path / "expected"))
    assert trained_on.meta.model == expected.meta.model
    # the folder has gone with the round, the mapped files have not
    assert np.array_equal(trained_on.values, expected.values)
    assert trained_on.path.name == "datastore"
    assert not trained_on.path.exists()
    assert same(adapter_in(tmp_path / "round"), adapter_in(rounds[1]))


def test_without_refresh_every_round_trains_on_the_base_model_s_datastore(
    tiny: Any, rounds: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = keys_that_taught(monkeypatch)
    done = chain(tiny, settings_of(tiny, refresh="never"), tmp_path)
    assert [store.path for store in seen] == [tmp_path / "datastore"] * ROUNDS
    assert same(adapter_in(done[0]), adapter_in(rounds[0]))
    assert not same(adapter_in(done[1]), adapter_in(rounds[1]))
    history = read_json(done[-1] / "record.json")["history"]
    assert not any("refresh" in entry["seconds"] for entry in history)


def test_the_base_model_is_the_same_to_the_bit_after_training(tiny: Any, rounds: list[Path]) -> None:
    before = dict(tiny.domain.load_model(tiny.settings).network.named_parameters())
    training = AdapterTraining(tiny.domain, settings_of(tiny), 1)
    start = {name: weight.clone() for name, weight in training.model.adapter_weights().items()}
    training.run.epoch("epoch")
    network = training.model.network
    assert any(not torch.equal(weight, start[name]) for name, weight in training.model.adapter_weights().items())
    after = dict(network.named_parameters())
    assert set(before) <= set(after)
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_an_index_is_built_only_where_training_searches_it(tiny: Any, rounds: list[Path], tmp_path: Path) -> None:
    first = open_datastore(rounds[0].parent.parent / "datastore")
    model = tiny.domain.load_model(tiny.settings, adapter=adapter_in(rounds[0]))
    lists = {"type": "ivfpq", "lists": 4, "code_bytes": 8, "probes": 4, "training_sample": 2000, "seed": 7}
    for neighbours, there in (("per_round", False), ("per_batch", True)):
        settings = settings_of(tiny, neighbours=neighbours, refresh_index="retrain").changed(index=lists)
        found = refresh(model, tiny.domain.data, settings, first, tmp_path / neighbours)
        assert found.index_path.exists() == there


@pytest.mark.parametrize(("what", "found"), [("corpus", "another"), ("key", "ffn_input")])
def test_a_datastore_of_another_corpus_or_kind_of_key_is_refused(
    tiny: Any, tmp_path: Path, what: str, found: str
) -> None:
    datastore = datastore_of(tiny, settings_of(tiny), None, tmp_path / "datastore")
    meta = read_json(datastore / "meta.json")
    write_json(datastore / "meta.json", {**meta, what: found})
    with pytest.raises(InkError, match=rf"was made with {what}.* {found}, but {meta[what]} is in use"):
        train_rounds(tiny.domain, settings_of(tiny), 1, Rounds([1], datastore, None, tmp_path / "round"))


def test_a_round_whose_patience_has_run_out_says_so(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [3.0, 2.0, 4.0]
    monkeypatch.setattr(DevBleu, "__call__", lambda self, model: scores.pop(0))
    settings = settings_of(tiny, alpha=0.0, beta=0.0).changed(training={"patience": 1})
    train_rounds(tiny.domain, settings, 1, Rounds([1], tmp_path, None, tmp_path / "1"))
    assert not has_stopped(tmp_path / "1")
    train_rounds(tiny.domain, settings, 1, Rounds([2], tmp_path, tmp_path / "1", tmp_path / "2"))
    assert has_stopped(tmp_path / "2")
    write_stopped_rounds(tmp_path / "3")
    assert has_stopped(tmp_path / "3")
    assert read_json(tmp_path / "3" / "record.json")["status"] == "stopped"
    finish_rounds(tiny.domain, settings, [tmp_path / name for name in "123"], tmp_path / "final")
    record = read_json(tmp_path / "final" / "record.json")
    assert record["averaged_rounds"] == [1, 2]
    assert record["best_round"] == 1
    assert len(record["history"]) == 2


def test_a_tie_resets_patience_as_released_and_in_the_paper_it_does_not(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variant, stops, best in (("paper", True, 1), ("released", False, 2)):
        scores = [3.0, 2.998, 4.0]
        monkeypatch.setattr(DevBleu, "__call__", lambda self, model, scores=scores: scores.pop(0))
        settings = settings_of(tiny, alpha=0.0, beta=0.0, variant=variant).changed(
            training={"patience": 1, "average_last": 1}
        )
        folder = tmp_path / variant
        train_rounds(tiny.domain, settings, 1, Rounds([1], tmp_path, None, folder / "1"))
        train_rounds(tiny.domain, settings, 1, Rounds([2], tmp_path, folder / "1", folder / "2"))
        assert has_stopped(folder / "2") is stops
        finish_rounds(tiny.domain, settings, [folder / "1", folder / "2"], folder / "final")
        record = read_json(folder / "final" / "record.json")
        assert (record["best_round"], record["averaged_rounds"]) == (best, list(range(best, 3)))


def with_scores(tiny: Any, rounds: list[Path], folder: Path, scores: list[float]) -> list[Path]:
    """The trained rounds with another curve, and copies of the adapters that it needs."""
    copies = []
    for number in range(1, len(scores) + 1):
        copy = folder / str(number)
        (copy / "adapters").mkdir(parents=True)
        weights = adapter_in(rounds[(number - 1) % len(rounds)]).read_bytes()
        (copy / "adapters" / f"{number}.safetensors").write_bytes(weights)
        history = [{"round": place, "dev_bleu": score} for place, score in enumerate(scores[:number], start=1)]
        write_json(copy / "record.json", {"rounds": [number], "status": "trained", "stop": False, "history": history})
        copies.append(copy)
    return copies


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([1.0, 2.0, 3.0], [2, 3]), ([9.0, 2.0, 3.0, 4.0], [1, 3, 4]), ([1.0, 9.0, 2.0, 3.0], [2, 3, 4]), ([5.0], [1])],
)
def test_the_final_adapter_averages_the_last_rounds_and_the_best(
    tiny: Any, rounds: list[Path], tmp_path: Path, scores: list[float], expected: list[int]
) -> None:
    folders = with_scores(tiny, rounds, tmp_path / "rounds", scores)
    settings = settings_of(tiny).changed(training={"average_last": 2})
    command = "ink finish-ink --config config.yaml"
    finish_rounds(tiny.domain, settings, list(reversed(folders)), tmp_path / "final", command)  # in whatever order
    record = read_json(tmp_path / "final" / "record.json")
    assert record["averaged_rounds"] == expected
    assert record["best_dev_bleu"] == max(scores)
    parts = [read_adapter(adapter_in(folders[number - 1]))[0] for number in expected]
    weights, metadata = read_adapter(tmp_path / "final" / "adapter.safetensors")
    for name, tensor in weights.items():
        mean = sum(part[name].double() for part in parts) / len(parts)
        assert isinstance(mean, torch.Tensor)
        torch.testing.assert_close(tensor, mean.float(), rtol=0, atol=1e-9)
    assert metadata["base_model"] == tiny.domain.load_model(settings).fingerprint
    origin = [metadata[name] for name in ("system", "domain", "seed", "averaged", "command")]
    assert origin == ["ink", "koran", 1, expected, command]


def test_adapters_of_another_base_model_are_refused(tiny: Any, rounds: list[Path], tmp_path: Path) -> None:
    folders = with_scores(tiny, rounds, tmp_path / "rounds", [1.0])
    data = bytearray(adapter_in(folders[0]).read_bytes())
    own = read_adapter(adapter_in(folders[0]))[1]["base_model"].encode()
    place = data.find(own)
    data[place : place + len(own)] = b"0123456789abcdef"
    adapter_in(folders[0]).write_bytes(bytes(data))
    message = (
        rf"\(system ink, domain koran, seed 1\) was trained on base model 0123456789abcdef, but .* is {own.decode()}"
    )
    with pytest.raises(InkError, match=message):
        finish_rounds(tiny.domain, settings_of(tiny), folders, tmp_path / "final")
