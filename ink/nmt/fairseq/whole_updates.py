"""Updates that are done whole where their batches do not fit: in smaller batches, whose gradients are summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairseq.trainer import Trainer

from ink.nmt.fairseq.fairseq_text import FairseqText
from ink.nmt.oom import FittingBatches, is_out_of_memory
from ink.runtime.errors import InkError


class WholeUpdates:
    """Does a Trainer's updates, none of which leaves a sentence out.

    fairseq's Trainer skips an update that runs out of memory. Here its batches are divided and it begins again, with
    the same sentences, and gradients summed and divided by the same number of target tokens. The update is the same up
    to rounding and to what dropout draws. dataset: the training set. section: the config's with batch_tokens.
    """

    def __init__(self, trainer: Trainer, dataset: Any, *, section: str) -> None:
        self.trainer, self.dataset = trainer, dataset
        lengths = FairseqText(dataset).longer_sides
        self.batches = FittingBatches(lengths, task="training", setting=f"{section}.batch_tokens")
        # in place of a batch that only fills up a process's share fairseq passes over its first one, for nothing
        trainer.reset_dummy_batch(dataset.collater([dataset[int(lengths.argmin())]]))

    def __call__(self, samples: Sequence[Any]) -> Mapping[str, Any] | None:
        """Do one update with fairseq's batches and return what was logged; None where fp16's gradient overflowed.

        Raises InkError where a single sentence does not fit, or the optimiser's own state.
        """
        while True:
            divided = [part for sample in samples for part in self._divided(sample)]
            stepping: list[bool] = []
            # the weights may be half updated by a step that fails
            watch = self.trainer.optimizer.optimizer.register_step_pre_hook(lambda *_, seen=stepping: seen.append(True))
            try:
                logged: Mapping[str, Any] | None = self.trainer.train_step(divided, raise_oom=True)
                return logged
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if stepping:
                    raise InkError(
                        f"training: the optimiser's state does not fit into the device's memory ({error}); train fewer "
                        "weights (adapter.inner_dimension), or use a device with more memory",
                        code="device/out-of-memory",
                    ) from None
            finally:
                watch.remove()
            self.batches.halve([sample["id"].tolist() for sample in divided if sample])

    def _divided(self, sample: Any) -> list[Any]:
        """Return a batch as parts that fit; an empty one, which fills up a process's share, as it is."""
        if not sample:
            return [sample]
        parts = self.batches.parts(sample["id"].tolist())
        if len(parts) == 1:
            return [sample]
        return [self.dataset.collater([self.dataset[number] for number in part]) for part in parts]
