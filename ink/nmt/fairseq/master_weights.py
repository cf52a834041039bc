"""The fp32 copies of what trains in half precision: they are what an update changes, and what files hold.

fairseq's optimiser for half precision keeps a copy of every trained weight in fp32, updates it, and rounds it into the
model. Its checkpoints hold the rounded weights alone, from which training would not go on as it was.
"""

from __future__ import annotations

from typing import Any

import torch
from fairseq.optim import FP16Optimizer
from fairseq.trainer import Trainer
from torch import Tensor

STATE = "half_precision"


def full_weights(trainer: Trainer) -> dict[str, Tensor]:
    """Return the model's weights by name in fp32: the copies of those that train, the others widened."""
    model, optimiser = trainer.get_model(), trainer.optimizer
    if not isinstance(optimiser, FP16Optimizer):
        return dict(model.state_dict())
    copies = {id(half): full for half, full in zip(optimiser.fp16_params, optimiser.fp32_params, strict=True)}
    return {
        name: _widened(copies.get(id(tensor), tensor).detach())
        for name, tensor in model.state_dict(keep_vars=True).items()
    }


def half_precision_state(trainer: Trainer) -> dict[str, Any]:
    """Return what a checkpoint needs beyond fairseq's own: the copies, and for fp16 all of the loss's scale."""
    optimiser = trainer.optimizer
    if not isinstance(optimiser, FP16Optimizer) or trainer.cfg.checkpoint.no_save_optimizer_state:
        return {}
    scaler = {} if optimiser.scaler is None else dict(vars(optimiser.scaler))
    return {STATE: {"weights": [full.detach().cpu() for full in optimiser.fp32_params], "scaler": scaler}}


def restore_half_precision(trainer: Trainer, state: dict[str, Any]) -> None:
    """Take back what `half_precision_state` gave, after fairseq has loaded the rest of the checkpoint."""
    optimiser = trainer.optimizer
    if not isinstance(optimiser, FP16Optimizer):
        return
    with torch.no_grad():
        for full, saved in zip(optimiser.fp32_params, state[STATE]["weights"], strict=True):
            full.copy_(saved)
    if optimiser.scaler is not None:
        vars(optimiser.scaler).update(state[STATE]["scaler"])


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
