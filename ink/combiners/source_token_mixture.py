"""Fast kNN-MT's part in beam search: a combiner with what a sentence's own words point at in a datastore."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.datastore.source_tokens.restricted_datastores import RestrictedDatastores
from ink.nmt.batches import SourceBatch


@dataclass
class SourceTokenMixture:
    """Searches the part of the datastore of each query's sentence and mixes p_kNN into the model's distribution."""

    datastores: RestrictedDatastores
    combiner: Combiner

    @property
    def key(self) -> str:
        """The kind of keys in the datastore, of which queries have to be."""
        return self.datastores.key

    def begin(self, batch: SourceBatch) -> None:
        """Gather what the sentences of a batch search next."""
        self.datastores.begin(batch)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        """Map the model's log_probs (n, vocabulary) at queries (n, dimension) of `sentences` (n,) to the mixture's."""
        wide, combiner = queries.float(), self.combiner
        found = self.datastores.search(
            wide, sentences, combiner.k, keys=combiner.needs_keys, log_probs=combiner.needs_log_probs
        )
        return combiner(found, wide, log_probs)
