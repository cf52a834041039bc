"""The base model's queries on the dev set: once without dropout, or anew for every batch with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.combiners.positions import LabelledPositions, joined, labelled
from ink.datastore.build import teacher_forced_batch
from ink.datastore.search import Searcher, gather_keys
from ink.nmt.batches import ParallelText, batches_by_length
from ink.nmt.device import device_of
from ink.nmt.oom import FittingBatches
from ink.nmt.translation_model import TranslationModel
from ink.runtime.progress import progress

# Positions weighed together when the loss of all of dev is computed, and the numbers of their keys: 64 MB.
AT_ONCE, KEY_NUMBERS_AT_ONCE = 8192, 2**24
# What A-kNN's and R-kNN's released scripts leave on in the base model while it queries.
RELEASED_DROPOUT, RELEASED_ATTENTION_DROPOUT = 0.2, 0.1


class DevQueries:
    """Positions of the dev set as a combiner is trained on them.

    `base_dropout` says how the base model reads them:

    - `none`: once, in eval mode; every batch is made of what was kept
    - `released`: anew for every batch, with the released scripts' dropout
    """

    def __init__(
        self,
        model: TranslationModel,
        text: ParallelText,
        searcher: Searcher,
        combiner: Combiner,
        base_dropout: str,
        batch_tokens: int,
    ) -> None:
        self.model, self.text, self.searcher, self.combiner = model, text, searcher, combiner
        self.base_dropout, self.batch_tokens = base_dropout, batch_tokens
        if base_dropout == "released":
            model.set_dropout(RELEASED_DROPOUT, RELEASED_ATTENTION_DROPOUT)
        self._fitting = FittingBatches(text.longer_sides, task="querying with dev", setting="datastore.batch_tokens")
        self._offsets = text.offsets
        self.stored = self._pass()

    @property
    def sentences(self) -> int:
        return len(self.text)

    @property
    def at_once(self) -> int:
        """How many positions are weighed together where it is all of the set: fewer where they come with keys."""
        if not self._with_keys:
            return AT_ONCE
        return max(1, KEY_NUMBERS_AT_ONCE // (self.combiner.k * self.searcher.datastore.meta.dimension))

    def complete(self, positions: LabelledPositions) -> LabelledPositions:
        """Return positions with all that the combiner weighs: a whole set's keys would be too many to keep."""
        if not self._with_keys:
            return positions
        near = positions.neighbours
        return replace(positions, neighbours=replace(near, keys=self.keys(near.ids)))

    def keys(self, ids: Tensor) -> Tensor:
        """Read the datastore's keys (..., dimension) of the entries `ids` (...), as `gather_keys` does."""
        return gather_keys(self._keys, ids)

    @torch.no_grad()
    def log_probs(self, keys: Tensor, values: Tensor) -> Tensor:
        """Return the model's log p(value | key), (n,), of keys (n, dimension) and values (n,)."""
        parts = []
        for some_keys, their_values in zip(keys.split(self.batch_tokens), values.split(self.batch_tokens), strict=True):
            parts.append(self.model.log_probs(some_keys).gather(-1, their_values.unsqueeze(-1)).squeeze(-1))
        return torch.cat(parts)

    @property
    def _with_keys(self) -> bool:
        return self.combiner.needs_keys and self.combiner.weighs_keys

    @cached_property
    def _keys(self) -> NDArray[np.float16]:
        return self.searcher.datastore.keys

    def batch(self, sentences: Sequence[int]) -> LabelledPositions:
        """Return the positions of these sentences as a training batch, with spare neighbours if there are any."""
        if self.base_dropout == "none":
            return self.stored.at(self._rows(sentences))
        self.model.network.train()
        try:
            return joined([found for _, found in self._queried(sentences)])
        finally:
            self.model.network.eval()

    def _pass(self) -> LabelledPositions:
        """Query with the whole set in eval mode; positions in the order of its sentences."""
        network = self.model.network.eval()
        order: list[int] = []
        parts = []
        batches = batches_by_length(self.text, self.batch_tokens)
        for batch in progress(batches, description="querying with dev", unit="batch"):
            for sentences, found in self._queried(batch):
                order += sentences
                parts.append(found)
        places = torch.empty(int(self._offsets[-1]), dtype=torch.long, device=device_of(network))
        places[self._rows(order)] = torch.arange(len(places), device=places.device)
        return joined(parts).at(places)

    def _queried(self, batch: Sequence[int]) -> Iterator[tuple[list[int], LabelledPositions]]:
        """Yield what `_query` gives for the parts of a batch that fit into the device's memory."""
        for _, found in self._fitting.run(self._query, batch):
            yield found

    def _query(self, sentences: Sequence[int]) -> tuple[list[int], LabelledPositions]:
        order, queries, targets, log_probs = teacher_forced_batch(
            self.model, self.text, sentences, self.searcher.datastore.meta.key, with_log_probs=True
        )
        assert log_probs is not None
        combiner, queries = self.combiner, queries.float()
        neighbours = combiner.search(self.searcher, queries, spare=combiner.spare_neighbours)
        return order, labelled(combiner.positions(neighbours, queries, log_probs), targets, log_probs)

    def _rows(self, sentences: Sequence[int]) -> Tensor:
        """Return the places of the sentences' positions in the set, (positions,)."""
        spans = [np.arange(self._offsets[number], self._offsets[number + 1]) for number in sentences]
        return torch.from_numpy(np.concatenate(spans)).to(device_of(self.model.network))
