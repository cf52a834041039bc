"""Training Hugging Face models in plain torch: the schedule, resuming, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from nmt.small_huggingface import load
from torch import Tensor

from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.huggingface_model import HuggingFaceModel
from ink.nmt.huggingface.training_loop import TrainingLoop
from ink.nmt.training_run import CHECKPOINT, Optimisation
from ink.runtime.errors import InkError
from ink.training.objective import Objective

DomainOf = Callable[[str], Domain]
OPTIMISATION = Optimisation("training", 5, "cpu", 5e-3, 4, 200, update_frequency=2, weight_decay=1e-4, clip_norm=1.0)


def adapted(tiny: Any, domain: Domain, precision: str = "fp32") -> HuggingFaceModel:
    model = domain.load_model(tiny.settings.changed(precision=precision), dropout=0.1)
    torch.manual_seed(1)
    model.attach_adapters(8, 0.1)
    assert isinstance(model, HuggingFaceModel)
    return model


def run_of(tiny: Any, domain: Domain, **changed: Any) -> TrainingLoop:
    optimisation = replace(OPTIMISATION, **changed)
    run = adapted(tiny, domain, optimisation.precision).train_on(domain.data, optimisation, Objective(0.1))
    assert isinstance(run, TrainingLoop)
    return run


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_training_goes_on_inside_an_epoch_as_if_it_had_not_been_interrupted(
    tiny: Any, domain_of: DomainOf, tmp_path: Path, precision: str
) -> None:
    domain = domain_of("m2m_100")
    unbroken = run_of(tiny, domain, precision=precision)
    history = []
    for number in (1, 2):
        history.append(unbroken.epoch(f"epoch {number}"))
        unbroken.history.append({"round": number})

    first = run_of(tiny, domain, precision=precision)
    first.checkpoint_in(tmp_path, 1)
    first.epoch("epoch 1")
    # the last checkpoint inside the epoch is of its last update but one
    second = run_of(tiny, domain, precision=precision)
    second.checkpoint_in(tmp_path, 1)
    assert second.updates == first.updates - 1
    means = second.epoch("epoch 1")
    assert {**means, "seconds": 0} == {**history[0], "seconds": 0}
    second.history.append({"round": 1})
    second.checkpoint()

    third = run_of(tiny, domain, precision=precision)
    third.checkpoint_in(tmp_path, 0)
    assert third.history == [{"round": 1}]
    means = third.epoch("epoch 2")
    assert {**means, "seconds": 0} == {**history[1], "seconds": 0}
    assert third.updates == unbroken.updates
    assert_same(third.weights(), unbroken.weights())
    assert all(value.dtype == torch.float32 for value in third.weights().values())
    (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InkError, match="delete it and train again"):
        run_of(tiny, domain).checkpoint_in(tmp_path, 0)


def test_the_base_stays_and_the_adapters_learn(tiny: Any, domain_of: DomainOf) -> None:
    domain = domain_of("fsmt")
    run = run_of(tiny, domain)
    untouched = load(tiny, domain).network.state_dict()
    before = {name: value.clone() for name, value in run.weights().items()}
    losses = [run.epoch(f"epoch {number}")["nll_loss"] for number in (1, 2, 3)]
    assert losses[2] < losses[0]
    assert all(math.isfinite(loss) for loss in losses)
    own = run.model.network.state_dict()
    assert_same({name: own[name] for name in untouched}, untouched)
    changed = {name.split(".")[0] for name, value in run.weights().items() if not torch.equal(value, before[name])}
    assert changed == {"encoder_0", "encoder_1", "decoder_0", "decoder_1"}


def test_a_gradient_is_that_of_the_whole_update(tiny: Any, domain_of: DomainOf) -> None:
    """Batches of an update, and parts that fit, give what one batch of all their sentences gives."""
    domain = domain_of("mbart")
    model = adapted(tiny, domain)
    model.set_dropout(0.0, 0.0)
    for adapter in model.adapters.values() if model.adapters is not None else ():
        adapter.dropout.p = 0.0
        torch.nn.init.normal_(adapter.up.weight)
    run = model.train_on(domain.data, OPTIMISATION, Objective(0.1))
    assert isinstance(run, TrainingLoop)
    run.model.network.train()
    sentences = [3, 9, 20, 33, 41]
    found = []
    for parts in ([sentences], [sentences[:2], sentences[2:4], sentences[4:]]):
        sums, tokens = run._gradients(parts)
        found.append((sums["loss"], tokens, {name: value.grad.clone() for name, value in run.parameters.items()}))
    (loss, tokens, gradients), (parted_loss, parted_tokens, parted) = found
    assert tokens == parted_tokens == int(run.text.target_lengths[sentences].sum())
    assert loss == pytest.approx(parted_loss, rel=1e-4)
    for name, value in gradients.items():
        torch.testing.assert_close(parted[name], value, rtol=1e-3, atol=1e-4)


def test_a_batch_that_does_not_fit_is_done_in_parts(tiny: Any, domain_of: DomainOf) -> None:
    domain = domain_of("marian")
    run = run_of(tiny, domain)
    passes: list[int] = []
    encoder = run.model.network.model.encoder

    def check(_module: Any, _inputs: Any, keywords: Any) -> None:
        rows, length = keywords["input_ids"].shape
        passes.append(rows * length)
        if rows * length > 100:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    encoder.register_forward_pre_hook(check, with_kwargs=True)
    run.epoch("epoch 1")
    assert max(passes) > 100
    assert max(passes[-4:]) <= 100
    assert run.updates == math.ceil(len(run.batches) / 2)


def test_the_learning_rate_rises_evenly_and_falls_with_the_root(tiny: Any, domain_of: DomainOf) -> None:
    run = run_of(tiny, domain_of("marian"))
    rates = []
    for done in (0, 1, 2, 4, 16, 64):
        run.done = done
        rates.append(run._learning_rate())
    assert rates == pytest.approx([1e-7, 1.25e-3, 2.5e-3, 5e-3, 2.5e-3, 1.25e-3], rel=1e-3)


def test_a_loss_that_is_no_number_names_its_sentences(tiny: Any, domain_of: DomainOf, tmp_path: Path) -> None:
    run = run_of(tiny, domain_of("marian"))
    run.checkpoint_in(tmp_path, 1)
    with torch.no_grad():
        next(iter(run.parameters.values())).fill_(torch.inf)
    with pytest.raises(InkError, match=r"not finite at update 1, in the batch of the \d+ training sentences \d+, "):
        run.epoch("adapter, epoch 1")


def test_a_whole_model_is_trained_and_written_as_a_checkpoint(tiny: Any, domain_of: DomainOf, tmp_path: Path) -> None:
    domain = domain_of("nllb")
    base = load(tiny, domain)
    dropouts = {"dropout": 0.2, "attention_dropout": 0.1, "activation_dropout": 0.15}
    model = domain.backend.untrained_like(domain.base_model, base, domain.data, dropouts, seed=4)
    assert isinstance(model, HuggingFaceModel)
    layer = model.network.model.decoder.layers[0]
    assert (layer.dropout, layer.self_attn.dropout, layer.activation_dropout) == (0.2, 0.1, 0.15)
    run = model.train_on(domain.data, OPTIMISATION, Objective(0.1))
    assert run.epoch("epoch 1")["nll_loss"] > run.epoch("epoch 2")["nll_loss"]
    run.save_model(tmp_path / "model.pt")
    again = domain.backend.load(tmp_path / "model.pt", domain.vocabulary, tiny.languages)
    assert_same(dict(again.network.state_dict()), {name: value.cpu() for name, value in run.weights().items()})
    assert again.fingerprint != base.fingerprint


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"processes": 2}, "training.processes is 2, and a Hugging Face model is trained by one; set it to 1"),
        ({"precision": "fp16"}, "precision is fp16, in which a Hugging Face model is not trained; set it to bf16"),
    ],
)
def test_what_is_not_supported_is_one_line(tiny: Any, domain_of: DomainOf, changed: Any, message: str) -> None:
    domain = domain_of("marian")
    with pytest.raises(InkError, match=message):
        adapted(tiny, domain).train_on(domain.data, replace(OPTIMISATION, **changed), Objective(0.1))
