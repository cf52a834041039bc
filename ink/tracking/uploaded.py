"""What MLflow has of an experiment's journals: results/EXPERIMENT/runs/uploaded.json, so that no upload is repeated.

A store is known by the id that the experiment's run has there: one that was emptied gets another. What this file does
not say is uploaded again, which changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ink.runtime.whole_files import write_json
from ink.systems.layout import Run
from ink.tracking.journal import read_record

Record = Mapping[str, Any]


@dataclass
class State:
    """A journal as it was uploaded: its run's key, digests of all it says and of what the experiment's run sums up.

    `files`: by job, the digest of the record whose files were sent.
    """

    key: str = ""
    digest: str = ""
    summed: str = ""
    files: dict[str, str] = field(default_factory=dict)


def state_of(run: Record, jobs: Mapping[str, Record]) -> State:
    """Return what a journal says now; what it says of MLflow does not count."""
    own = {name: value for name, value in run.items() if name != "mlflow"}
    summed = [own["status"], own["created"], own["ended"], [record["metrics"] for record in jobs.values()]]
    files = {name: _digest(record) for name, record in jobs.items()}
    return State(key=own["key"], digest=_digest([own, files]), summed=_digest(summed), files=files)


class Uploaded:
    """What one store has. Written whenever it changes, for this process may be killed."""

    def __init__(self, path: Path, store: str) -> None:
        self._path, self._store = path, store
        found = (read_record(path) or {}).get(store, {})
        known = {one.name for one in fields(State)}
        # an older version's file has other names: what this one does not find is uploaded again
        self._states = {
            name: State(**{key: value for key, value in state.items() if key in known}) for name, state in found.items()
        }

    def of(self, name: Run) -> State:
        return self._states.get(str(name), State())

    def remember(self, name: Run, state: State) -> None:
        if self.of(name) != state:
            self._states[str(name)] = state
            others = read_record(self._path) or {}
            write_json(self._path, others | {self._store: {name: asdict(one) for name, one in self._states.items()}})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
