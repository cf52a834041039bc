"""kNN-KD's objective as a fairseq criterion: label-smoothed cross-entropy + weight * KL(p_kNN || p)."""

# no postponed annotations here: fairseq reads the types of a configuration's fields as they stand
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
    label_smoothed_nll_loss,
)
from fairseq.logging import metrics
from torch import Tensor

from ink.training.objectives import distance_scores, divergence
from ink.training.teacher import Teacher


@dataclass
class KnnKdCriterionConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """weight is that of the divergence; temperature that of p_kNN."""

    weight: float = field(default=1.0, metadata={"help": "weight of KL(p_kNN || p)"})
    temperature: float = field(default=10.0, metadata={"help": "temperature of p_kNN"})


@register_criterion("knn_kd", dataclass=KnnKdCriterionConfig)
class KnnKdCriterion(LabelSmoothedCrossEntropyCriterion):
    """Sums over the batch's target positions; the Trainer divides by their number.

    p_kNN(y) is proportional to the sum of exp(-d_i / T) over the teacher's neighbours with value y (Yang et al. 2022).
    With weight 0 it is fairseq's own criterion, operation by operation.
    """

    def __init__(
        self, task: Any, sentence_avg: bool, label_smoothing: float, weight: float, temperature: float
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing)
        self.weight, self.temperature = weight, temperature
        self.teacher: Teacher | None = None

    def forward(self, model: Any, sample: Any, reduce: bool = True) -> tuple[Tensor, int, dict[str, Any]]:
        """Return the loss, the number of target tokens and what to log."""
        net_output = model(**sample["net_input"])
        log_probs, target = self.get_lprobs_and_target(model, net_output, sample)
        loss, nll_loss = label_smoothed_nll_loss(
            log_probs, target, self.eps, ignore_index=self.padding_idx, reduce=reduce
        )
        logged = {
            "nll_loss": nll_loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": sample["ntokens"],
        }
        if self.weight:
            distilled = self._divergence(log_probs, sample)
            loss = loss + self.weight * distilled
            logged["loss_kd"] = distilled.detach()
        logged["loss"] = loss.detach()
        return loss, sample["ntokens"], logged

    def _divergence(self, log_probs: Tensor, sample: Any) -> Tensor:
        if self.teacher is None:
            raise ValueError("weight is not 0, but the criterion was given no teacher")
        real = sample["target"].ne(self.padding_idx)
        distances, values = self.teacher.neighbours(sample["id"], real)
        # looked up in the padded matrix: picking out its real rows first would copy the whole vocabulary for each
        rows = real.reshape(-1)
        padded = values.new_zeros(len(rows), values.shape[1])
        padded[rows] = values
        log_model = log_probs.float().gather(-1, padded)[rows]
        present = torch.isfinite(distances)
        return divergence(distance_scores(distances, self.temperature), values, present, log_model)

    @classmethod
    def reduce_metrics(cls, logging_outputs: list[dict[str, Any]]) -> None:
        """Log means over target tokens of the loss, the likelihood and the divergence, in bits as fairseq's own do."""

        def total(name: str) -> float:
            return float(sum(output.get(name, 0.0) for output in logging_outputs))

        tokens = total("ntokens")
        distilled = any("loss_kd" in output for output in logging_outputs)
        for name in ("loss", "nll_loss", *(("loss_kd",) if distilled else ())):
            metrics.log_scalar(name, total(name) / tokens / math.log(2), tokens, round=4)
