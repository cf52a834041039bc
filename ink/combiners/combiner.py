"""What every combiner takes and gives, and the mixture they share."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ink.datastore.search import Neighbours


class Combiner(Protocol):
    """Turns neighbours and the model's distribution into the mixture's."""

    @property
    def k(self) -> int:
        """How many neighbours it takes."""
        ...

    def __call__(self, neighbours: Neighbours, log_probs: Tensor) -> Tensor:
        """Map log_probs (..., vocabulary) of the model to those of the mixture, of the same shape."""
        ...


def shared_mass(weights: Tensor, values: Tensor) -> Tensor:
    """Return, for each neighbour, the weight of all neighbours with its value: p_kNN(v_i), (..., k).

    weights: (..., k), the neighbours' shares; values: (..., k) target tokens.
    """
    same = values.unsqueeze(-1) == values.unsqueeze(-2)
    return (same * weights.unsqueeze(-2)).sum(-1)


def mixture(log_probs: Tensor, weights: Tensor, values: Tensor, interpolation: Tensor | float) -> Tensor:
    """Return log of lambda p_kNN + (1 - lambda) p_NMT, (..., vocabulary), in the type of `log_probs`.

    log_probs: (..., vocabulary) of the model; weights and values: (..., k); interpolation: lambda, one number or
    (..., 1). p_kNN is zero outside `values`, so only these k places differ from (1 - lambda) p_NMT.
    Neighbours of equal value all carry that value's whole mass, so the scatter may take any of them.
    """
    share = torch.as_tensor(interpolation, dtype=log_probs.dtype, device=log_probs.device)
    model = log_probs + torch.log1p(-share)
    retrieved = torch.log(share) + shared_mass(weights, values).log().to(log_probs.dtype)
    return model.scatter(-1, values, torch.logaddexp(model.gather(-1, values), retrieved))
