"""SK-MT's part in beam search: a combiner with a small datastore of each sentence."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ink.combiners.combiner import Combiner
from ink.datastore.sentences.sentence_datastores import SentenceDatastores
from ink.nmt.batches import SourceBatch


@dataclass
class SentenceMixture:
    """Searches the datastore of each query's sentence and mixes p_kNN into the model's distribution."""

    datastores: SentenceDatastores
    combiner: Combiner

    @property
    def key(self) -> str:
        """The kind of keys in the datastores, of which queries have to be."""
        return self.datastores.key

    def begin(self, batch: SourceBatch) -> None:
        """Make the datastores of a batch that is searched next."""
        self.datastores.begin(batch)

    def __call__(self, queries: Tensor, log_probs: Tensor, sentences: Tensor) -> Tensor:
        """Map the model's log_probs (n, vocabulary) at queries (n, dimension) of `sentences` (n,) to the mixture's."""
        wide = queries.float()
        return self.combiner(self.datastores.search(wide, sentences, self.combiner.k), wide, log_probs)
