"""Building a datastore: one teacher-forced pass over the training set, whole or a shard of it, then its index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.datastore.faiss_gpu import gpu_of
from ink.datastore.index import build_index, check_settings_fit
from ink.datastore.shards import ShardMeta, batches_of, create_shard, seal_shard
from ink.datastore.storage import DatastoreMeta, create_datastore, seal
from ink.nmt.batches import ParallelText, batches_by_length
from ink.nmt.device import device_of
from ink.nmt.oom import FittingBatches
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import write_atomically

HALF_PRECISION_ENDS = 65_504


@dataclass(frozen=True)
class Extraction:
    """What a datastore's keys and values are extracted from: a training text, teacher-forced through a model.

    corpus: the text's fingerprint; key: the kind of keys; batch_tokens: of a batch, padding included.
    """

    model: TranslationModel
    text: ParallelText
    corpus: str
    key: str
    batch_tokens: int

    def batches(self) -> list[list[int]]:
        """Return the batches of sentences in which one pass goes over the text."""
        return batches_by_length(self.text, self.batch_tokens)

    def meta(self, log_probs: bool) -> DatastoreMeta:
        """Return the datastore's metadata."""
        entries, dimension = int(self.text.offsets[-1]), self.model.key_dimension(self.key)
        fingerprints = self.model.fingerprint, self.corpus
        return DatastoreMeta(entries, dimension, len(self.text), self.key, *fingerprints, log_probs)

    def entries(
        self, batches: Sequence[Sequence[int]], log_probs: bool, output: Path
    ) -> Iterator[tuple[NDArray, NDArray, NDArray, NDArray | None]]:
        """Pass over `batches`; yields entry numbers, keys fp16, values and, if requested, log p(value | key) fp32.

        Raises InkError, which names the datastore `output`, where keys or log-probabilities are not finite.
        """
        passes = _passes(self.model, self.text, self.key, batches, with_log_probs=log_probs, description="datastore")
        for entries, found, targets, distributions in passes:
            stored = found.to(torch.float16).cpu()
            broken = ~stored.isfinite().all(-1)
            own = None
            if distributions is not None:
                own = distributions.gather(-1, targets.unsqueeze(-1)).squeeze(-1).float().cpu()
                broken |= ~own.isfinite()
            if broken.any():
                row = int(broken.nonzero()[0])
                raise InkError(
                    _no_numbers(output, int(entries[row]), self.text, stored[row], found[row]),
                    code="datastore/not-finite",
                )
            yield entries, stored.numpy(), targets.cpu().numpy(), None if own is None else own.numpy()


def build_datastore(
    extraction: Extraction,
    output: Path,
    index: Index | None,
    *,
    log_probs: bool = True,
    trained_index: Path | None = None,
) -> DatastoreMeta:
    """Write the datastore of a training text under a model, whole or not at all.

    One entry per target position, end of sentence included, without dropout. `log_probs` stores the model's own
    log p(value | key) with each entry; without it no output layer is computed. `trained_index` gives centroids and
    codebooks to keep. Without `index` the datastore has none, and cannot be searched through one.
    """
    meta = extraction.meta(log_probs)
    if index is not None:
        # refused, if it is, before the pass
        gpu_of(index)
        if trained_index is None:
            check_settings_fit(meta.entries, meta.dimension, index)
    with write_atomically(output) as temporary:
        datastore = create_datastore(temporary, meta)
        datastore.offsets[:] = extraction.text.offsets
        keys = datastore.keys
        for entries, *found in extraction.entries(extraction.batches(), log_probs, output):
            keys[entries], datastore.values[entries], own = found
            if datastore.log_probs is not None:
                datastore.log_probs[entries] = own
        if index is not None:
            build_index(keys, index, datastore.index_path, trained_index, datastore=output)
        seal(datastore)
    return meta


def build_shard(extraction: Extraction, output: Path, *, number: int, count: int) -> ShardMeta:
    """Write shard `number` of `count`, from 1 on, of what `build_datastore` writes, whole or not at all.

    A shard is a range of the batches that one pass over the text makes. Each batch is the same as in the whole pass, so
    its entries are the same to the bit. Raises InkError where there are fewer batches than shards.
    """
    batches = batches_of(extraction.batches(), number, count)
    offsets = extraction.text.offsets
    spans = [
        np.arange(offsets[index], offsets[index + 1]) for index in sorted(index for one in batches for index in one)
    ]
    numbers = np.concatenate(spans)
    meta = ShardMeta(number, count, len(numbers), extraction.meta(log_probs=True))
    with write_atomically(output) as temporary:
        shard = create_shard(temporary, meta)
        shard.offsets[:], shard.entries[:] = offsets, numbers
        keys = shard.keys
        for entries, *found in extraction.entries(batches, True, output):
            rows = np.searchsorted(numbers, entries)
            keys[rows], shard.values[rows], shard.log_probs[rows] = found
        seal_shard(shard)
    return meta


def _no_numbers(output: Path, entry: int, text: ParallelText, stored: torch.Tensor, found: torch.Tensor) -> str:
    """Say of which entry what is not finite, and whether the model or half precision is the cause."""
    sentence = int(np.searchsorted(text.offsets, entry, side="right")) - 1
    where = f"datastore {output}: the {{}} of entry {entry}, in training sentence {sentence},"
    if stored.isfinite().all():
        return (
            where.format("log-probability") + " is not finite; the model's output has overflowed: set precision to fp32"
        )
    if found.isfinite().all():
        largest = float(found.abs().max())
        return where.format("key") + (
            f" has a number of {largest:.3g}, not finite in half precision, in which keys are stored and which ends at "
            f"{HALF_PRECISION_ENDS:,}; use the other key kind, or another model"
        )
    return where.format("key") + (
        " is not finite in half precision or any other; with precision fp16 the model may have overflowed: set it to "
        "bf16 or fp32, or use another model"
    )


def teacher_forced(
    model: TranslationModel, text: ParallelText, kind: str, batch_tokens: int, *, with_log_probs: bool, description: str
) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """Pass over `text` with the references as input, in eval mode, sentences of similar length together.

    Yields, a batch at a time and without padding: entry numbers (positions,), keys (positions, dimension), target
    tokens (positions,), and the model's log-probabilities (positions, vocabulary) if requested.
    """
    batches = batches_by_length(text, batch_tokens)
    return _passes(model, text, kind, batches, with_log_probs=with_log_probs, description=description)


@torch.no_grad()
def _passes(
    model: TranslationModel,
    text: ParallelText,
    kind: str,
    batches: Sequence[Sequence[int]],
    *,
    with_log_probs: bool,
    description: str,
) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """Pass over these batches of `text`, as `teacher_forced` does over all."""
    model.network.eval()
    offsets = text.offsets
    total = sum(map(len, batches))
    fitting = FittingBatches(text.longer_sides, task=description, setting="datastore.batch_tokens")

    def passed(part: Sequence[int]) -> Any:
        return teacher_forced_batch(model, text, part, kind, with_log_probs=with_log_probs)

    with progress(range(total), description=description, unit="sentence", total=total) as bar:
        for batch in batches:
            for part, (sentences, found, targets, log_probs) in fitting.run(passed, batch):
                entries = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in sentences])
                yield entries, found, targets, log_probs
                bar.update(len(part))


@torch.no_grad()
def teacher_forced_batch(
    model: TranslationModel, text: ParallelText, batch: Sequence[int], kind: str, *, with_log_probs: bool
) -> tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Pass over the sentences `batch` of `text` in the mode that the network is in, without padding.

    Returns the sentences in the order of their positions, keys (positions, dimension), targets (positions,) and the
    model's log-probabilities (positions, vocabulary) if requested.
    """
    pairs = text.batch(batch).to(device_of(model.network))
    passed = model.teacher_forced(pairs, kind)
    real = pairs.real
    log_probs = passed.log_probs(real) if with_log_probs else None
    return pairs.sentences.tolist(), passed.keys[real], pairs.target[real], log_probs
