"""What a copy of results without its text keeps for intervals: every run's statistics by test sentence, in counts.

They are under RESULTS/statistics/SYSTEM/DOMAIN/seedN.npz: an array by metric, and three texts: `run`, which is
SYSTEM/DOMAIN/seedN, and the SHA-256 of `hypotheses` and of `references`, by which a test set is recognised.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ink.metrics.bootstrap import Statistics
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_atomically

FOLDER = "statistics"
_TEXTS = ("run", "hypotheses", "references")


@dataclass(frozen=True)
class SentenceStatistics:
    """A run's statistics by test sentence: by metric `(sentences, width)`, as `Metric.statistics` counts them.

    hypotheses: SHA-256 of the file of translations. references: `fingerprint` of the test set's references.
    """

    by_metric: Mapping[str, Statistics]
    hypotheses: str
    references: str


def has_statistics(results: Path) -> bool:
    """Whether these results are a copy that has statistics in place of its text."""
    return (Path(results) / FOLDER).is_dir()


def fingerprint(lines: Sequence[str]) -> str:
    """Return the SHA-256 of a text's lines, in hexadecimal."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def write_statistics(results: Path, system: str, domain: str, seed: int, found: SentenceStatistics) -> None:
    """Write a run's statistics, integers in as few bytes as hold the highest; the same bytes for the same numbers."""
    texts = {"run": f"{system}/{domain}/seed{seed}", "hypotheses": found.hypotheses, "references": found.references}
    arrays = {name: _narrow(rows) for name, rows in found.by_metric.items()}
    with write_atomically(statistics_file(results, system, domain, seed)) as temporary:
        np.savez_compressed(temporary, **{name: np.array(text) for name, text in texts.items()}, **arrays)


def read_statistics(results: Path, system: str, domain: str, seed: int) -> SentenceStatistics | None:
    """Read a run's statistics; None where it has none. InkError where the file is damaged or another run's."""
    path = statistics_file(results, system, domain, seed)
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        run, hypotheses, references = (str(arrays.pop(name)) for name in _TEXTS)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InkError(f"{path} is damaged ({error}); copy or publish it again", code="file/damaged") from None
    if run != f"{system}/{domain}/seed{seed}":
        raise InkError(
            f"{path} says that it is {run}; it was moved or copied by hand, put it back", code="results/moved"
        )
    return SentenceStatistics(arrays, hypotheses, references)


def references_of(results: Path, domain: str) -> str | None:
    """Return the fingerprint of a domain's references as the first of its runs has it; None without any statistics."""
    for path in sorted((Path(results) / FOLDER).glob(f"*/{domain}/seed*.npz")):
        seed = path.stem.removeprefix("seed")
        if seed.isdecimal() and (found := read_statistics(results, path.parent.parent.name, domain, int(seed))):
            return found.references
    return None


def _narrow(rows: Statistics) -> Statistics:
    """Store counts as small unsigned integers; what is no count stays as it is."""
    if not np.issubdtype(rows.dtype, np.integer) or (rows.size and rows.min() < 0):
        return rows
    return rows.astype(np.min_scalar_type(int(rows.max(initial=0))))


def statistics_file(results: Path, system: str, domain: str, seed: int) -> Path:
    """Return the place of a run's statistics."""
    return Path(results) / FOLDER / system / domain / f"seed{seed}.npz"
