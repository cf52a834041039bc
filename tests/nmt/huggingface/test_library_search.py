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
from ink.nmt.huggingface.open_sentences import OpenSentences
from ink.runtime.errors import InkError

DomainOf = Callable[[str], Domain]
CHOSEN = (0, 7, 30, 41)


class Watching:
    """A mixture that leaves the model's distribution as it is, and keeps the queries and the sentences they are of."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.queries: list[Tensor] = []
        self.sentences: list[Tensor] = []

    def begin(self, batch: SourceBatch) -> None:
        self.begun = len(batch.source)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        self.queries.append(queries.clone())
        self.sentences.append(sentences.clone())
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

    def raised(self, sentences: Tensor) -> Tensor:
        """By how much, of each row."""
        return torch.full((len(sentences),), 6.0)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        super().__call__(queries, log_probs, sentences)
        raised = log_probs.clone()
        raised[:, self.end] += self.raised(sentences)
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
            rows = watching.queries[step][watching.sentences[step] == row]
            assert float((rows - query).abs().amax(-1).min()) < 1e-4


class EndingByNumber(Ending):
    """Ends some sentences of a batch later than others."""

    def raised(self, sentences: Tensor) -> Tensor:
        return 4.0 * (len(self.queries) - 1 - sentences % 6)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_that_is_over_is_not_searched_for(
    tiny: Any, domain_of: DomainOf, monkeypatch: pytest.MonkeyPatch, kind: str, beam: int
) -> None:
    domain = domain_of(kind)
    model = load(tiny, domain)
    batch = model.parallel_text(domain.data, "train").batch(range(0, 40, 3))
    mixture = EndingByNumber(model.target_vocabulary.end, model.target_vocabulary.padding)
    search = model.beam_search(BeamSearch(beam=beam, length_penalty=0.6, max_len_a=0.0, max_len_b=40), mixture)
    found = search(batch)
    # the hypothesis that ends last ends the search
    steps = [max(len(one.tokens) for one in hypotheses) for hypotheses in found]
    assert len({*steps}) > 3 and len(mixture.sentences) == max(steps)
    for step, sentences in enumerate(mixture.sentences):
        going_on = [number for number, last in enumerate(steps) if last > step]
        assert sentences.tolist() == [number for number in going_on for _ in range(beam)]
    mixture.queries.clear()
    everything = torch.arange(beam * len(batch.source))
    monkeypatch.setattr(OpenSentences, "rows", lambda _: everything)
    for hypotheses, others in zip(found, search(batch), strict=True):
        assert [one.tokens.tolist() for one in hypotheses] == [one.tokens.tolist() for one in others]
        for one, other in zip(hypotheses, others, strict=True):
            torch.testing.assert_close(one.token_log_probs, other.token_log_probs)


def test_of_equal_scores_none_ends_a_sentence_too_early() -> None:
    """Continuations of the same score stand in any order, so that the end may not be the one that is taken."""
    one = OpenSentences(1, 1, end=7, device=torch.device("cpu"))
    one.follow(torch.tensor([[-1.0, -1.0]]), torch.tensor([[7, 3]]))
    assert one.rows().tolist() == [0]
    one.follow(torch.tensor([[-0.9, -1.0]]), torch.tensor([[7, 3]]))
    assert one.rows().tolist() == []


def test_hypotheses_end_among_the_best_of_all_beams() -> None:
    two = OpenSentences(1, 2, end=7, device=torch.device("cpu"))
    first, no_beam = [-0.5, -1.0, -1.5, -2.0], [0.0, -1.0, -1.5, -2.0]
    two.follow(torch.tensor([first, no_beam]), torch.tensor([[3, 7, 4, 5], [7, 3, 4, 5]]))
    assert two.rows().tolist() == [0, 1]  # one has ended with -1.0, and -0.5 and -1.5 go on
    # -0.5 - 1.0 goes on, as does -0.5 - 2.1; the ends are third and fourth
    two.follow(
        torch.tensor([[-1.0, -1.9, -2.1, -9.0], [-0.1, -1.0, -9.0, -9.0]]), torch.tensor([[3, 4, 7, 5], [5, 7, 3, 4]])
    )
    assert two.rows().tolist() == [0, 1]
    # the best two are -1.5 - 0.2, which ends
    two.follow(
        torch.tensor([[-0.2, -1.0, -2.0, -3.0], [-1.0, -2.0, -3.0, -4.0]]), torch.tensor([[7, 3, 4, 5], [3, 4, 5, 7]])
    )
    assert two.rows().tolist() == []


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
