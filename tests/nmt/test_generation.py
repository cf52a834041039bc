"""Beam search is fairseq's; the order, the batches and the subset are ours."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

from ink.config.sections.base_system import BeamSearch
from ink.nmt.generation import generate
from ink.runtime.errors import InkError

# fairseq's limit goes by the longest source of the batch, so one that differs by length would differ by batch
LENGTH = {"max_len_a": 0, "max_len_b": 20}


@pytest.fixture(scope="module")
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture(scope="module")
def dataset(tiny: Any, model: Any) -> Any:
    return model.parallel_text(tiny.domain.data, "test")


def translate(model: Any, dataset: Any, tiny: Any, batch: int = 4, **arguments: Any) -> list[str]:
    decoding = tiny.settings.changed(decoding={"batch_sentences": batch, **LENGTH}).decoding
    return generate(model, dataset, decoding, **arguments).hypotheses


@pytest.fixture(scope="module")
def one_by_one(tiny: Any, model: Any, dataset: Any) -> list[str]:
    """fairseq's SequenceGenerator called on one sentence after the other."""
    generator = SequenceGenerator(
        [model.network.eval()], model.task.target_dictionary, beam_size=3, len_penalty=0.6, **LENGTH
    )
    lines = []
    for index in range(len(dataset)):
        batch = dataset.batch([index])
        sample = {"net_input": {"src_tokens": batch.source, "src_lengths": batch.source_lengths}}
        tokens = generator.generate([model.network], sample)[0][0]["tokens"].tolist()
        assert tokens.pop() == model.target_vocabulary.end
        lines.append(" ".join(model.target_vocabulary.token(token) for token in tokens))
    return lines


@pytest.mark.parametrize("batch", [1, 3, 8, 100])
def test_hypotheses_are_fairseqs_in_the_order_of_the_dataset_for_any_batch_size(
    tiny: Any, model: Any, dataset: Any, one_by_one: list[str], batch: int
) -> None:
    assert len({*dataset.source_lengths}) > 2
    assert len(set(one_by_one)) > 3
    assert translate(model, dataset, tiny, batch) == one_by_one


def test_a_subset_comes_in_the_order_asked_for(tiny: Any, model: Any, dataset: Any, one_by_one: list[str]) -> None:
    assert translate(model, dataset.part([5, 0, 3]), tiny, 2) == [one_by_one[index] for index in (5, 0, 3)]
    assert translate(model, dataset.part(range(2)), tiny, 2) == one_by_one[:2]
    assert translate(model, dataset.part([]), tiny, 2) == []


def test_an_empty_source_sentence_has_a_hypothesis(tiny: Any, model: Any, dataset: Any) -> None:
    empty = len(dataset) - 1
    assert dataset.batch([empty]).source.tolist() == [[model.source_vocabulary.end]]
    assert len(translate(model, dataset.part([empty]), tiny)) == 1


@pytest.mark.failure(
    "Models and adapters",
    "a checkpoint with weights so large that the model's scores are NaN",
    "`the model's scores are NaN, so no translation ends: weights of the checkpoint are damaged or too large for the "
    "precision; use another checkpoint, or precision: fp32 [model/not-finite]`",
)
@pytest.mark.parametrize("neighbours", [False, True])
def test_scores_that_are_no_numbers_are_refused(tiny: Any, dataset: Any, neighbours: bool) -> None:
    damaged = tiny.domain.load_model(tiny.settings)
    with torch.no_grad():
        damaged.network.decoder.layers[0].fc1.weight[0, 0] = 1e38
        damaged.network.decoder.layers[0].fc2.weight[:] = 1e38
    mixture = Unmixed() if neighbours else None
    with pytest.raises(InkError, match="scores are NaN"):
        generate(damaged, dataset, tiny.settings.decoding, mixture=mixture)


class Unmixed:
    """A mixture that leaves the model's distribution as it is."""

    key = "decoder_output"

    def begin(self, batch: Any) -> None:
        pass

    def __call__(self, keys: Any, log_probs: Any, sentences: Any) -> Any:
        return log_probs


def test_seconds_are_those_of_the_search(tiny: Any, model: Any, dataset: Any) -> None:
    found = generate(model, dataset.part([0]), tiny.settings.decoding)
    assert found.seconds > 0


def test_settings_reach_the_generator(tiny: Any, model: Any) -> None:
    decoding = BeamSearch(beam=5, length_penalty=0.25, max_len_a=0.5, max_len_b=7)
    generator = model.beam_search(decoding).generator
    assert (generator.beam_size, generator.len_penalty) == (5, 0.25)
    assert (generator.max_len_a, generator.max_len_b) == (0.5, 7)


def test_batches_that_do_not_fit_are_divided_and_the_order_stays(
    tiny: Any, dataset: Any, one_by_one: list[str], out_of_memory_above: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    network = tiny.domain.load_model(tiny.settings)
    longest = int(max(dataset.source_lengths))
    tried = out_of_memory_above(network.network, longest)
    assert translate(network, dataset, tiny, 100) == one_by_one
    assert max(tried) > longest
    assert "translating: out of memory with 10 sentences" in capsys.readouterr().err
    with pytest.raises(torch.OutOfMemoryError):
        translate(network, dataset, tiny, 100, divide=False)


def test_a_sentence_that_does_not_fit_alone_is_named_with_the_beam(
    tiny: Any, dataset: Any, out_of_memory_above: Any
) -> None:
    network = tiny.domain.load_model(tiny.settings)
    out_of_memory_above(network.network, 2)
    with pytest.raises(InkError, match=r"translating: sentence \d+ .*lower decoding\.beam"):
        translate(network, dataset, tiny, 100)
