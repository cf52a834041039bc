"""Translating a split with beam search, the same for every system."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ink.config.sections.base_system import Decoding
from ink.nmt.batches import ParallelText
from ink.nmt.beam_search import Mixture, Translation
from ink.nmt.device import device_of
from ink.nmt.oom import FittingBatches
from ink.nmt.translation_model import TranslationModel
from ink.runtime.progress import progress


@dataclass
class Translations:
    """Best hypotheses in the order of the input, as BPE text, and the seconds that beam search alone took.

    cpu_seconds: the same of all the process's threads on the CPU.
    """

    hypotheses: list[str]
    seconds: float
    cpu_seconds: float


def generate(
    model: TranslationModel,
    text: ParallelText,
    decoding: Decoding,
    *,
    mixture: Mixture | None = None,
    description: str = "translating",
    divide: bool = True,
) -> Translations:
    """Translate `text` in batches of similar length.

    `mixture` takes part in every step. A batch that does not fit into the device's memory is divided, or, without
    `divide`, is torch's error. The order of `hypotheses` is the text's, not the batches'.
    """
    search = model.beam_search(decoding, mixture)
    by_length = sorted(range(len(text)), key=lambda index: (-int(text.source_lengths[index]), index))
    size = decoding.batch_sentences
    batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
    texts: dict[int, str] = {}
    seconds = cpu_seconds = 0.0
    device = device_of(model.network)
    fitting = FittingBatches(
        text.source_lengths, task=description, setting="decoding.batch_sentences", remedy="lower decoding.beam"
    )

    def searched(part: Sequence[int]) -> tuple[list[int], Sequence[Sequence[Translation]], float, float]:
        batch = text.batch(part).to(device)
        start, cpu_start = time.perf_counter(), time.process_time()
        finished = search(batch)
        return batch.sentences.tolist(), finished, time.perf_counter() - start, time.process_time() - cpu_start

    with progress(range(len(text)), description=description, unit="sentence", total=len(text)) as bar:
        for batch in batches:
            for part, (order, finished, *spent) in (
                fitting.run(searched, batch) if divide else [(batch, searched(batch))]
            ):
                seconds += spent[0]
                cpu_seconds += spent[1]
                for index, hypotheses in zip(order, finished, strict=True):
                    texts[index] = model.target_vocabulary.text(hypotheses[0].tokens)
                bar.update(len(part))
    return Translations([texts[index] for index in range(len(text))], seconds, cpu_seconds)
