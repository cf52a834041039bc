"""An objective as the criterion through which fairseq's Trainer asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from fairseq.criterions import FairseqCriterion
from fairseq.logging import metrics
from torch import Tensor

from ink.nmt.fairseq.fairseq_text import batch_of
from ink.nmt.training_run import Objective, TrainingPass


class ObjectiveCriterion(FairseqCriterion):
    """Sums over target positions; the Trainer divides by their number."""

    objective: ClassVar[Objective]

    def forward(self, model: Any, sample: Any, reduce: bool = True) -> tuple[Tensor, int, dict[str, Any]]:
        """Return the loss, the number of target tokens and what to log."""
        batch = batch_of(sample, self.padding_idx)
        prepared = self.objective.begin(batch)
        net_output = model(**sample["net_input"])
        log_probs = model.get_normalized_probs(net_output, log_probs=True)
        forward_pass = TrainingPass(log_probs.view(-1, log_probs.shape[-1]), net_output[1].get("keys"))
        loss, logged = self.objective.loss(forward_pass, batch, prepared)
        counts = dict.fromkeys(("ntokens", "sample_size"), sample["ntokens"])
        return loss, sample["ntokens"], {**logged, **counts, "nsentences": len(sample["target"])}

    @classmethod
    def reduce_metrics(cls, logging_outputs: Sequence[Any]) -> None:
        """Log the objective's means over what several batches, or processes, have logged."""
        names = {name for output in logging_outputs for name in output}
        sums = {name: sum(output.get(name, 0) for output in logging_outputs) for name in names}
        for name, (mean, weight) in cls.objective.means(sums, sums["ntokens"]).items():
            metrics.log_scalar(name, mean, weight, round=cls.objective.digits)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True


def criterion_of(objective: Objective, task: Any) -> ObjectiveCriterion:
    """Make the criterion, of a class of its own: fairseq's checkpoints are known again by the name of that."""
    name = "".join(part.capitalize() for part in objective.name.split("_"))
    kind: type[ObjectiveCriterion] = type(f"{name}Criterion", (ObjectiveCriterion,), {"objective": objective})
    return kind(task)
