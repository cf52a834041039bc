"""Storing the source tokens of a training text: an encoder pass and an alignment, once for all sentences to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from ink.datastore.source_tokens.token_store import (
    SourceTokens,
    SourceTokensMeta,
    create_source_tokens,
    seal_source_tokens,
)
from ink.datastore.source_tokens.word_alignment import Tokens, align
from ink.nmt.batches import ParallelText, batches_by_length
from ink.nmt.device import device_of
from ink.nmt.oom import FittingBatches
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import write_atomically


@dataclass(frozen=True)
class TrainingTokens:
    """The tokens of a training text, ends of sentence included, each side's sentences in the order of the text."""

    sources: list[Tokens]
    targets: list[Tokens]

    @classmethod
    def of(cls, text: ParallelText, model: TranslationModel, batches: Sequence[Sequence[int]]) -> TrainingTokens:
        """Read them off the batches of a text."""
        nothing = np.empty(0, np.int64)
        found = cls([nothing] * len(text), [nothing] * len(text))
        for numbers in batches:
            batch = text.batch(numbers)
            there = batch.source != model.source_vocabulary.padding
            for row, number in enumerate(batch.sentences.tolist()):
                found.sources[number] = batch.source[row][there[row]].numpy()
                found.targets[number] = batch.target[row][batch.real[row]].numpy()
        return found

    def links(self, source_end: int, target_end: int) -> Tokens:
        """Return of each target position the source position it is aligned with, counted through the text, or -1.

        Ends of sentence are aligned with one another, all else by `align`.
        """
        inner = [
            (np.flatnonzero(source != source_end), np.flatnonzero(target != target_end))
            for source, target in zip(self.sources, self.targets, strict=True)
        ]
        aligned = align(
            [
                (source[in_source], target[in_target])
                for source, target, (in_source, in_target) in zip(self.sources, self.targets, inner, strict=True)
            ]
        )
        links, first = [], 0
        for source, target, (in_source, in_target), places in zip(
            self.sources, self.targets, inner, aligned, strict=True
        ):
            of_target = np.full(len(target), -1, np.int64)
            of_target[in_target] = np.where(places < 0, -1, in_source[places] if len(in_source) else -1)
            if len(ends := np.flatnonzero(source == source_end)):
                of_target[target == target_end] = ends[-1]
            links.append(np.where(of_target < 0, -1, of_target + first))
            first += len(source)
        return np.concatenate(links)


@torch.no_grad()
def store_source_tokens(
    model: TranslationModel, text: ParallelText, corpus: str, output: Path, *, batch_tokens: int
) -> SourceTokensMeta:
    """Write the folder `output` with the source tokens of `text`, whose fingerprint is `corpus`, whole or not at all.

    Raises InkError where what the encoder makes of a token is not finite.
    """
    model.network.eval()
    batches = batches_by_length(text, batch_tokens)
    tokens = TrainingTokens.of(text, model, batches)
    flat = np.concatenate(tokens.sources)
    # the place of each source position of the text among the occurrences of all types
    order = np.argsort(flat, kind="stable")
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    links = tokens.links(model.source_vocabulary.end, model.target_vocabulary.end)
    linked = np.flatnonzero(links >= 0)
    occurrences = ranks[links[linked]]
    types = len(model.source_vocabulary)
    probe = model.encode(text.batch(batches[0][:1]).to(device_of(model.network)))
    meta = SourceTokensMeta(len(flat), probe.shape[-1], types, len(linked), model.fingerprint, corpus)
    with write_atomically(output) as temporary:
        stored = create_source_tokens(temporary, meta)
        stored.type_starts[:] = np.searchsorted(flat[order], np.arange(types + 1))
        stored.link_starts[:] = np.append(0, np.cumsum(np.bincount(occurrences, minlength=len(flat))))
        stored.entries[:] = linked[np.argsort(occurrences, kind="stable")]
        _encode(model, text, batches, ranks, stored)
        seal_source_tokens(stored)
    return meta


def _encode(
    model: TranslationModel,
    text: ParallelText,
    batches: Sequence[Sequence[int]],
    ranks: NDArray[np.int64],
    stored: SourceTokens,
) -> None:
    """Pass over the sources and write what the encoder makes of each token to its place among the occurrences."""
    device = device_of(model.network)
    starts = np.cumsum(text.source_lengths) - text.source_lengths
    fitting = FittingBatches(text.source_lengths, task="source tokens", setting="datastore.batch_tokens")

    def encoded(part: Sequence[int]) -> tuple[list[int], torch.Tensor]:
        batch = text.batch(part).to(device)
        return batch.sentences.tolist(), model.encode(batch)[batch.source != model.source_vocabulary.padding]

    with progress(range(len(text)), description="source tokens", unit="sentence", total=len(text)) as bar:
        for numbers in batches:
            for part, (sentences, states) in fitting.run(encoded, numbers):
                if not bool(states.isfinite().all()):
                    raise InkError(
                        f"the encoder's output is not finite in training sentences {min(part)} to {max(part)}; "
                        "set precision to bf16 or fp32, or use another model",
                        code="datastore/not-finite",
                    )
                positions = np.concatenate(
                    [np.arange(starts[one], starts[one] + text.source_lengths[one]) for one in sentences]
                )
                stored.representations[ranks[positions]] = normalize(states.float(), dim=-1).half().cpu().numpy()
                bar.update(len(part))
