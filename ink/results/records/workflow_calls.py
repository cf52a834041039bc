"""With what an experiment was run, as the workflow wrote it down: RESULTS/environment.json."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ink.results.records.json_fields import Fields
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

DIRTY = "-dirty"


@dataclass(frozen=True)
class Call:
    """A call of the workflow: the command as typed, and code, machine and packages that its jobs ran with."""

    started: str
    command: str
    config_files: Sequence[str]
    commit: str | None
    machine: str
    python: str
    packages: dict[str, str]

    @property
    def is_committed(self) -> bool:
        """Whether a commit holds the code that ran."""
        return self.commit is not None and not self.commit.endswith(DIRTY)

    @property
    def code(self) -> str:
        """The commit, in words."""
        if self.commit is None:
            return "outside a git repository"
        return self.commit if self.is_committed else f"{self.commit.removesuffix(DIRTY)}, with uncommitted changes"


def calls(results: Path) -> list[Call]:
    """Read the calls of the workflow that ran jobs, in their order; none where they were not written down."""
    path = Path(results) / "environment.json"
    if not path.is_file():
        return []
    found = read_json(path)
    if not isinstance(found, list):
        raise InkError(
            f"{path} holds no list of calls; delete it, and the next run of the workflow begins it anew",
            code="file/damaged",
        )
    return [_call(Fields(path, entry, f"[{place}].")) for place, entry in enumerate(found)]


def _call(fields: Fields) -> Call:
    cores = fields.count("cores")
    return Call(
        started=fields.text("started"),
        command=shlex.join(map(str, fields.items("command"))),
        config_files=[str(item) for item in fields.items("config_files")],
        commit=fields.optional(Fields.text, "git_commit"),
        machine=f"{fields.text('platform')}; {fields.text('processor')}, {cores} core{'s' if cores != 1 else ''}",
        python=fields.text("python"),
        packages=fields.mapped(Fields.text, "packages"),
    )
