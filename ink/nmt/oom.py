"""Batches that do not fit into the device's memory: divided, and the smaller size kept for what follows."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from ink.runtime.errors import InkError

# torch's own error says the first; its allocator of the CPU's memory and cuBLAS raise a plain RuntimeError
MESSAGES = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")

Found = TypeVar("Found")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether torch failed for lack of memory on the device."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error) for message in MESSAGES)


class FittingBatches:
    """Divides batches of sentences so that each part fits, as far as is known by now.

    lengths: tokens of each sentence, on its longer side. `task` is done with a batch, `setting` makes it so large
    and `remedy` helps where a sentence is too long on its own, for the log. `most` is None until a batch did not fit,
    from then on how many tokens, padding counted, several sentences may have together: half of what did not fit last.
    """

    def __init__(self, lengths: Any, *, task: str, setting: str, remedy: str = "lower text.max_length") -> None:
        self.lengths = np.asarray(lengths)
        self.task, self.setting, self.remedy = task, setting, remedy
        self.most: int | None = None

    def tokens(self, batch: Sequence[int]) -> int:
        """Return how many tokens the sentences `batch` are together, padding counted."""
        return len(batch) * int(self.lengths[list(batch)].max())

    def parts(self, batch: Sequence[int]) -> list[list[int]]:
        """Return the sentences `batch` halved until each part is `most` tokens or fewer, or a single sentence."""
        whole = list(batch)
        if self.most is None or len(whole) == 1 or self.tokens(whole) <= self.most:
            return [whole]
        # like lengths together, which pads least
        ordered = sorted(whole, key=lambda number: (-self.lengths[number], number))
        middle = (len(ordered) + 1) // 2
        return [*self.parts(ordered[:middle]), *self.parts(ordered[middle:])]

    def halve(self, parts: Sequence[Sequence[int]]) -> None:
        """Allow half the tokens of the largest of `parts`, one of which did not fit, and say so on the log.

        Raises InkError naming the longest sentence where each is a single one.
        """
        several = [part for part in parts if len(part) > 1]
        if not several:
            longest = max((part[0] for part in parts), key=lambda number: int(self.lengths[number]))
            raise InkError(
                f"{self.task}: sentence {longest} (counted from 0), of {self.lengths[longest]} tokens, does not fit "
                f"into the device's memory on its own; {self.remedy}, set precision to bf16 or fp16, or use a "
                "device with more memory",
                code="device/out-of-memory",
            )
        largest = max(several, key=self.tokens)
        self.most = self.tokens(largest) // 2
        # not on standard output, where translations may be under way
        print(
            f"{self.task}: out of memory with {len(largest)} sentences of {self.tokens(largest)} tokens, padding "
            f"counted; from here on {self.most} at most at a time, where {self.setting} allows more",
            file=sys.stderr,
            flush=True,
        )
        free_memory()

    def run(self, compute: Callable[[list[int]], Found], batch: Sequence[int]) -> Iterator[tuple[list[int], Found]]:
        """Yield the parts of `batch` and what `compute` gives for each, every sentence in exactly one."""
        waiting = self.parts(batch)
        while waiting:
            part, *rest = waiting
            try:
                found = compute(part)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                yield part, found
                waiting = rest
                continue
            # only here, where the error and the tensors that its frames hold are gone
            self.halve([part])
            waiting = [smaller for larger in waiting for smaller in self.parts(larger)]


def free_memory() -> None:
    """Give back to the device what a failed attempt has left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
