"""Building a datastore: one teacher-forced pass over the training set, whole or a shard of it, then its index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import LanguagePairDataset
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.datastore.gpu import gpu_of
from ink.datastore.index import build_index, check_settings_fit
from ink.datastore.shards import ShardMeta, batches_of, create_shard, seal_shard
from ink.datastore.storage import DatastoreMeta, create_datastore, seal
from ink.errors import InkError
from ink.files import write_atomically
from ink.nmt.device import device_of, to_device
from ink.nmt.keys import KeyReader
from ink.nmt.memory import FittingBatches
from ink.nmt.translation_model import TranslationModel
from ink.progress import progress

HALF_PRECISION_ENDS = 65_504


def build_datastore(
    model: TranslationModel,
    dataset: LanguagePairDataset,
    corpus: str,
    output: Path,
    *,
    key: str,
    batch_tokens: int,
    index: Index | None,
    log_probs: bool = True,
    trained_index: Path | None = None,
) -> DatastoreMeta:
    """Write the datastore of `dataset` under `model`, whole or not at all.

    One entry per target position, end of sentence included, without dropout. `log_probs` stores the model's own
    log p(value | key) with each entry; without it no output layer is computed. `trained_index` gives centroids and
    codebooks to keep. Without `index` the datastore has none, and cannot be searched through one.
    """
    offsets = offsets_of(dataset)
    meta = _meta(model, dataset, corpus, key, log_probs)
    if index is not None:
        # refused, if it is, before the pass
        gpu_of(index)
        if trained_index is None:
            check_settings_fit(meta.entries, meta.dimension, index)
    with write_atomically(output) as temporary:
        datastore = create_datastore(temporary, meta)
        datastore.offsets[:] = offsets
        keys = datastore.keys
        batches = batches_by_length(dataset, batch_tokens)
        for entries, *found in _entries(model, dataset, key, batches, log_probs, output):
            keys[entries], datastore.values[entries], own = found
            if datastore.log_probs is not None:
                datastore.log_probs[entries] = own
        if index is not None:
            build_index(keys, index, datastore.index_path, trained_index, of=output)
        seal(datastore)
    return meta


def build_shard(
    model: TranslationModel,
    dataset: LanguagePairDataset,
    corpus: str,
    output: Path,
    *,
    number: int,
    count: int,
    key: str,
    batch_tokens: int,
) -> ShardMeta:
    """Write shard `number` of `count`, from 1 on, of what `build_datastore` writes, whole or not at all.

    A shard is a range of the batches that one pass over `dataset` makes: each batch is the same as there, and with it
    every bit of what comes of it. Raises InkError where there are fewer batches than shards.
    """
    batches = batches_of(batches_by_length(dataset, batch_tokens), number, count)
    offsets = offsets_of(dataset)
    spans = [
        np.arange(offsets[index], offsets[index + 1]) for index in sorted(index for one in batches for index in one)
    ]
    numbers = np.concatenate(spans)
    meta = ShardMeta(number, count, len(numbers), _meta(model, dataset, corpus, key, log_probs=True))
    with write_atomically(output) as temporary:
        shard = create_shard(temporary, meta)
        shard.offsets[:], shard.entries[:] = offsets, numbers
        keys = shard.keys
        for entries, *found in _entries(model, dataset, key, batches, True, output):
            rows = np.searchsorted(numbers, entries)
            keys[rows], shard.values[rows], shard.log_probs[rows] = found
        seal_shard(shard)
    return meta


def offsets_of(dataset: LanguagePairDataset) -> NDArray[np.int64]:
    """Return the first entry of each sentence and, last, the number of entries: (sentences + 1,)."""
    return np.concatenate([[0], np.cumsum(np.asarray(dataset.tgt_sizes, dtype=np.int64))])


def key_dimension(model: TranslationModel, kind: str) -> int:
    """Return the dimension of keys of this kind."""
    layer = model.network.decoder.layers[-1]
    return int(layer.fc1.in_features if kind == "ffn_input" else layer.fc2.out_features)


def _meta(
    model: TranslationModel, dataset: LanguagePairDataset, corpus: str, key: str, log_probs: bool
) -> DatastoreMeta:
    entries = int(offsets_of(dataset)[-1])
    return DatastoreMeta(entries, key_dimension(model, key), len(dataset), key, model.fingerprint, corpus, log_probs)


def _entries(
    model: TranslationModel,
    dataset: LanguagePairDataset,
    kind: str,
    batches: Sequence[Sequence[int]],
    log_probs: bool,
    output: Path,
) -> Iterator[tuple[NDArray, NDArray, NDArray, NDArray | None]]:
    """Pass over `batches`; yields entry numbers, keys fp16, values and, if asked for, log p(value | key) fp32.

    Raises InkError, which names the datastore `output`, where keys or log-probabilities are no numbers.
    """
    for entries, found, targets, distributions in _passes(
        model, dataset, kind, batches, with_log_probs=log_probs, description="datastore"
    ):
        stored = found.to(torch.float16).cpu()
        own = None
        if distributions is not None:
            own = distributions.gather(-1, targets.unsqueeze(-1)).squeeze(-1).float().cpu()
        broken = ~stored.isfinite().all(-1)
        if own is not None:
            broken |= ~own.isfinite()
        if broken.any():
            row = int(broken.nonzero()[0])
            raise InkError(_no_numbers(output, int(entries[row]), dataset, stored[row], found[row]))
        yield entries, stored.numpy(), targets.cpu().numpy(), None if own is None else own.numpy()


def _no_numbers(
    output: Path, entry: int, dataset: LanguagePairDataset, stored: torch.Tensor, found: torch.Tensor
) -> str:
    """Say of which entry what is no number, and why: the model's own doing, or half precision's."""
    sentence = int(np.searchsorted(offsets_of(dataset), entry, side="right")) - 1
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
    model: TranslationModel,
    dataset: LanguagePairDataset,
    kind: str,
    batch_tokens: int,
    *,
    with_log_probs: bool,
    description: str,
) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """Pass over `dataset` with the references as input, in eval mode, sentences of similar length together.

    Yields, a batch at a time and without padding: entry numbers (positions,), keys (positions, dimension), target
    tokens (positions,), and the model's log-probabilities (positions, vocabulary) if asked for.
    """
    batches = batches_by_length(dataset, batch_tokens)
    return _passes(model, dataset, kind, batches, with_log_probs=with_log_probs, description=description)


@torch.no_grad()
def _passes(
    model: TranslationModel,
    dataset: LanguagePairDataset,
    kind: str,
    batches: Sequence[Sequence[int]],
    *,
    with_log_probs: bool,
    description: str,
) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """Pass over these batches of `dataset`, as `teacher_forced` does over all."""
    network = model.network.eval()
    offsets = offsets_of(dataset)
    reader = KeyReader(network.decoder, kind)
    total = sum(map(len, batches))
    fitting = FittingBatches(longer_sides(dataset), what=description, setting="datastore.batch_tokens")

    def passed(part: Sequence[int]) -> Any:
        return teacher_forced_batch(model, dataset, part, reader, with_log_probs=with_log_probs)

    try:
        with progress(range(total), description=description, unit="sentence", total=total) as bar:
            for batch in batches:
                for part, (sentences, found, targets, log_probs) in fitting.run(passed, batch):
                    entries = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in sentences])
                    yield entries, found, targets, log_probs
                    bar.update(len(part))
    finally:
        reader.close()


@torch.no_grad()
def teacher_forced_batch(
    model: TranslationModel,
    dataset: LanguagePairDataset,
    batch: Sequence[int],
    reader: KeyReader,
    *,
    with_log_probs: bool,
) -> tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Pass over the sentences `batch` of `dataset` in the mode that the network is in, without padding.

    Returns the sentences in the order of their positions, keys (positions, dimension), targets (positions,) and the
    model's log-probabilities (positions, vocabulary) if asked for.
    """
    network = model.network
    sample = to_device(dataset.collater([dataset[index] for index in batch]), device_of(network))
    encoder_out = network.encoder(sample["net_input"]["src_tokens"], src_lengths=sample["net_input"]["src_lengths"])
    output, _ = network.decoder.extract_features(sample["net_input"]["prev_output_tokens"], encoder_out=encoder_out)
    real = sample["target"].ne(dataset.tgt_dict.pad())
    log_probs = None
    if with_log_probs:
        log_probs = torch.log_softmax(network.decoder.output_layer(output[real]).float(), dim=-1)
    return sample["id"].tolist(), reader.read(output)[real], sample["target"][real], log_probs


def longer_sides(dataset: LanguagePairDataset) -> NDArray[np.int64]:
    """Return how many tokens each sentence has on its longer side, (sentences,)."""
    sizes: NDArray[np.int64] = np.maximum(np.asarray(dataset.src_sizes), np.asarray(dataset.tgt_sizes))
    return sizes


def batches_by_length(dataset: LanguagePairDataset, batch_tokens: int) -> list[list[int]]:
    """Group sentences of similar length so that a batch, padding included, holds about `batch_tokens` tokens a side."""
    sizes = longer_sides(dataset)
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for index in np.argsort(sizes, kind="stable").tolist():
        longest = max(longest, int(sizes[index]))
        if batch and longest * (len(batch) + 1) > batch_tokens:
            batches.append(batch)
            batch, longest = [], int(sizes[index])
        batch.append(index)
    if batch:
        batches.append(batch)
    return batches
