"""INK's objective, L_a + alpha L_i + beta L_r: label-smoothed cross-entropy and the weighted terms of `INK_TERMS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from fairseq.logging import metrics
from torch import Tensor

from ink.config.slices.training_slices import InkRound
from ink.training.losses import INK_TERMS, Retrieved, cosines
from ink.training.neighbours import TrainingNeighbours, own_entries
from ink.training.objective import CriterionOfTerms, Objective, Terms, total

LOSSES = ("loss", "loss_a", "nll_loss", *(term.name for term in INK_TERMS))


@dataclass(frozen=True)
class InkObjective(Objective):
    """weights: of the terms, by the setting of each (one that is not named is 0); variant: `paper` or `released`."""

    weights: Mapping[str, float]
    variant: str = "paper"

    name: ClassVar[str] = "ink"
    curves: ClassVar[tuple[str, ...]] = (*LOSSES, "share_with_target", "cosine_same_value")

    @classmethod
    def from_settings(cls, chosen: InkRound, label_smoothing: float) -> InkObjective:
        """Make the objective of the config's section `ink`."""
        weights = {term.setting: getattr(chosen, term.setting) for term in INK_TERMS}
        return cls(label_smoothing, weights, chosen.variant)

    def term_weights(self) -> Mapping[str, float]:
        return {term.name: self.weights.get(term.setting, 0.0) for term in INK_TERMS}

    def criterion(self, task: Any) -> InkCriterion:
        return InkCriterion(task, self)


class InkCriterion(CriterionOfTerms):
    """INK's criterion, which is given the round's neighbours before the round begins."""

    losses = LOSSES
    neighbours: TrainingNeighbours | None = None

    def begin(self, sample: Any) -> Tensor:
        """Return the own entry of every position that is not padding, (positions,), on the CPU."""
        if self.neighbours is None:
            raise ValueError("a term weighs more than 0, but the criterion was given no neighbours")
        real = sample["target"].cpu().ne(self.padding_idx)
        return own_entries(self.neighbours.datastore, sample["id"], real)

    def terms(self, net_output: Any, log_probs: Tensor, sample: Any, begun: Tensor) -> Terms:
        """Return L_i and L_r, and how many positions have their target among the neighbours, how close the same are."""
        assert self.neighbours is not None
        ahead = self.neighbours.read_ahead(begun, log_probs.device)
        real = sample["target"].ne(self.padding_idx)
        queries = net_output[1]["keys"][real].float()
        targets = sample["target"][real]
        keys, values, present = self.neighbours.find(queries, begun, ahead)
        similarities = cosines(queries, keys)
        found = Retrieved(
            queries, keys, similarities, values, present, log_probs[real.reshape(-1)], targets, self.objective.variant
        )
        terms = {term.name: term.loss(found) for term in INK_TERMS}
        with torch.no_grad():
            same = (values == targets.unsqueeze(-1)) & present
            # tensors: a number on the CPU would wait for the device
            seen = {
                "with_target": same.any(-1).sum(),
                "same_value": same.sum(),
                "cosine_sum": similarities.masked_fill(~same, 0.0).sum(),
            }
        return terms, seen

    @classmethod
    def reduce_metrics(cls, logging_outputs: Sequence[Mapping[str, Any]]) -> None:
        """Log the losses, how often L_r is defined, and the cosine to neighbours with the target as value."""
        super().reduce_metrics(logging_outputs)
        if not any("with_target" in output for output in logging_outputs):
            return
        tokens, same = total(logging_outputs, "ntokens"), total(logging_outputs, "same_value")
        metrics.log_scalar("share_with_target", total(logging_outputs, "with_target") / tokens, tokens, round=4)
        if same:
            metrics.log_scalar("cosine_same_value", total(logging_outputs, "cosine_sum") / same, same, round=4)
