"""What fairseq's Trainer needs to be told, and to be given, where several processes train together.

fairseq deals every epoch's shuffled batches out to the processes in turn. So an update of n processes sees the batches
that one process with n times the update frequency would see. Gradients are summed over all processes and divided by the
number of target tokens of all of them, and the figures that are logged are sums over all of them. Random numbers, such
as dropout's, are drawn from the same seed in each of them, for different batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ink.nmt.distributed import count, rank
from ink.runtime.errors import InkError


def fairseq_options(wanted: int) -> list[str]:
    """Return fairseq's options for the processes that there are; ValueError where they are not as many as `wanted`.

    The wrapper around the model is fairseq's own, the one that works on the CPU as well. Without the first option
    fairseq counts the machine's GPUs.
    """
    if wanted != count():
        raise ValueError(f"{wanted} processes are to train together, and there are {count()}: train_together")
    options = ["--distributed-world-size", str(wanted)]
    if wanted > 1:
        place = str(rank())
        options += ["--distributed-rank", place, "--device-id", place, "--ddp-backend", "legacy_ddp"]
        options.append("--load-checkpoint-on-all-dp-ranks")  # what it would send has types that torch does not load
    return options


def send_trained_weights_alone(trainer: Any) -> None:
    """Make the wrapper's buffer as large as the gradients: it counts frozen weights too, and all of it is sent."""
    if count() > 1:
        wrapper = trainer.model.module
        trained = sum(weight.numel() for weight in wrapper.parameters() if weight.requires_grad)
        wrapper.buffer_size = min(wrapper.buffer_size, trained)


def without_fillers(samples: Sequence[Any]) -> list[Any]:
    """Leave out of an update's batches those that only fill up a process's share at the end of an epoch.

    One is kept where there are no others. Trainer.train_step goes by its last batch: beside a filler it would not count
    the target tokens of the others.
    """
    return [sample for sample in samples if sample] or list(samples[:1])


def check_resumable(path: Path, state: Mapping[str, Any]) -> None:
    """Raise InkError where `state`, read from `path`, is inside an epoch dealt out to another number of processes."""
    dealt = int(state.get("processes", 1))
    if state["train_iterator"]["iterations_in_epoch"] and dealt != count():
        raise InkError(
            f"training state {path} was written within an epoch that {dealt} processes trained, but now processes is "
            f"{count()}; set it to {dealt}, or delete the state and train again",
            code="training/state-unusable",
        )
