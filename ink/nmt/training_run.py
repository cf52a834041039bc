"""What training asks of a backend: epochs over a corpus that minimise an objective, and can be resumed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ink.config.slices.slice import ModelSettings
from ink.nmt.batches import Batch

if TYPE_CHECKING:
    from ink.nmt.translation_model import TranslationModel

# the state inside an epoch, in the folder of a training that has not ended
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Optimisation:
    """How weights are updated: by Adam, the learning rate warmed up and then falling with the root of the updates.

    section: the config's with the learning rate, for whoever has to lower it. batch_tokens: of one process's batch.
    """

    section: str
    seed: int
    device: str
    learning_rate: float
    warmup_updates: int
    batch_tokens: int
    processes: int = 1
    update_frequency: int = 1
    betas: Sequence[float] = (0.9, 0.98)
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    precision: str = "fp32"

    @classmethod
    def from_settings(cls, settings: ModelSettings, section: str, seed: int) -> Optimisation:
        """Take what `section` of the settings, such as `base_model.train`, says of it."""
        chosen: Any = reduce(getattr, section.split("."), settings)
        known = {field.name for field in fields(cls)} & type(chosen).model_fields.keys()
        named = {name: getattr(chosen, name) for name in known}
        return cls(section=section, seed=seed, device=settings.device, precision=settings.precision, **named)


@dataclass(frozen=True)
class TrainingPass:
    """A model's pass over a batch in training, from which gradients flow back.

    - log_probs: (batch * length, vocabulary) in fp32, padding among them
    - keys: (batch, length, dimension) of the kind decoder_output; None where a whole model is trained, not an adapter
    """

    log_probs: Tensor
    keys: Tensor | None = None


class Objective(ABC):
    """What is minimised: a sum over target positions, which the optimiser divides by their number.

    name: what a checkpoint says of it; curves: the names of what `means` gives; digits: to how many those are rounded.
    """

    name: ClassVar[str]
    curves: ClassVar[tuple[str, ...]]
    digits: ClassVar[int]

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """Return its name and settings, for a checkpoint."""

    def begin(self, batch: Batch) -> Any:
        """Return what `loss` needs and is best found before the forward pass is under way on a GPU."""
        return None

    @abstractmethod
    def loss(self, forward: TrainingPass, batch: Batch, prepared: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, summed over the batch's target positions, and what to log of it, "loss" among it.

        prepared: what `begin` returned.
        """

    @abstractmethod
    def means(self, logged: Mapping[str, Any], tokens: Any) -> dict[str, tuple[Any, Any]]:
        """Return the mean of each curve, and its weight, from sums of what was logged over `tokens` positions.

        The sums are numbers or tensors.
        """


class TrainingRun(ABC):
    """A model in training: runs epochs, and saves and restores the whole state of training.

    `history` has one entry for each epoch that is finished; the caller appends it. With `checkpoint_in` the state is
    also written inside an epoch, after every so many updates, and an interrupted epoch resumes from there. Weights,
    optimiser, schedule, data order, dropout and means are those of a run without interruption.
    """

    model: TranslationModel
    objective: Objective
    history: list[dict[str, Any]]

    @property
    @abstractmethod
    def updates(self) -> int:
        """How many updates there have been."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Return the model's weights by name (only the adapters' where these train), always in fp32."""

    @abstractmethod
    def checkpoint_in(self, folder: Path, every: int) -> None:
        """Write the state to `folder` after every `every` updates (0: none inside an epoch); resume from one there."""

    @abstractmethod
    def epoch(self, description: str) -> dict[str, float]:
        """Train one epoch, or what is left of it, in the order of its number.

        Returns means of the objective's curves, over the whole epoch, and its seconds. Raises InkError where the loss
        is not finite: the batch is named, and the last checkpoint stays as it is.
        """

    @abstractmethod
    def checkpoint(self) -> None:
        """Write the state between two epochs, where `checkpoint_in` named a folder."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write model (the adapters alone, if that is what trains), optimiser, schedule, history, place in the data."""

    @abstractmethod
    def restore(self, path: Path) -> None:
        """Go on from a saved state: what follows is what would have followed in an unbroken run."""

    @abstractmethod
    def save_model(self, path: Path) -> None:
        """Write the model as it is as a checkpoint that the backend loads, without the state of training."""
