"""The systems: rows of Table 2, in its order. Each is a model, and a combiner where it retrieves at inference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    """One row of Table 2.

    model: `base`, or whose adapter it uses (`adapter`, `ink`); commands: those that it consists of;
    first_job: the job with which a run of it begins; combiner: how it uses neighbours in decoding, if at all.
    """

    label: str
    model: str
    commands: tuple[str, ...]
    first_job: str
    combiner: str | None = None

    @property
    def is_trained(self) -> bool:
        """Whether its weights depend on the seed: systems on the base model's are the same for every seed."""
        return self.model != "base"


SYSTEMS: dict[str, System] = {
    "off_the_shelf": System("Off-the-shelf NMT", "base", ("evaluate",), "evaluate"),
    "v_knn": System("V-kNN", "base", ("build-datastore", "tune-v-knn", "evaluate"), "tune-v-knn", combiner="vanilla"),
    "adapter": System("Adapter", "adapter", ("train-adapter", "evaluate"), "train-adapter"),
    "ink": System(
        "INK",
        "ink",
        ("build-datastore", "refresh-datastore", "train-ink-round", "finish-ink", "evaluate"),
        "train-ink-round-1",
    ),
}


def seeds_of(system: str, seeds: list[int]) -> list[int]:
    """Return the seeds that `system` runs with: all of them if it is trained, else the first alone."""
    return list(seeds) if SYSTEMS[system].is_trained else list(seeds[:1])
