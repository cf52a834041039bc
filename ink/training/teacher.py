"""kNN-KD's teacher: the base model's neighbours of training positions, found once (Yang et al. 2022)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ink.datastore.storage import Datastore
from ink.datastore.stored_neighbours import StoredNeighbours
from ink.training.neighbours import own_entries

OWN_ENTRY = ("included", "excluded")


class Teacher:
    """Looks up the k nearest neighbours of each position of a training batch.

    own_entry: `included`, as in the released code, or `excluded` by identity: duplicates of the sentence stay.
    """

    def __init__(self, datastore: Datastore, stored: StoredNeighbours, k: int, own_entry: str) -> None:
        if own_entry not in OWN_ENTRY:
            raise ValueError(f"own_entry is {own_entry!r}; known: {', '.join(OWN_ENTRY)}")
        self.datastore = datastore
        self.stored = stored
        self.k = k
        self.without_own = own_entry == "excluded"

    def neighbours(self, sentences: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Return squared distances fp32 and values int64, each (positions, k), nearest first.

        sentences: (batch,) numbers in the training corpus; real: (batch, length), true where not padding. Where there
        are fewer than k the distance is infinite and the value means nothing.
        """
        entries = own_entries(self.datastore, sentences, real).cpu().numpy()
        distances, ids = self.stored.first(entries, self.k, without_own=self.without_own)
        values = self.datastore.values[np.maximum(ids, 0)].astype(np.int64)
        return torch.from_numpy(distances).to(real.device), torch.from_numpy(values).to(real.device)
