"""How fast systems translate: sentences a second of beam search as measured alone on the machine, RESULTS/speed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ink.results.records.json_fields import Fields


@dataclass(frozen=True)
class Speeds:
    """Sentences a second by system, on a domain's test set, so many sentences a batch; hardware: what it ran on."""

    domain: str
    batch: int
    of: Mapping[str, float]
    hardware: str


def read_speeds(results: Path, domain: str | None, systems: Collection[str]) -> Speeds | None:
    """Read what was measured of these systems, at the largest batch that all of them have; None where nothing was.

    InkError names what is missing or wrong in the file.
    """
    path = Path(results) / "speed" / f"{domain}.json"
    if domain is None or not path.is_file():
        return None
    found = Fields.of_file(path)
    timed = found.fields("systems")
    means = {
        system: {
            batch.count("batch_sentences"): batch.number("mean") for batch in timed.fields(system).objects("batches")
        }
        for system in systems
        if system in timed.value
    }
    shared = set.intersection(*map(set, means.values())) if means else set()
    if not shared:
        return None
    largest, hardware = max(shared), found.fields("hardware")
    gpu = hardware.optional(Fields.text, "gpu")
    machine = f"{hardware.text('processor')}, {hardware.count('threads')} of {hardware.count('cores')} cores"
    return Speeds(
        domain,
        largest,
        {system: mean[largest] for system, mean in means.items()},
        machine if gpu is None else f"one {gpu}; {machine}",
    )
