"""Beam search with fairseq's own SequenceGenerator, the same for every system."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from fairseq.data import Dictionary, LanguagePairDataset
from fairseq.sequence_generator import SequenceGenerator

from ink.config.sections.base_system import BeamSearch, Decoding
from ink.nmt.device import device_of, to_device
from ink.nmt.memory import FittingBatches
from ink.progress import progress


@dataclass
class Translations:
    """Best hypotheses in the order of the input, as BPE text, and the seconds that beam search alone took.

    cpu_seconds: the same of all the process's threads on the CPU.
    """

    hypotheses: list[str]
    seconds: float
    cpu_seconds: float


def build_generator(model: torch.nn.Module, target_dictionary: Dictionary, decoding: BeamSearch) -> SequenceGenerator:
    """Make fairseq's beam search for `model` from the config's `decoding` section."""
    return SequenceGenerator(
        [model],
        target_dictionary,
        beam_size=decoding.beam,
        max_len_a=decoding.max_len_a,
        max_len_b=decoding.max_len_b,
        len_penalty=decoding.length_penalty,
    )


def generate(
    model: torch.nn.Module,
    dataset: LanguagePairDataset,
    target_dictionary: Dictionary,
    decoding: Decoding,
    *,
    description: str = "translating",
    indices: Sequence[int] | None = None,
    divide: bool = True,
) -> Translations:
    """Translate `dataset` (or the sentences `indices` of it) in batches of similar length.

    A batch that does not fit into the device's memory is divided, or, without `divide`, is torch's error. The
    order of `hypotheses` is that of the dataset (or of `indices`), not that of the batches.
    """
    generator = build_generator(model, target_dictionary, decoding)
    wanted = list(range(len(dataset))) if indices is None else list(indices)
    by_length = sorted(wanted, key=lambda index: (-int(dataset.src_sizes[index]), index))
    size = decoding.batch_sentences
    batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
    texts: dict[int, str] = {}
    seconds = cpu_seconds = 0.0
    device = device_of(model)
    fitting = FittingBatches(
        dataset.src_sizes, what=description, setting="decoding.batch_sentences", remedy="lower decoding.beam"
    )

    def search(part: Sequence[int]) -> tuple[list[int], Any, float, float]:
        sample = to_device(dataset.collater([dataset[index] for index in part]), device)
        start, cpu_start = time.perf_counter(), time.process_time()
        finished = generator.generate([model], sample)
        return sample["id"].tolist(), finished, time.perf_counter() - start, time.process_time() - cpu_start

    with progress(range(len(wanted)), description=description, unit="sentence", total=len(wanted)) as bar:
        for batch in batches:
            for part, (order, finished, *spent) in fitting.run(search, batch) if divide else [(batch, search(batch))]:
                seconds += spent[0]
                cpu_seconds += spent[1]
                for index, hypotheses in zip(order, finished, strict=True):
                    texts[index] = target_dictionary.string(
                        hypotheses[0]["tokens"].int().cpu(), extra_symbols_to_ignore=None
                    )
                bar.update(len(part))
    return Translations([texts[index] for index in wanted], seconds, cpu_seconds)
