"""Decoding speed (Table 5): beam search alone.

Systems and batch sizes take turns, so that what else the machine does meets all of them.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ink.runtime.errors import InkError
from ink.runtime.hardware import processor
from ink.runtime.whole_files import write_json

if TYPE_CHECKING:
    from ink.config.sections.base_system import BeamSearch
    from ink.config.slices.result_slices import SpeedSettings
    from ink.nmt.batches import ParallelText
    from ink.nmt.generation import Translations
    from ink.systems.inference import AssembledSystem

WARM_UP = 0  # the round that does not count: every system once, with the largest batch


class Timed(Protocol):
    """What a pass over the sentences gives: seconds of beam search alone, and what was translated."""

    hypotheses: list[str]
    seconds: float
    cpu_seconds: float


Decode = Callable[[str, int], Timed]


def in_turn(systems: Sequence[str], batch_sizes: Sequence[int], repeats: int) -> Iterator[tuple[int, int, str]]:
    """Yield round, batch size and system of every pass in its order; round WARM_UP comes before those that count."""
    for number in range(WARM_UP, repeats + 1):
        for batch in [max(batch_sizes)] if number == WARM_UP else batch_sizes:
            for system in systems:
                yield number, batch, system


def speeds(
    decode: Decode, systems: Sequence[str], batch_sizes: Sequence[int], repeats: int
) -> dict[str, list[dict[str, Any]]]:
    """Time `decode(system, batch size)` and return, by system, one record for each batch size.

    Sentences a second of each round that counts, their mean and their sample standard deviation (n - 1; None for one
    round), and the seconds behind them.
    """
    passes: dict[tuple[str, int], list[Timed]] = {}
    for number, batch, system in in_turn(systems, batch_sizes, repeats):
        found = decode(system, batch)
        if number != WARM_UP:
            passes.setdefault((system, batch), []).append(found)
    return {system: [_record(batch, passes[system, batch]) for batch in batch_sizes] for system in systems}


def _record(batch: int, passes: Sequence[Timed]) -> dict[str, Any]:
    rates = [len(found.hypotheses) / found.seconds for found in passes]
    tokens = [len(line.split()) for line in passes[0].hypotheses]
    return {
        "batch_sentences": batch,
        "sentences_per_second": rates,
        "mean": statistics.fmean(rates),
        "deviation": statistics.stdev(rates) if len(rates) > 1 else None,
        "seconds": [found.seconds for found in passes],
        "cpu_seconds": [found.cpu_seconds for found in passes],
        "tokens_a_hypothesis": statistics.fmean(tokens),
    }


def decoder_of(
    systems: Mapping[str, AssembledSystem], text: ParallelText, decoding: BeamSearch
) -> Callable[[str, int], Translations]:
    """Make a function of a system's name and a batch size that translates `text` with that system."""
    from ink.config.sections.base_system import Decoding
    from ink.nmt.generation import generate
    from ink.nmt.oom import is_out_of_memory

    def decode(system: str, batch: int) -> Translations:
        assembled = systems[system]
        settings = Decoding(**{**decoding.plain(), "batch_sentences": batch})
        try:
            description = f"{system}, {batch} at once"
            return generate(
                assembled.model, text, settings, mixture=assembled.mixture, description=description, divide=False
            )
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise InkError(
                f"{system}: {batch} sentences at once do not fit into the device's memory, and smaller batches would "
                "be another measurement; lower speed.batch_sentences",
                code="device/out-of-memory",
            ) from None

    return decode


def measure_speed(
    domain: str,
    seed: int,
    systems: Mapping[str, AssembledSystem],
    text: ParallelText,
    settings: SpeedSettings,
    output: Path,
) -> None:
    """Time the systems on the first test sentences and write sentences a second, and on which hardware, to `output`."""
    measure = settings.speed
    first = text.part(range(min(measure.sentences, len(text))))
    decode = decoder_of(systems, first, settings.decoding)
    measured = speeds(decode, list(systems), measure.batch_sentences, measure.repeats)
    write_json(
        output,
        {
            "domain": domain,
            "seed": seed,
            "sentences": len(first),
            "repeats": measure.repeats,
            "decoding": settings.decoding.plain(),
            "hardware": hardware(settings.device),
            "systems": {
                name: {"model": system.model.fingerprint, "batches": measured[name]} for name, system in systems.items()
            },
        },
    )


def hardware(device: str) -> dict[str, Any]:
    """Name what `device` is, the processor, its cores, and the threads that torch uses of them."""
    import torch

    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": device,
        "gpu": torch.cuda.get_device_name(device) if on_gpu else None,
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
