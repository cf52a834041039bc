"""What every reduction takes and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ink.config.sections import reductions
from ink.config.sections.base_system import Index
from ink.datastore.knn_graph import neighbours_of_entries
from ink.datastore.search import Searcher, drop_own
from ink.datastore.storage import Datastore

SEED = 1  # where the settings name none


@dataclass(frozen=True)
class Original:
    """The datastore that is made small, and what is known of it.

    index: the settings of its index; predictions: gives the model's most probable token at every key, (entries,);
    as_many: how many entries the reduction has left whose control this one is.
    """

    datastore: Datastore
    index: Index
    predictions: Callable[[], NDArray[np.int64]]
    as_many: int | None = None

    def others_near(self, k: int) -> Iterator[tuple[slice, NDArray[np.int64]]]:
        """Yield entries and the k nearest others of each by the index's distances, (entries, k), -1 where fewer.

        The entry itself is left out by its number: others with the same key stay.
        """
        for part, _, near in neighbours_of_entries(Searcher(self.datastore, self.index), k + 1):
            own = torch.arange(part.start, part.stop)
            yield part, drop_own(torch.from_numpy(near), own).numpy()


@dataclass(frozen=True)
class Reduced:
    """What is left of a datastore.

    - numbers: (entries,) int64, ascending, of the entries that stay
    - counts: (entries,) int32, for how many of the whole's each stands, where some were merged
    - projection: (dimension, whole dimension + 1) fp32, as a reduced datastore holds it
    - hidden: (units, whole dimension + 1) fp32, where a layer of a network comes before the projection
    """

    numbers: NDArray[np.int64]
    counts: NDArray[np.int32] | None = None
    projection: NDArray[np.float32] | None = None
    hidden: NDArray[np.float32] | None = None


class Reduction(ABC):
    """A method of making datastores small; needs_model: whether it asks for the model's predictions."""

    needs_model: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: reductions.Reduction) -> Self:
        """Make one from its entry of the config, which has what the method needs."""

    @abstractmethod
    def reduce(self, original: Original) -> Reduced:
        """Say what is left."""


def seed_of(settings: reductions.Reduction) -> int:
    """Return the seed of what a reduction draws."""
    return SEED if settings.seed is None else settings.seed


def number_kept(share: float, entries: int) -> int:
    """Return how many of so many entries a share is: one at the least."""
    return max(1, round(share * entries))
