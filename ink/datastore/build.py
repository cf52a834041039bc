"""Building a datastore: one teacher-forced pass over the training set, then its index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import LanguagePairDataset
from numpy.typing import NDArray

from ink.datastore.index import build_index
from ink.datastore.storage import Datastore, DatastoreMeta, create_datastore, seal
from ink.errors import InkError
from ink.files import write_atomically
from ink.nmt.device import device_of, to_device
from ink.nmt.keys import KeyReader
from ink.nmt.memory import FittingBatches
from ink.nmt.translation_model import TranslationModel
from ink.progress import progress


def build_datastore(
    model: TranslationModel,
    dataset: LanguagePairDataset,
    corpus: str,
    output: Path,
    *,
    key: str,
    batch_tokens: int,
    index: Mapping[str, Any] | None,
    log_probs: bool = True,
    trained_index: Path | None = None,
) -> DatastoreMeta:
    """Write the datastore of `dataset` under `model`, whole or not at all.

    One entry per target position, end of sentence included, without dropout. `log_probs` stores the model's own
    log p(value | key) with each entry; without it no output layer is computed. `trained_index` gives centroids and
    codebooks to keep. Without `index` the datastore has none, and cannot be searched through one.
    """
    sizes = np.asarray(dataset.tgt_sizes, dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    dimension = key_dimension(model, key)
    meta = DatastoreMeta(int(offsets[-1]), dimension, len(dataset), key, model.fingerprint, corpus, log_probs)
    with write_atomically(output) as temporary:
        datastore = create_datastore(temporary, meta)
        datastore.offsets[:] = offsets
        _fill(datastore, model, dataset, key, batch_tokens)
        if index is not None:
            build_index(datastore.keys, index, datastore.index_path, trained_index)
        seal(datastore)
    return meta


def key_dimension(model: TranslationModel, kind: str) -> int:
    """Return the dimension of keys of this kind."""
    layer = model.network.decoder.layers[-1]
    return int(layer.fc1.in_features if kind == "ffn_input" else layer.fc2.out_features)


def _fill(
    datastore: Datastore, model: TranslationModel, dataset: LanguagePairDataset, kind: str, batch_tokens: int
) -> None:
    keys = datastore.keys
    for entries, found, targets, log_probs in teacher_forced(
        model, dataset, kind, batch_tokens, with_log_probs=datastore.log_probs is not None, description="datastore"
    ):
        stored = found.to(torch.float16).cpu()
        if not stored.isfinite().all():
            raise InkError(
                "datastore: a key is not finite in half precision, in which keys are stored; with precision fp16 the "
                "model may have overflowed: set it to bf16 or fp32"
            )
        keys[entries] = stored.numpy()
        datastore.values[entries] = targets.cpu().numpy()
        if log_probs is not None and datastore.log_probs is not None:
            own = log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
            datastore.log_probs[entries] = own.float().cpu().numpy()


@torch.no_grad()
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
    network = model.network.eval()
    offsets = np.concatenate([[0], np.cumsum(np.asarray(dataset.tgt_sizes, dtype=np.int64))])
    reader = KeyReader(network.decoder, kind)
    batches = batches_by_length(dataset, batch_tokens)
    fitting = FittingBatches(longer_sides(dataset), what=description, setting="datastore.batch_tokens")

    def passed(part: Sequence[int]) -> Any:
        return teacher_forced_batch(model, dataset, part, reader, with_log_probs=with_log_probs)

    try:
        with progress(range(len(dataset)), description=description, unit="sentence", total=len(dataset)) as bar:
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
