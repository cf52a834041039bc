"""Memory that a system needs at inference beyond the base model, measured on its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ink.runtime.errors import InkError
from ink.systems.known_systems import SYSTEMS


def added_memory(files: Mapping[str, Path]) -> dict[str, int]:
    """Measure files in bytes, by the same names; InkError names one that is missing or not a file."""
    sizes = {}
    for name, path in files.items():
        if not Path(path).is_file():
            raise InkError(
                f"{path} ({name}) is no file: its size cannot be counted as added memory; run the workflow again",
                code="file/missing",
            )
        sizes[name] = Path(path).stat().st_size
    return sizes


def relative_memory(bytes_by_domain: Mapping[str, Mapping[str, int]]) -> dict[str, float | None]:
    """Divide each system's added bytes by the adapters' bytes, both summed over the same domains.

    `bytes_by_domain` holds, per system, the added bytes per domain. The adapters are those of the Adapter system, or
    of INK where Adapter has not been run. None where there are no adapters in any of the system's domains.
    """
    units = [name for name, system in SYSTEMS.items() if system.memory_unit and bytes_by_domain.get(name)]
    unit = bytes_by_domain[units[0]] if units else {}
    relative: dict[str, float | None] = {}
    for system, of_domain in bytes_by_domain.items():
        shared = [domain for domain in of_domain if domain in unit]
        adapters = sum(unit[domain] for domain in shared)
        relative[system] = sum(of_domain[domain] for domain in shared) / adapters if adapters else None
    return relative
