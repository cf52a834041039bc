"""In which environments an experiment's jobs ran: results/EXPERIMENT/environment.json, which a report shows.

A list, one entry a call of the workflow that differs from the calls before it in more than its time.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ink import __version__
from ink.errors import InkError
from ink.files import read_json, write_json
from ink.hardware import processor
from ink.tracking.provenance import git_commit

# what a number may depend on
PACKAGES = (
    "torch",
    "fairseq-fixed",
    "faiss-cpu",
    "faiss-gpu",
    "numpy",
    "sacrebleu",
    "sacremoses",
    "subword-nmt",
    "unbabel-comet",
    "pandas",
    "matplotlib",
    "snakemake",
    "mlflow",
)


def record_environment(results: Path | str, command: Sequence[str], config_files: Sequence[str]) -> None:
    """Add this call of the workflow, its code and its packages to environment.json, unless the same is there."""
    path = Path(results) / "environment.json"
    known = _known(path)
    facts = {
        "command": [Path(command[0]).name, *command[1:]],
        "config_files": [os.path.relpath(file) for file in config_files],
        "git_commit": git_commit(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {"ink": __version__, **_versions()},
    }
    if not any({**entry, "started": None} == {"started": None, **facts} for entry in known):
        write_json(path, [*known, {"started": datetime.now(UTC).isoformat(timespec="seconds"), **facts}])


def _known(path: Path) -> list[dict[str, Any]]:
    """Read the entries so far; a damaged file is begun anew, for no result hangs on it."""
    try:
        found = read_json(path) if path.is_file() else []
    except InkError:
        return []
    return found if isinstance(found, list) and all(isinstance(entry, dict) for entry in found) else []


def _versions() -> dict[str, str]:
    """Return the versions of PACKAGES that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
