"""Beam search of Hugging Face models: what the library finds on its own, and with neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from nmt.small_huggingface import KINDS, begin_of, load, network_of, tokeniser_of
from torch import Tensor
from transformers import LogitsProcessorList

from ink.config.sections.base_system import BeamSearch
from ink.nmt.batches import SourceBatch
from ink.nmt.domain_files import Domain
from ink.runtime.errors import InkError

DomainOf = Callable[[str], Domain]
CHOSEN = (0, 7, 30, 41)


class Watching:
    """A mixture that leaves the model's distribution as it is, and keeps the queries."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.queries: list[Tensor] = []
        self.log_probs: list[Tensor] = []

    def begin(self, batch: SourceBatch) -> None:
        self.begun = len(batch.source)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        assert sentences.tolist() == [row // (len(queries) // self.begun) for row in range(len(queries))]
        self.queries.append(queries.clone())
        self.log_probs.append(log_probs.clone())
        return log_probs


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_greedy_search_takes_the_likeliest_token_at_every_step(tiny: Any, domain_of: DomainOf, kind: str) -> None:
    domain = domain_of(kind)
    model, network = load(tiny, domain), network_of(kind, domain)
    tokeniser = tokeniser_of(kind, domain)
    batch = model.parallel_text(domain.data, "train").batch(CHOSEN)
    longest = 12
    search = model.beam_search(BeamSearch(beam=1, length_penalty=1.0, max_len_a=0.0, max_len_b=longest))
    for row, (found,) in enumerate(search(batch)):
        source = batch.source[row][: batch.source_lengths[row]]
        tokens: list[int] = []
        own: list[float] = []
        end = model.target_vocabulary.end
        while not tokens or tokens[-1] != end:
            read = torch.tensor([[*begin_of(kind, tokeniser), *tokens]])
            logits = network(input_ids=source[None], decoder_input_ids=read, use_cache=False).logits[0, -1]
            log_probs = logits.log_softmax(-1)
            log_probs[model.target_vocabulary.padding] = -torch.inf
            tokens.append(end if len(tokens) == longest else int(log_probs.argmax()))
            own.append(float(log_probs[tokens[-1]]))
        assert found.tokens.tolist() == tokens
        torch.testing.assert_close(found.token_log_probs, torch.tensor(own), atol=1e-4, rtol=1e-4)
        assert float(found.score) == pytest.approx(sum(own) / len(own), abs=1e-4)


class Ending(Watching):
    """Makes the end of sentence likelier, which models with random weights hardly ever say."""

    def __init__(self, end: int, padding: int) -> None:
        super().__init__("decoder_output")
        self.end, self.padding = end, padding

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        raised = log_probs.clone()
        raised[:, self.end] += 6.0
        mixed = raised.log_softmax(-1)
        mixed[:, self.padding] = -torch.inf
        return mixed


# transformers 4.57 gives FSMT's decoder one position for every token, and asks for one vocabulary's size
@torch.no_grad()
@pytest.mark.parametrize("kind", ["marian", "m2m_100", "nllb", "mbart", "mbart50"])
def test_beam_search_is_the_library_s(tiny: Any, domain_of: DomainOf, kind: str) -> None:
    domain = domain_of(kind)
    model, network = load(tiny, domain), network_of(kind, domain)
    begin = begin_of(kind, tokeniser_of(kind, domain))
    batch = model.parallel_text(domain.data, "train").batch(CHOSEN)
    penalty = 0.6
    mixture = Ending(model.target_vocabulary.end, model.target_vocabulary.padding)
    search = model.beam_search(BeamSearch(beam=3, length_penalty=penalty, max_len_a=0.0, max_len_b=40), mixture)
    # of older settings, which transformers moves there
    network.generation_config.forced_eos_token_id = network.generation_config.bad_words_ids = None
    found = network.generate(
        input_ids=batch.source,
        attention_mask=batch.source.ne(model.source_vocabulary.padding).long(),
        decoder_input_ids=torch.tensor([begin] * len(CHOSEN)),
        decoder_start_token_id=begin[0],
        num_beams=3,
        num_return_sequences=3,
        length_penalty=penalty,
        early_stopping=True,
        max_new_tokens=41,
        return_dict_in_generate=True,
        output_scores=True,
        logits_processor=LogitsProcessorList([lambda _, scores: mixture(scores, scores, scores)]),
    )
    ended = 0
    for row, hypotheses in enumerate(search(batch)):
        scores = [float(one.score) for one in hypotheses]
        assert scores == sorted(scores, reverse=True)
        for one, sequence, score in zip(
            hypotheses, found.sequences[3 * row :], found.sequences_scores[3 * row :], strict=False
        ):
            if len(one.tokens) <= 40:  # else the end was the only token left
                ended += 1
                assert sequence[len(begin) : len(begin) + len(one.tokens)].tolist() == one.tokens.tolist()
                assert float(one.score) == pytest.approx(float(score), abs=1e-4)
    assert ended == 3 * len(CHOSEN)


@torch.no_grad()
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_beam_search_sees_of_a_translation_is_what_a_pass_over_it_gives(
    tiny: Any, domain_of: DomainOf, kind: str, key: str
) -> None:
    domain = domain_of(kind)
    model = load(tiny, domain)
    batch = model.parallel_text(domain.data, "train").batch(CHOSEN)
    decoding = BeamSearch(beam=3, length_penalty=0.6, max_len_a=1.0, max_len_b=3)
    watching = Watching(key)
    alone, mixed = model.beam_search(decoding)(batch), model.beam_search(decoding, watching)(batch)
    for row, (without, hypotheses) in enumerate(zip(alone, mixed, strict=True)):
        assert [one.tokens.tolist() for one in without] == [one.tokens.tolist() for one in hypotheses]
        best = hypotheses[0]
        assert int(best.tokens[-1]) == model.target_vocabulary.end
        assert len(best.tokens) <= batch.source.shape[1] + 3 + 1
        source = batch.source[row][: batch.source_lengths[row]]
        passed = model.teacher_forced(model.pair(source, best.tokens), key)
        own = passed.log_probs()[0].gather(-1, best.tokens[:, None]).squeeze(-1)
        torch.testing.assert_close(best.token_log_probs, own, atol=1e-4, rtol=1e-4)
        assert float(best.score) == pytest.approx(float(own.sum()) / len(best.tokens) ** 0.6, abs=1e-4)
        for step, query in enumerate(passed.keys[0]):
            rows = watching.queries[step][3 * row : 3 * row + 3]
            assert float((rows - query).abs().amax(-1).min()) < 1e-4


def test_a_mixture_decides_what_is_said(tiny: Any, domain_of: DomainOf) -> None:
    model = load(tiny, domain_of("nllb"))
    batch = model.parallel_text(domain_of("nllb").data, "train").batch(CHOSEN)

    class Insisting(Watching):
        def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
            scaled = log_probs + torch.log(torch.tensor(0.1))
            # position by position: 9, 8, 7, and then the end
            wanted = (9, 8, 7, model.target_vocabulary.end)[min(len(self.queries), 3)]
            self.queries.append(queries)
            chosen = torch.full_like(scaled, -torch.inf)
            chosen[:, wanted] = torch.log(torch.tensor(0.9))
            return torch.logaddexp(scaled, chosen)

    decoding = BeamSearch(beam=2, length_penalty=0.0, max_len_a=0.0, max_len_b=10)
    for hypotheses in model.beam_search(decoding, Insisting("decoder_output"))(batch):
        assert hypotheses[0].tokens.tolist() == [9, 8, 7, model.target_vocabulary.end]


def test_scores_that_are_no_numbers_end_in_one_line(tiny: Any, domain_of: DomainOf) -> None:
    model = load(tiny, domain_of("m2m_100"))
    batch = model.parallel_text(domain_of("m2m_100").data, "train").batch(CHOSEN)
    with torch.no_grad():
        model.network.model.decoder.layer_norm.weight.fill_(torch.nan)
    decoding = BeamSearch(beam=2, length_penalty=0.0, max_len_a=0.0, max_len_b=10)
    with pytest.raises(InkError, match="scores are no numbers"):
        model.beam_search(decoding)(batch)
