"""INK's objective as a fairseq criterion: L_a + alpha L_i + beta L_r."""

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

from ink.training.neighbours import TrainingNeighbours, own_entries
from ink.training.objectives import cosines, l_i, l_r


@dataclass
class InkCriterionConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """alpha and beta weigh L_i and L_r; variant is `paper` or `released`."""

    alpha: float = field(default=0.0, metadata={"help": "weight of L_i"})
    beta: float = field(default=0.0, metadata={"help": "weight of L_r"})
    variant: str = field(default="paper", metadata={"help": "paper or released"})


@register_criterion("ink", dataclass=InkCriterionConfig)
class InkCriterion(LabelSmoothedCrossEntropyCriterion):
    """Sums over the batch's target positions; the Trainer divides by their number.

    L_a is label-smoothed cross-entropy. With alpha = beta = 0 it is fairseq's own criterion, operation by operation.
    """

    def __init__(
        self, task: Any, sentence_avg: bool, label_smoothing: float, alpha: float, beta: float, variant: str
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing)
        self.alpha, self.beta, self.variant = alpha, beta, variant
        self.neighbours: TrainingNeighbours | None = None

    def forward(self, model: Any, sample: Any, reduce: bool = True) -> tuple[Tensor, int, dict[str, Any]]:
        """Return the loss, the number of target tokens and what to log; `model` gives its keys in the extras."""
        # before the forward pass is under way on a GPU, which bringing anything to the CPU would wait for
        own = self._own_entries(sample) if self.alpha or self.beta else None
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
        if own is not None:
            interpolated, contrastive, seen = self._retrieval_terms(net_output, log_probs, sample, own)
            loss = loss + self.alpha * interpolated + self.beta * contrastive
            logged |= {"loss_i": interpolated.detach(), "loss_r": contrastive.detach(), **seen}
        logged["loss"] = loss.detach()
        return loss, sample["ntokens"], logged

    def _own_entries(self, sample: Any) -> Tensor:
        """Return the own entry of every position that is not padding, (positions,), on the CPU."""
        if self.neighbours is None:
            raise ValueError("alpha or beta is not 0, but the criterion was given no neighbours")
        real = sample["target"].cpu().ne(self.padding_idx)
        return own_entries(self.neighbours.datastore, sample["id"], real)

    def _retrieval_terms(
        self, net_output: Any, log_probs: Tensor, sample: Any, own: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        assert self.neighbours is not None
        ahead = self.neighbours.read_ahead(own, log_probs.device)
        real = sample["target"].ne(self.padding_idx)
        queries = net_output[1]["keys"][real].float()
        targets = sample["target"][real]
        keys, values, present = self.neighbours.find(queries, own, ahead)
        similarities = cosines(queries, keys)
        interpolated = l_i(similarities, values, present, log_probs[real.reshape(-1)], self.variant)
        contrastive = l_r(similarities, values, present, targets)
        with torch.no_grad():
            same = (values == targets.unsqueeze(-1)) & present
            # tensors: a number on the CPU would wait for the device
            seen = {
                "with_target": same.any(-1).sum(),
                "same_value": same.sum(),
                "cosine_sum": similarities.masked_fill(~same, 0.0).sum(),
            }
        return interpolated, contrastive, seen

    @classmethod
    def reduce_metrics(cls, logging_outputs: list[dict[str, Any]]) -> None:
        """Log means over target tokens: loss and its terms, how often L_r is defined, cosine to same-value neighbours.

        Losses are in bits, as fairseq's own criteria log them, so that curves of Adapter and INK can be compared.
        """

        def total(name: str) -> float:
            return float(sum(output.get(name, 0.0) for output in logging_outputs))

        tokens = total("ntokens")
        with_terms = any("loss_i" in output for output in logging_outputs)
        for name in ("loss", "loss_a", "nll_loss", *(("loss_i", "loss_r") if with_terms else ())):
            metrics.log_scalar(name, total(name) / tokens / math.log(2), tokens, round=4)
        if with_terms:
            metrics.log_scalar("share_with_target", total("with_target") / tokens, tokens, round=4)
            same = total("same_value")
            if same:
                metrics.log_scalar("cosine_same_value", total("cosine_sum") / same, same, round=4)
