"""A base model by its name on the Hugging Face hub: which revision of it, and where the workflow keeps its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# beside the other downloads, for all experiments of the folder
FOLDER = "downloads/hub"
BRANCH = "main"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubModel:
    """A model of the hub: its name there, and a commit, tag or branch."""

    name: str
    revision: str = BRANCH

    @classmethod
    def of(cls, base_model: Mapping[str, Any]) -> HubModel | None:
        """Return the model that the section base_model names, None where it names none of the hub's."""
        name = base_model.get("hub")
        return None if name is None else cls(name, base_model.get("revision") or BRANCH)

    @property
    def folder(self) -> str:
        """Where its files go; another revision has another folder, so that jobs run again."""
        name, revision = (text.replace("/", "--") for text in (self.name, self.revision))
        return f"{FOLDER}/{name}/{revision}"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, which names the same files for ever."""
        return _COMMIT.fullmatch(self.revision) is not None

    def warning(self, commit: str | None) -> str | None:
        """Say that the revision may come to name other files, and what to pin; commit: the one fetched, if any."""
        if self.is_pinned:
            return None
        pin = "pin a commit of 40 digits" if commit is None else f"pin the commit that was fetched, {commit}"
        return f"base_model.revision: {self.revision} may name another commit of {self.name} tomorrow; {pin}"

    def __str__(self) -> str:
        return f"{self.name}, revision {self.revision}"
