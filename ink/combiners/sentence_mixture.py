"""A combiner with a datastore of each sentence's own: SK-MT's part in beam search, and Fast kNN-MT's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.datastore.search import Neighbours
from ink.nmt.batches import SourceBatch


class OwnDatastores(Protocol):
    """A datastore of each sentence of a batch."""

    @property
    def key(self) -> str:
        """The kind of their keys, of which queries have to be."""
        ...

    @property
    def counts(self) -> dict[str, int]:
        """What has been counted of the batches so far, by name, for the record of an evaluation."""
        ...

    def begin(self, batch: SourceBatch) -> None:
        """Make the datastores of a batch's sentences; those of the batch before are gone."""
        ...

    def search(self, queries: Tensor, sentences: Tensor, k: int) -> Neighbours:
        """Find the k nearest entries of `queries` (n, dimension), each in its sentence's datastore.

        sentences: (n,), the sentence's place in the batch. Infinitely far where the datastore has fewer than k.
        """
        ...


@dataclass
class SentenceMixture:
    """Searches the datastore of each query's sentence and mixes p_kNN into the model's distribution."""

    datastores: OwnDatastores
    combiner: Combiner

    @property
    def key(self) -> str:
        """The kind of keys in the datastores, of which queries have to be."""
        return self.datastores.key

    @property
    def counts(self) -> dict[str, int]:
        """What the datastores have counted, by name."""
        return self.datastores.counts

    def begin(self, batch: SourceBatch) -> None:
        """Make the datastores of the batch that is searched next."""
        self.datastores.begin(batch)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        """Map the model's log_probs (n, vocabulary) at queries (n, dimension) of `sentences` (n,) to the mixture's."""
        wide = queries.float()
        return self.combiner(self.datastores.search(wide, sentences, self.combiner.k), wide, log_probs)
