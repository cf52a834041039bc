"""kNN-KD's objective, label-smoothed cross-entropy + weight * KL(p_kNN || p), and the teacher that p_kNN is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ink.config.sections.trained_systems import KnnKd
from ink.datastore.knn_graph import StoredNeighbours
from ink.datastore.storage import Datastore
from ink.nmt.batches import Batch
from ink.nmt.training_run import TrainingPass
from ink.training.losses import distance_scores, divergence
from ink.training.objective import ObjectiveOfTerms
from ink.training.training_neighbours import own_entries

OWN_ENTRY = ("included", "excluded")


class Teacher:
    """Looks up the k nearest neighbours, found once, of each position of a training batch (Yang et al. 2022).

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


@dataclass
class KnnKdObjective(ObjectiveOfTerms):
    """weight is that of the divergence; temperature that of p_kNN.

    p_kNN(y) is proportional to the sum of exp(-d_i / T) over the teacher's neighbours with value y (Yang et al. 2022).
    It is given its teacher before training begins.
    """

    weight: float = 1.0
    temperature: float = 10.0
    teacher: Teacher | None = None

    name: ClassVar[str] = "knn_kd"
    losses: ClassVar[tuple[str, ...]] = ("loss", "nll_loss", "loss_kd")
    curves: ClassVar[tuple[str, ...]] = losses

    @classmethod
    def from_settings(cls, chosen: KnnKd) -> KnnKdObjective:
        """Make the objective of the config's section `knn_kd`."""
        return cls(chosen.label_smoothing, chosen.weight, chosen.temperature)

    def settings(self) -> dict[str, Any]:
        return {"weight": self.weight, "temperature": self.temperature}

    def term_weights(self) -> Mapping[str, float]:
        return {"loss_kd": self.weight}

    def terms(self, forward: TrainingPass, batch: Batch, prepared: None) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the divergence."""
        if self.teacher is None:
            raise ValueError("weight is not 0, but the criterion was given no teacher")
        distances, values = self.teacher.neighbours(batch.sentences, batch.real)
        # looked up in the padded matrix: picking out its real rows first would copy the whole vocabulary for each
        rows = batch.real.reshape(-1)
        padded = values.new_zeros(len(rows), values.shape[1])
        padded[rows] = values
        log_model = forward.log_probs.float().gather(-1, padded)[rows]
        present = torch.isfinite(distances)
        scores = distance_scores(distances, self.temperature)
        return {"loss_kd": divergence(scores, values, present, log_model)}, {}
