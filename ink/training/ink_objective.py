"""INK's objective, L_a + alpha L_i + beta L_r: label-smoothed cross-entropy and the weighted terms of `INK_TERMS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ink.config.slices.training_slices import InkRound
from ink.nmt.batches import Batch
from ink.nmt.training_run import TrainingPass
from ink.training.losses import INK_TERMS, Retrieved, cosines
from ink.training.objective import ObjectiveOfTerms
from ink.training.training_neighbours import TrainingNeighbours, own_entries


@dataclass
class InkObjective(ObjectiveOfTerms):
    """weights: of the terms, by the setting of each (one that is not named is 0); variant: `paper` or `released`.

    It is given the round's neighbours before the round begins.
    """

    weights: Mapping[str, float]
    variant: str = "paper"
    neighbours: TrainingNeighbours | None = None

    name: ClassVar[str] = "ink"
    losses: ClassVar[tuple[str, ...]] = ("loss", "loss_a", "nll_loss", *(term.name for term in INK_TERMS))
    curves: ClassVar[tuple[str, ...]] = (*losses, "share_with_target", "cosine_same_value")

    @classmethod
    def from_settings(cls, chosen: InkRound, label_smoothing: float) -> InkObjective:
        """Make the objective of the config's section `ink`."""
        weights = {term.setting: getattr(chosen, term.setting) for term in INK_TERMS}
        return cls(label_smoothing, weights, chosen.variant)

    def settings(self) -> dict[str, Any]:
        return {"weights": dict(self.weights), "variant": self.variant}

    def term_weights(self) -> Mapping[str, float]:
        return {term.name: self.weights.get(term.setting, 0.0) for term in INK_TERMS}

    def prepare(self, batch: Batch) -> Tensor:
        """Return the own entry of every position that is not padding, (positions,), on the CPU."""
        if self.neighbours is None:
            raise ValueError("a term weighs more than 0, but the criterion was given no neighbours")
        return own_entries(self.neighbours.datastore, batch.sentences, batch.real.cpu())

    def terms(
        self, forward: TrainingPass, batch: Batch, prepared: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return L_i and L_r, and how many positions have their target among the neighbours, how close the same are."""
        assert self.neighbours is not None and forward.keys is not None
        log_probs, real = forward.log_probs, batch.real
        ahead = self.neighbours.read_ahead(prepared, log_probs.device)
        queries = forward.keys[real].float()
        targets = batch.target[real]
        keys, values, present = self.neighbours.find(queries, prepared, ahead)
        similarities = cosines(queries, keys)
        found = Retrieved(
            queries, keys, similarities, values, present, log_probs[real.reshape(-1)], targets, self.variant
        )
        terms = {term.name: term.loss(found) for term in INK_TERMS}
        with torch.no_grad():
            same = (values == targets.unsqueeze(-1)) & present
            # tensors: a number on the CPU would wait for the device
            counts = {
                "with_target": same.any(-1).sum(),
                "same_value": same.sum(),
                "cosine_sum": similarities.masked_fill(~same, 0.0).sum(),
            }
        return terms, counts

    def means(self, logged: Mapping[str, Any], tokens: Any) -> dict[str, tuple[Any, Any]]:
        """Return the losses, how often L_r is defined, and the cosine to neighbours with the target as value."""
        found = super().means(logged, tokens)
        if "with_target" in logged:
            found["share_with_target"] = float(logged["with_target"]) / float(tokens), float(tokens)
            if same := float(logged["same_value"]):
                found["cosine_same_value"] = float(logged["cosine_sum"]) / same, same
        return found
