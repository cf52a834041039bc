"""An update whose batch does not fit into memory is the same update, done in parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.storage import open_datastore
from ink.runtime.errors import InkError
from ink.training.adapter_training import AdapterTraining
from ink.training.ink_objective import InkObjective
from ink.training.objective import Objective
from ink.training.training_neighbours import IndexLookup, TrainingNeighbours

EXACT = Index(type="exact")
PLAIN = Objective(0.1)
INK = InkObjective(0.1, {"alpha": 0.3, "beta": 0.2})
BATCH = 200  # tokens; no sentence has more than 20
# differences of sums in another order, as parts of what an update changes
TOLERANCE = {"fp32": 1e-3, "bf16": 0.1}


@pytest.fixture(scope="module")
def store(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "store"
    model = tiny.domain.load_model(tiny.settings)
    dataset, corpus = model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint
    build_datastore(Extraction(model, dataset, corpus, "decoder_output", 200), folder, EXACT)
    return folder


def training_of(
    tiny: Any, objective: Objective = PLAIN, store: Path | None = None, precision: str = "fp32", **changes: Any
) -> AdapterTraining:
    """A training without dropout, which is drawn anew for each part of a batch."""
    settings = tiny.settings.changed(precision=precision, training={"dropout": 0.0, "batch_tokens": BATCH, **changes})
    # adapters that do not start at zero get gradients everywhere at once
    settings = settings.changed(adapter={"initialisation": "default"})
    training = AdapterTraining(tiny.domain, settings, 1, objective)
    if store is not None:
        training.run.objective.neighbours = TrainingNeighbours(
            open_datastore(store), IndexLookup(open_datastore(store), EXACT, 4, "paper")
        )
    return training


def trained(training: AdapterTraining, epochs: int = 1) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    means = [training.run.epoch(f"epoch {number}") for number in range(epochs)]
    return {name: tensor.clone() for name, tensor in training.run.weights().items()}, means


def assert_same_update(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], start: dict[str, torch.Tensor], precision: str
) -> None:
    """The weights moved together: their difference is small beside the way they went."""
    for name in expected:
        way = (expected[name] - start[name]).norm()
        assert way > 0, name
        assert (found[name] - expected[name]).norm() <= TOLERANCE[precision] * way, name


@pytest.mark.failure(
    "Training",
    "a training batch that does not fit into the device's memory",
    "`training: out of memory with 12 sentences of 3924 tokens, padding counted; from here on 1962 at most at a "
    "time, where training.batch_tokens allows more`: the update is done in parts, of the same sentences",
)
@pytest.mark.parametrize(
    ("objective", "precision", "update_frequency"),
    [("plain", "fp32", 1), ("plain", "fp32", 2), ("plain", "bf16", 1), ("ink", "fp32", 1)],
)
def test_the_epoch_ends_with_the_same_weights_losses_and_updates(
    tiny: Any,
    store: Path,
    out_of_memory_above: Callable[[Any, int], list[int]],
    objective: str,
    precision: str,
    update_frequency: int,
) -> None:
    def made() -> AdapterTraining:
        options, found = (PLAIN, None) if objective == "plain" else (INK, store)
        return training_of(tiny, options, found, precision, update_frequency=update_frequency)

    whole, divided = made(), made()
    start = {name: tensor.clone() for name, tensor in whole.run.weights().items()}
    expected, (means,) = trained(whole)
    tried = out_of_memory_above(divided.model.network, 70)
    found, (their_means,) = trained(divided)
    assert divided.run.updates == whole.run.updates
    assert_same_update(found, expected, start, precision)
    for name, value in means.items():
        if name != "seconds":
            assert their_means[name] == pytest.approx(value, abs=2e-3 if precision == "fp32" else 2e-2), name
    # what did not fit was met a few times and then not again
    failures = [place for place, tokens in enumerate(tried) if tokens > 70]
    assert 0 < len(failures) <= 2
    assert len(tried) > failures[-1] + 2 * divided.run.updates
    assert divided.run.whole_updates.batches.most <= BATCH // 2


def test_the_gradient_of_a_divided_update_is_the_whole_one_s(
    tiny: Any, store: Path, out_of_memory_above: Callable[[Any, int], list[int]]
) -> None:
    gradients = []
    for memory in (10**9, 40):
        training = training_of(tiny, INK, store)
        trainer = training.run.trainer
        sample = training.run.iterator.dataset.collater(
            [training.run.iterator.dataset[number] for number in (0, 1, 20, 33, 40, 41)]
        )
        out_of_memory_above(training.model.network, memory)
        taken: list[dict[str, torch.Tensor]] = []
        trainer.optimizer.optimizer.register_step_pre_hook(
            lambda *_, network=training.model.network, taken=taken: taken.append(
                {name: tensor.grad.clone() for name, tensor in network.adapters.named_parameters()}
            )
        )
        logged = training.run.whole_updates([sample])
        assert logged is not None
        gradients.append((taken[0], float(logged["loss"])))
    (whole, loss), (divided, other_loss) = gradients
    assert other_loss == pytest.approx(loss, abs=1e-3)
    for name in whole:
        torch.testing.assert_close(divided[name], whole[name], atol=1e-6, rtol=1e-4)
    assert any(tensor.abs().max() > 1e-3 for tensor in whole.values())


def test_the_log_says_what_did_not_fit(
    tiny: Any, out_of_memory_above: Callable[[Any, int], list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    training = training_of(tiny)
    out_of_memory_above(training.model.network, 70)
    training.run.epoch("epoch 1")
    message = capsys.readouterr().err
    assert "training: out of memory with " in message
    assert "where training.batch_tokens allows more" in message


@pytest.mark.failure(
    "Training",
    "a training sentence that does not fit on its own",
    "`training: sentence 17 (counted from 0), of 201 tokens, does not fit into the device's memory on its own; "
    "lower text.max_length, ... [device/out-of-memory]`",
)
def test_a_sentence_that_does_not_fit_alone_is_named_with_the_setting(
    tiny: Any, out_of_memory_above: Callable[[Any, int], list[int]]
) -> None:
    training = training_of(tiny)
    iterator = training.run.iterator
    lengths = {number: int(iterator.dataset.src_sizes[number]) for batch in iterator.frozen_batches for number in batch}
    longest = max(lengths.values())
    out_of_memory_above(training.model.network, longest - 1)
    with pytest.raises(InkError, match=r"training: sentence \d+ \(counted from 0\).*lower text\.max_length") as failure:
        training.run.epoch("epoch 1")
    named = int(str(failure.value).split("sentence ")[1].split()[0])
    assert lengths[named] == longest


@pytest.mark.failure(
    "Training",
    "an optimiser's state that does not fit",
    "`training: the optimiser's state does not fit into the device's memory (...); train fewer weights "
    "(adapter.inner_dimension), ... [device/out-of-memory]`",
)
def test_a_step_that_fails_is_not_begun_again(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    training = training_of(tiny)
    start = {name: tensor.clone() for name, tensor in training.run.weights().items()}
    original, made = torch.zeros_like, []
    steps: list[int] = []

    def zeros_like(tensor: torch.Tensor, **more: Any) -> torch.Tensor:
        if steps:
            made.append(tensor)
        if len(made) == 5:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return original(tensor, **more)

    # Adam makes its two averages of each weight in the first step
    monkeypatch.setattr(torch, "zeros_like", zeros_like)
    training.run.trainer.optimizer.optimizer.register_step_pre_hook(lambda *_: steps.append(1))
    with pytest.raises(InkError, match=r"the optimiser's state does not fit.*adapter\.inner_dimension"):
        training.run.epoch("epoch 1")
    assert (len(steps), len(made)) == (1, 5)
    moved = [name for name, tensor in training.run.weights().items() if not torch.equal(tensor, start[name])]
    assert len(moved) == 2, "a step that ended half way"


def test_an_error_of_another_kind_is_not_swallowed(tiny: Any) -> None:
    training = training_of(tiny)

    def broken(*_: Any) -> None:
        raise RuntimeError("device-side assert triggered")

    training.model.network.encoder.layers[0].register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="assert"):
        training.run.epoch("epoch 1")


def test_what_fitted_is_remembered_by_the_next_process(
    tiny: Any, tmp_path: Path, out_of_memory_above: Callable[[Any, int], list[int]]
) -> None:
    first = training_of(tiny)
    out_of_memory_above(first.model.network, 70)
    first.run.epoch("epoch 1")
    first.run.save(tmp_path / "state.pt")
    second = training_of(tiny)
    second.run.restore(tmp_path / "state.pt")
    tried = out_of_memory_above(second.model.network, 70)
    second.run.epoch("epoch 2")
    assert tried
    assert max(tried) <= 70
