"""The part of a datastore that a sentence's own words point at (Fast kNN-MT, Meng et al. 2022), searched exactly."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize, pad
from torch.nn.utils.rnn import pad_sequence

from ink.datastore.search import Neighbours, exact_distances, sorted_by_distance
from ink.datastore.sentences.grouping import grouped
from ink.datastore.source_tokens.token_store import SourceTokens
from ink.datastore.storage import Datastore
from ink.nmt.batches import SourceBatch
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError

COMPARED = 65_536  # occurrences of a type whose representations are read at a time


class RestrictedDatastores:
    """Gathers a datastore of each sentence of a batch from a whole one, and searches it exactly.

    Of each source token x_i, the `occurrences` (c) nearest of the same type in the training text are found: those of
    the highest cosine of what `model`'s encoder makes of them. The sentence's datastore has the entries of `datastore`
    that are aligned with any of them. `sentences` and `entries` count what has been gathered. With `keys` and
    `log_probs` neighbours come with theirs, as those of a `Searcher` do; InkError where none of the latter are stored.
    """

    def __init__(
        self,
        model: TranslationModel,
        datastore: Datastore,
        stored: SourceTokens,
        occurrences: int,
        *,
        keys: bool = False,
        log_probs: bool = False,
    ) -> None:
        self.model, self.datastore, self.stored, self.occurrences = model, datastore, stored, occurrences
        self.sentences = self.entries = 0
        self._with_keys = keys
        self._stored_log_probs = _log_probs_of(datastore) if log_probs else None
        self._stored_keys = np.asarray(datastore.keys)
        self._keys = self._squares = self._values = self._ids = torch.empty(0)

    @property
    def key(self) -> str:
        """The kind of keys in the datastore, of which queries have to be."""
        return self.datastore.meta.key

    @property
    def counts(self) -> dict[str, int]:
        """Sentences so far, and entries of all their datastores."""
        return {"sentences": self.sentences, "entries": self.entries}

    @torch.no_grad()
    def begin(self, batch: SourceBatch) -> None:
        """Gather the datastores of a batch's sentences; those of the batch before are gone."""
        self._keys = self._squares = torch.empty(0)
        found = self.candidates(batch)
        self.sentences += len(found)
        self.entries += sum(map(len, found))
        device = batch.source.device
        keys = [torch.from_numpy(self._stored_keys[ids]).to(device).float() for ids in found]
        values = [torch.from_numpy(self.datastore.values[ids].astype(np.int64)) for ids in found]
        self._keys, self._values = (pad_sequence(parts, batch_first=True) for parts in (keys, values))
        self._values = self._values.to(device)
        ids = [torch.from_numpy(ids) for ids in found]
        self._ids = pad_sequence(ids, batch_first=True, padding_value=-1).to(device)
        self._squares = self._keys.pow(2).sum(-1).masked_fill(self._ids < 0, torch.inf)

    def candidates(self, batch: SourceBatch) -> list[NDArray[np.int64]]:
        """Return the entries of each sentence's datastore, ascending, in the batch's order."""
        states = normalize(self.model.encode(batch).float(), dim=-1)
        places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for row, tokens in enumerate(batch.source.tolist()):
            for column, token in enumerate(tokens):
                if token != self.model.source_vocabulary.padding:
                    places[token].append((row, column))
        nearest: list[list[NDArray[np.int64]]] = [[np.empty(0, np.int64)] for _ in batch.source]
        for token, at in places.items():
            rows, columns = zip(*at, strict=True)
            for row, occurrences in zip(rows, self._nearest(token, states[list(rows), list(columns)]), strict=True):
                nearest[row].append(occurrences)
        return [self.stored.aligned(np.unique(np.concatenate(parts))) for parts in nearest]

    def _nearest(self, token: int, states: Tensor) -> NDArray[np.int64]:
        """Return the occurrences of a type that are nearest to `states` (n, dimension) of length 1: (n, at most c)."""
        every = self.stored.occurrences(token)
        if len(every) <= self.occurrences:
            return np.tile(np.arange(every.start, every.stop), (len(states), 1))
        best, ids = states.new_empty(len(states), 0), torch.empty(len(states), 0, dtype=torch.int64)
        ids = ids.to(states.device)
        for start in range(every.start, every.stop, COMPARED):
            part = np.array(self.stored.representations[start : min(start + COMPARED, every.stop)])
            cosines = states @ torch.from_numpy(part).to(states.device).float().T
            numbers = torch.arange(start, start + len(part), device=states.device).expand(len(states), -1)
            best, ids = torch.cat([best, cosines], dim=-1), torch.cat([ids, numbers], dim=-1)
            highest = best.topk(min(self.occurrences, best.shape[-1]), dim=-1)
            best, ids = highest.values, ids.gather(-1, highest.indices)
        return ids.cpu().numpy()

    def search(self, queries: Tensor, sentences: Tensor, k: int) -> Neighbours:
        """Find the k nearest entries of `queries` (n, dimension), each in its sentence's datastore.

        sentences: (n,), the sentence's place in the batch. Infinitely far where the datastore has fewer than k.
        """
        rows, place = grouped(queries, sentences, len(self._keys))
        # ||k||^2 - 2 q k, which orders a query's entries as their distances do
        order = torch.baddbmm(self._squares.unsqueeze(1), rows, self._keys.transpose(1, 2), alpha=-2)
        nearest = order[sentences, place].topk(min(k, order.shape[-1]), dim=-1, largest=False).indices
        rows = sentences.unsqueeze(-1)
        ids, found = self._ids[rows, nearest], self._keys[rows, nearest]
        values = self._values[rows, nearest]
        lacking = k - nearest.shape[-1]
        if lacking > 0:
            ids, values = pad(ids, (0, lacking), value=-1), pad(values, (0, lacking))
            found = pad(found, (0, 0, 0, lacking))
        distances = exact_distances(queries, found, ids >= 0)
        stored = None
        if self._stored_log_probs is not None:
            stored = torch.from_numpy(self._stored_log_probs[ids.clamp(min=0).cpu().numpy()]).to(ids.device)
        return sorted_by_distance(Neighbours(distances, values, ids, stored, found if self._with_keys else None))


def _log_probs_of(datastore: Datastore) -> NDArray[np.float32]:
    if datastore.log_probs is None:
        raise InkError(
            f"datastore {datastore.path} holds no log-probabilities; build the datastore again",
            code="datastore/incomplete",
        )
    return np.asarray(datastore.log_probs)
