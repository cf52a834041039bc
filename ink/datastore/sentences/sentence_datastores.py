"""Small datastores of the sentences that are being translated, each of the training pairs that are like it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from ink.config.sections.retrieval_systems import SkMt
from ink.datastore.build import teacher_forced_batch
from ink.datastore.search import Neighbours
from ink.datastore.sentences.grouping import grouped
from ink.datastore.sentences.similar_sentences import SimilarSentences
from ink.nmt.batches import ParallelText, SourceBatch, batches_by_length
from ink.nmt.translation_model import TranslationModel, Vocabulary

BATCH_TOKENS = 4000  # of a pass over the training pairs that a batch is like


class SentenceDatastores:
    """Makes a datastore of each sentence of a batch, in memory, and searches it exactly.

    It holds the keys and values of the target sentences of `settings.pairs` training pairs of `text`, or of fewer where
    fewer are like the sentence, computed by `model` as the reference is said (teacher-forced).
    """

    def __init__(self, model: TranslationModel, text: ParallelText, settings: SkMt) -> None:
        self.model, self.text, self.key = model, text, settings.key
        sources = _sources(text, model.source_vocabulary)
        types = len(model.source_vocabulary)
        self.similar = SimilarSentences(sources, types, candidates=settings.candidates, found=settings.pairs)
        self._offsets = text.offsets
        self._keys = self._values = self._entries = torch.empty(0)

    @property
    def counts(self) -> dict[str, int]:
        """Nothing: every sentence has as many pairs as it finds."""
        return {}

    def begin(self, batch: SourceBatch) -> None:
        """Make the datastores of a batch's sentences; those of the batch before are gone."""
        vocabulary = self.model.source_vocabulary
        pairs = [self.similar.like(source) for source in _without_ends(batch, vocabulary)]
        passed = self._passed(sorted({number for found in pairs for number in found}), batch.source.device)
        keys, values, entries = ([_joined(passed, found, part) for found in pairs] for part in range(3))
        self._keys, self._values = pad_sequence(keys, batch_first=True), pad_sequence(values, batch_first=True)
        self._entries = pad_sequence(entries, batch_first=True, padding_value=-1)

    def search(self, queries: Tensor, sentences: Tensor, k: int) -> Neighbours:
        """Find the k nearest entries of `queries` (n, dimension), each in its sentence's datastore.

        sentences: (n,), the sentence's place in the batch. Infinitely far where the datastore has fewer than k.
        """
        distances = self._distances(queries, sentences)
        entries = self._entries[sentences]
        distances = distances.masked_fill(entries < 0, torch.inf)
        if (lacking := k - distances.shape[-1]) > 0:
            distances, entries = pad(distances, (0, lacking), value=torch.inf), pad(entries, (0, lacking), value=-1)
        nearest = distances.topk(k, dim=-1, largest=False)
        ids = entries.gather(-1, nearest.indices)
        values = pad(self._values, (0, max(lacking, 0)))[sentences].gather(-1, nearest.indices)
        return Neighbours(nearest.values, values.masked_fill(ids < 0, 0), ids)

    def _distances(self, queries: Tensor, sentences: Tensor) -> Tensor:
        """Return squared L2 distances (n, entries) to the keys of each query's sentence, a sentence at a time."""
        rows, place = grouped(queries, sentences, len(self._keys))
        distances = torch.cdist(rows, self._keys, compute_mode="donot_use_mm_for_euclid_dist")
        return distances[sentences, place].pow(2)

    def _passed(self, numbers: Sequence[int], device: torch.device) -> dict[int, tuple[Tensor, Tensor, Tensor]]:
        """Return keys, values and numbers of the entries of training pairs, by the pairs' numbers; of -1, none."""
        dimension = self.model.key_dimension(self.key)
        nothing = torch.empty(0, dtype=torch.int64, device=device)
        found = {-1: (torch.empty(0, dimension, device=device), nothing, nothing)}
        part = self.text.part(numbers)
        for batch in batches_by_length(part, BATCH_TOKENS):
            order, keys, values, _ = teacher_forced_batch(self.model, part, batch, self.key, with_log_probs=False)
            lengths = [int(part.target_lengths[place]) for place in order]
            for place, own_keys, own_values in zip(
                order, keys.float().split(lengths), values.split(lengths), strict=True
            ):
                first = int(self._offsets[numbers[place]])
                entries = torch.arange(first, first + len(own_values), device=device)
                found[numbers[place]] = own_keys, own_values, entries
        return found


def _joined(passed: dict[int, tuple[Tensor, Tensor, Tensor]], numbers: Sequence[int], part: int) -> Tensor:
    return torch.cat([passed[number][part] for number in numbers or [-1]])


def _without_ends(batch: SourceBatch, vocabulary: Vocabulary) -> Iterator[NDArray[np.int64]]:
    """Yield the tokens of a batch's sources in its order, without ends of sentence and padding."""
    for row in batch.source.cpu().numpy():
        yield row[(row != vocabulary.padding) & (row != vocabulary.end)].astype(np.int64)


def _sources(text: ParallelText, vocabulary: Vocabulary) -> list[NDArray[np.int64]]:
    """Return the tokens of every source of a text, without ends of sentence."""
    found: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(text)
    for numbers in batches_by_length(text, BATCH_TOKENS):
        batch = text.batch(numbers)
        for number, source in zip(batch.sentences.tolist(), _without_ends(batch, vocabulary), strict=True):
            found[number] = source
    return found
