"""Where a model's folder is from: hub.json beside its files names the hub's model, the commit and the licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json

RECORD = "hub.json"


@dataclass(frozen=True)
class HubRecord:
    """What was fetched. licence: as the hub states it, None where it does not; files: their bytes, by name."""

    hub: str
    revision: str
    commit: str
    licence: str | None
    files: Mapping[str, int]

    @property
    def origin(self) -> str:
        """Name and commit, as records and cards have it."""
        return f"{self.hub}@{self.commit}"

    @property
    def bytes(self) -> int:
        """All files together."""
        return sum(self.files.values())

    def is_whole(self, folder: Path) -> bool:
        """Whether every file is there, as long as it was."""
        return bool(self.files) and all(
            (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in self.files.items()
        )

    def write(self, folder: Path) -> None:
        """Write it beside the files."""
        write_json(folder / RECORD, asdict(self))


def read_hub_record(folder: Path) -> HubRecord | None:
    """Return the record of a model's folder, None where there is none; InkError where it is damaged."""
    path = folder / RECORD
    if not path.is_file():
        return None
    found = read_json(path, "hub", "revision", "commit", "licence", "files")
    sizes = found["files"].values() if isinstance(found["files"], dict) else [None]
    licence = found["licence"]
    if not (
        all(isinstance(found[name], str) for name in ("hub", "revision", "commit"))
        and all(type(size) is int for size in sizes)
        and (licence is None or isinstance(licence, str))
    ):
        raise InkError(
            f"{path} is not as `ink download` writes it; remove {folder}, and fetch the model again",
            code="file/damaged",
        )
    return HubRecord(found["hub"], found["revision"], found["commit"], licence, found["files"])


def hub_origin(model: Path) -> dict[str, str]:
    """Return what records say of a base model of the hub: its name and commit under `hub`; of another nothing."""
    record = read_hub_record(model) if model.is_dir() else None
    return {} if record is None else {"hub": record.origin}
