"""What is minimised: an objective with its settings, and the criterion through which fairseq's Trainer asks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion, label_smoothed_nll_loss
from fairseq.logging import metrics
from torch import Tensor

# the sum of each term over positions, by its name, and what else to log
Terms = tuple[dict[str, Tensor], dict[str, Any]]

# what fairseq's own commands look for beside the label smoothing
AS_FAIRSEQ_HAS_THEM = {"report_accuracy": False, "ignore_prefix_size": 0, "sentence_avg": False}


@dataclass(frozen=True)
class Objective:
    """Label-smoothed cross-entropy: the base model's, and Adapter's.

    `name` is what a checkpoint says of it; `curves` are what its criterion logs, by the names in which it is recorded.
    """

    label_smoothing: float

    name: ClassVar[str] = "label_smoothed_cross_entropy"
    curves: ClassVar[tuple[str, ...]] = ("loss", "nll_loss")

    def term_weights(self) -> Mapping[str, float]:
        """Return the weights of its further terms, by their names."""
        return {}

    def criterion(self, task: Any) -> LabelSmoothedCrossEntropyCriterion:
        """Make the criterion, for fairseq's task."""
        return LabelSmoothedCrossEntropyCriterion(task, sentence_avg=False, label_smoothing=self.label_smoothing)

    def described(self) -> dict[str, Any]:
        """Return what a checkpoint says of it."""
        return {"_name": self.name, "label_smoothing": self.label_smoothing, **AS_FAIRSEQ_HAS_THEM, **asdict(self)}


class CriterionOfTerms(LabelSmoothedCrossEntropyCriterion):
    """Sums over target positions, label-smoothed cross-entropy and weighted terms; the Trainer divides by their number.

    With all weights 0 it is fairseq's own criterion, operation by operation.
    """

    losses: ClassVar[tuple[str, ...]] = ("loss", "nll_loss")  # as they are logged, before the terms

    def __init__(self, task: Any, objective: Any) -> None:
        super().__init__(task, sentence_avg=False, label_smoothing=objective.label_smoothing)
        self.objective, self.weights = objective, objective.term_weights()

    def begin(self, sample: Any) -> Any:
        """Return what `terms` needs and is best found before the forward pass is under way on a GPU."""

    def terms(self, net_output: Any, log_probs: Tensor, sample: Any, begun: Any) -> Terms:
        """Return each term's sum by name, in the order in which they are added up, and what else to log.

        log_probs: (batch * length, vocabulary), of the model; begun: what `begin` returned.
        """
        raise NotImplementedError

    def forward(self, model: Any, sample: Any, reduce: bool = True) -> tuple[Tensor, int, dict[str, Any]]:
        """Return the loss, the number of target tokens and what to log; `model` gives its keys in the extras."""
        weighs = any(self.weights.values())
        begun = self.begin(sample) if weighs else None
        net_output = model(**sample["net_input"])
        log_probs, target = self.get_lprobs_and_target(model, net_output, sample)
        loss, nll_loss = label_smoothed_nll_loss(
            log_probs, target, self.eps, ignore_index=self.padding_idx, reduce=reduce
        )
        logged = {
            "loss_a": loss.detach(),
            "nll_loss": nll_loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": sample["ntokens"],
        }
        if weighs:
            terms, seen = self.terms(net_output, log_probs, sample, begun)
            for name, term in terms.items():
                loss = loss + self.weights[name] * term
            logged |= {**{name: term.detach() for name, term in terms.items()}, **seen}
        logged["loss"] = loss.detach()
        return loss, sample["ntokens"], logged

    @classmethod
    def reduce_metrics(cls, logging_outputs: Sequence[Mapping[str, Any]]) -> None:
        """Log means over target tokens of the loss and of its terms, in bits as fairseq's own criteria do."""
        logged = {name for output in logging_outputs for name in output}
        tokens = total(logging_outputs, "ntokens")
        for name in cls.losses:
            if name in logged:
                metrics.log_scalar(name, total(logging_outputs, name) / tokens / math.log(2), tokens, round=4)


def total(logging_outputs: Sequence[Mapping[str, Any]], name: str) -> float:
    """Return the sum of what several batches, or processes, have logged under a name."""
    return float(sum(output.get(name, 0.0) for output in logging_outputs))
