"""What is kept of a training's epochs, and the final weights: an average, weight by weight."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ink.nmt.device import torch_dtype
from ink.nmt.training_run import TrainingRun
from ink.nmt.translation_model import TranslationModel
from ink.runtime.whole_files import remove, write_atomically, write_json


def average(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several models' weights, summed in float64, in the type of the first.

    Tensors that are not floating point (counts, versions) are taken from the last model.
    """
    if not weights:
        raise ValueError("nothing to average")
    averaged = {}
    for name, first in weights[0].items():
        if first.is_floating_point():
            total = torch.stack([model[name].double() for model in weights]).sum(0)
            averaged[name] = (total / len(weights)).to(first.dtype)
        else:
            averaged[name] = weights[-1][name].clone()
    return averaged


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write a model's weights."""
    with write_atomically(path) as temporary:
        torch.save({name: tensor.detach().cpu() for name, tensor in weights.items()}, temporary)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what `save_weights` has written, to the CPU."""
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


@dataclass(frozen=True)
class WholeModels:
    """A whole model's weights after its epochs, a file each in `folder`, where the model that is trained will be."""

    run: TrainingRun
    folder: Path

    def keep(self, number: int, wanted: Collection[int]) -> None:
        """Write the epoch that has ended, and the state after it; of all epochs the `wanted` ones alone are kept."""
        if number in wanted:
            save_weights(self.run.weights(), self._path(number))
        self.run.checkpoint()
        for earlier in range(1, number):
            if earlier not in wanted:
                remove(self._path(earlier))

    def finish(
        self, numbers: Collection[int], precision: str, record: Callable[[TranslationModel], Mapping[str, Any]]
    ) -> None:
        """Write model.pt, the average of these epochs, and the `record` of the model that then has it."""
        model = self.run.model
        model.network.float().load_state_dict(average([read_weights(self._path(number)) for number in numbers]))
        self.run.save_model(self.folder / "model.pt")
        model.network.to(torch_dtype(precision))
        write_json(self.folder / "record.json", record(model))
        remove(self.folder / "epochs")

    def _path(self, number: int) -> Path:
        return self.folder / "epochs" / f"{number}.pt"
