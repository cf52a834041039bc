"""The neighbours of training positions, each position's own entry excluded by identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ink.datastore.search import Searcher, gather_keys
from ink.datastore.storage import Datastore


def own_entries(datastore: Datastore, sentences: Tensor, real: Tensor) -> Tensor:
    """Return the entry of every position that is not padding, (positions,), row by row.

    sentences: (batch,) numbers in the training corpus; real: (batch, length), true where not padding.
    """
    starts = torch.from_numpy(np.asarray(datastore.offsets[sentences.cpu().numpy()])).to(real.device)
    return (starts.unsqueeze(-1) + torch.arange(real.shape[1], device=real.device))[real]


class TrainingNeighbours:
    """Finds k neighbours of each position of a training batch in the round's datastore by the current h_t."""

    def __init__(self, datastore: Datastore, index: Mapping[str, Any], k: int, variant: str) -> None:
        self.datastore = datastore
        self.searcher = Searcher(datastore, index)
        self.keys = datastore.keys
        self.k = k
        self.variant = variant

    def find(self, queries: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return keys (positions, k, dimension), values (positions, k) and whether there is a neighbour (positions, k).

        queries: (positions, dimension); own: (positions,), the entries to leave out. Nearest first by squared L2
        distance recomputed from the keys. `released` searches k, drops whatever ranks first, and so returns k - 1.
        """
        if self.variant == "released":
            ids = self.searcher.search(queries, self.k).ids[:, 1:]
        else:
            ids = self.searcher.search_without(queries, own, self.k).to(queries.device)
        keys = gather_keys(self.keys, ids)
        present = ids >= 0
        distances = (queries.detach().unsqueeze(1) - keys).pow(2).sum(-1).masked_fill(~present, torch.inf)
        order = distances.argsort(dim=-1, stable=True)
        keys = keys.gather(1, order.unsqueeze(-1).expand_as(keys))
        ids, present = ids.gather(1, order), present.gather(1, order)
        values = torch.from_numpy(self.datastore.values[ids.clamp(min=0).cpu().numpy()].astype(np.int64))
        return keys, values.to(queries.device), present
