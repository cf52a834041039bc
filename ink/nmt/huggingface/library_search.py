"""Beam search by transformers' own `generate`, the mixture inside it as a logits processor.

Search ends as in fairseq: a sentence's is over when `beam` hypotheses have ended, and the last token that a translation
may have is its end of sentence. A hypothesis's score is the sum of its tokens' log-probabilities divided by a power of
their number, end of sentence included and tags of languages not.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from ink.config.sections import base_system
from ink.corpus.token_list import TokenList
from ink.nmt.batches import SourceBatch
from ink.nmt.beam_search import Mixture, Translation
from ink.nmt.huggingface.architectures import NetworkParts
from ink.nmt.huggingface.open_sentences import OpenSentences
from ink.nmt.huggingface.state_reader import StateReader
from ink.nmt.translation_model import log_softmax
from ink.runtime.errors import InkError


class LibrarySearch:
    """Beam search for `network` from the config's section `decoding`.

    never_said: numbers of tokens that no translation has, padding among them. longest_target: how many tokens a target
    may have, end of sentence included.
    """

    def __init__(
        self,
        network: Any,
        tokens: TokenList,
        never_said: list[int],
        longest_target: int,
        decoding: base_system.BeamSearch,
        mixture: Mixture | None,
    ) -> None:
        network.eval()
        parts = NetworkParts(network)
        self.network, self.tokens, self.decoding, self.mixture = network, tokens, decoding, mixture
        self.never_said, self.longest_target = never_said, longest_target
        self.reader = None if mixture is None else StateReader(parts, mixture.key)

    @torch.no_grad()
    def __call__(self, batch: SourceBatch) -> list[list[Translation]]:
        """Return the hypotheses of each sentence, best first, in the order of the batch."""
        decoding, start = self.decoding, self.tokens.start
        if self.mixture is not None:
            self.mixture.begin(batch)
        longest = int(decoding.max_len_a * batch.source.shape[1] + decoding.max_len_b)
        longest = min(longest, self.longest_target - 1)
        sentences = OpenSentences(len(batch.source), decoding.beam, self.tokens.end, batch.source.device)
        step = MixedStep(self, sentences, prompt=len(start), longest=longest)
        with self.reader or nullcontext():
            found = self.network.generate(
                input_ids=batch.source,
                attention_mask=source_mask(batch),
                decoder_input_ids=batch.source.new_tensor(start).expand(len(batch.source), -1),
                generation_config=self._settings(longest),
                logits_processor=LogitsProcessorList([step]),
            )
        rows = getattr(found, "beam_indices", None)
        return step.translations(found.sequences[:, len(start) :], rows)

    def _settings(self, longest: int) -> GenerationConfig:
        several: dict[str, Any] = {}
        if (beam := self.decoding.beam) > 1:
            several = {"length_penalty": float(self.decoding.length_penalty), "early_stopping": True}
        return GenerationConfig(
            num_beams=beam,
            num_return_sequences=beam,
            max_new_tokens=longest + 1,
            do_sample=False,
            decoder_start_token_id=self.tokens.start[0],
            eos_token_id=self.tokens.end,
            pad_token_id=self.tokens.padding,
            return_dict_in_generate=True,
            **several,
        )


class MixedStep(LogitsProcessor):
    """One step of beam search: the mixture's log-probabilities in place of the model's, which it remembers.

    sentences: those whose search goes on; the mixture has no part in the others' rows. prompt: how many tokens the
    decoder has read before it writes one; longest: how many it may write before the end.
    """

    def __init__(self, search: LibrarySearch, sentences: OpenSentences, *, prompt: int, longest: int) -> None:
        self.search, self.sentences, self.prompt, self.longest = search, sentences, prompt, longest
        # of the tokens that a step may go on with, and others: their log-probabilities and numbers, (rows, tokens)
        self._best: list[Tensor] = []
        self._numbers: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return log-probabilities (rows, vocabulary) in fp32; input_ids: (rows, length), what has been said."""
        search = self.search
        log_probs = log_softmax(scores)
        if search.mixture is not None and search.reader is not None:
            rows = self.sentences.rows()
            queries = search.reader.read()[rows, -1]
            mixed = search.mixture(queries, log_probs[rows], rows // search.decoding.beam)
            log_probs = log_probs.index_copy(0, rows, mixed)
        if bool(log_probs.isnan().any()):
            raise InkError(
                "the model's scores are no numbers, so that no translation ends: weights of the checkpoint are damaged "
                "or too large for its precision; use another checkpoint, or precision: fp32",
                code="model/not-finite",
            )
        log_probs[:, search.never_said] = -torch.inf
        if input_ids.shape[1] - self.prompt >= self.longest:
            end = log_probs[:, search.tokens.end].clone()
            log_probs[:] = -torch.inf
            log_probs[:, search.tokens.end] = end
        # as many as generate looks at
        best = log_probs.topk(min(2 * search.decoding.beam, log_probs.shape[1]), dim=-1)
        if search.mixture is not None:
            self.sentences.follow(best.values, best.indices)
        self._best.append(best.values)
        self._numbers.append(best.indices)
        return log_probs

    def translations(self, sequences: Tensor, rows: Tensor | None) -> list[list[Translation]]:
        """Return each sentence's different hypotheses, in their order.

        sequences: (sentences * beam, length); rows: of the same shape, which row said each token, every row its own
        without it.
        """
        best, numbers = torch.stack(self._best), torch.stack(self._numbers)
        penalty, end = self.search.decoding.length_penalty, self.search.tokens.end
        found: list[dict[tuple[int, ...], Translation]] = []
        for number, sequence in enumerate(sequences):
            if number % self.search.decoding.beam == 0:
                found.append({})
            length = int(sequence.eq(end).int().argmax()) + 1
            tokens, steps = sequence[:length], torch.arange(length, device=sequence.device)
            said_by = torch.full_like(steps, number) if rows is None else rows[number, :length].long()
            chosen = numbers[steps, said_by] == tokens.unsqueeze(-1)
            own = best[steps, said_by].where(chosen, 0.0).sum(-1)
            # beams that nothing was left for are there as well
            if bool(chosen.any(-1).all()) and bool(own.isfinite().all()):
                found[-1].setdefault(tuple(tokens.tolist()), Translation(tokens, own, own.sum() / length**penalty))
        return [[*of_sentence.values()] for of_sentence in found]


def source_mask(batch: SourceBatch) -> Tensor:
    """Return where a batch has source tokens and no padding, (batch, source length) int64."""
    places = torch.arange(batch.source.shape[1], device=batch.source.device)
    return (places < batch.source_lengths.unsqueeze(-1)).long()
