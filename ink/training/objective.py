"""What is minimised: label-smoothed cross-entropy, and what else is added to it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from ink.nmt import training_run
from ink.nmt.batches import Batch
from ink.nmt.training_run import TrainingPass
from ink.training.losses import smoothed_cross_entropy

# what fairseq's own commands look for beside the label smoothing
AS_FAIRSEQ_HAS_THEM = {"report_accuracy": False, "ignore_prefix_size": 0, "sentence_avg": False}


@dataclass
class Objective(training_run.Objective):
    """Label-smoothed cross-entropy: the base model's, and Adapter's."""

    label_smoothing: float

    name: ClassVar[str] = "label_smoothed_cross_entropy"
    losses: ClassVar[tuple[str, ...]] = ("loss", "nll_loss")  # as they are logged
    curves: ClassVar[tuple[str, ...]] = losses
    digits: ClassVar[int] = 3  # as fairseq rounds them

    def settings(self) -> dict[str, Any]:
        """Return what it is made from beside the label smoothing."""
        return {}

    def described(self) -> dict[str, Any]:
        own = {"_name": self.name, "label_smoothing": self.label_smoothing}
        return {**own, **AS_FAIRSEQ_HAS_THEM, **self.settings()}

    def loss(self, forward: TrainingPass, batch: Batch, prepared: Any) -> tuple[Tensor, dict[str, Tensor]]:
        loss, nll_loss = smoothed_cross_entropy(forward.log_probs, batch.target, batch.real, self.label_smoothing)
        return loss, {"loss": loss.detach(), "nll_loss": nll_loss.detach()}

    def means(self, logged: Mapping[str, Any], tokens: Any) -> dict[str, tuple[Any, Any]]:
        """Return the losses' means over target tokens, in bits as fairseq's own criteria log them."""
        logged_losses = [name for name in self.losses if name in logged]
        return {name: (logged[name] / tokens / math.log(2), tokens) for name in logged_losses}


class ObjectiveOfTerms(Objective):
    """Label-smoothed cross-entropy and weighted terms."""

    digits: ClassVar[int] = 4

    @abstractmethod
    def term_weights(self) -> Mapping[str, float]:
        """Return the weights of its terms, by their names."""

    def prepare(self, batch: Batch) -> Any:
        """Return what `terms` needs and is best found before the forward pass is under way on a GPU."""

    @abstractmethod
    def terms(self, forward: TrainingPass, batch: Batch, prepared: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return each term's sum by name, in the order in which they are added up, and what else to log."""

    @property
    def weighs(self) -> bool:
        """Whether any term does."""
        return any(self.term_weights().values())

    def means(self, logged: Mapping[str, Any], tokens: Any) -> dict[str, tuple[Any, Any]]:
        return super().means({name: float(value) for name, value in logged.items()}, float(tokens))

    def begin(self, batch: Batch) -> Any:
        return self.prepare(batch) if self.weighs else None

    def loss(self, forward: TrainingPass, batch: Batch, prepared: Any) -> tuple[Tensor, dict[str, Tensor]]:
        loss, logged = super().loss(forward, batch, prepared)
        logged["loss_a"] = logged["loss"]
        if self.weighs:
            weights = self.term_weights()
            terms, counts = self.terms(forward, batch, prepared)
            for name, term in terms.items():
                loss = loss + weights[name] * term
            logged |= {**{name: term.detach() for name, term in terms.items()}, **counts}
        return loss, {**logged, "loss": loss.detach()}
