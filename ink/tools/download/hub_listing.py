"""What `ink download --list` says of a base model of the hub: its size, licence and commit, as far as anybody says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ink.config.hub_model import HubModel
from ink.nmt.huggingface.hub_record import HubRecord, read_hub_record
from ink.runtime.disk import bytes_in_words
from ink.runtime.errors import InkError
from ink.tools.download.hub_access import KnownModel, endpoint, known

NAME = "base_model"  # among the artefacts' names
UNKNOWN = "unknown"


@dataclass(frozen=True)
class ListedModel:
    """A model with what is known of it: its record where it is here, else what hub or cache say, and why not more."""

    model: HubModel
    record: HubRecord | None
    known: KnownModel | None
    problem: InkError | None

    @classmethod
    def of(cls, model: HubModel) -> ListedModel:
        """Look at the model's folder, or else ask the hub, or else its cache."""
        folder = Path(model.folder)
        record = read_hub_record(folder)
        if record is not None and record.is_whole(folder):
            return cls(model, record, None, None)
        return cls(model, None, *known(model))

    @property
    def commit(self) -> str | None:
        """The commit that is here, or that the revision names now."""
        found = self.record or self.known
        return None if found is None else found.commit

    @property
    def licence(self) -> str | None:
        """As the hub states it."""
        found = self.record or self.known
        return None if found is None else found.licence

    @property
    def bytes(self) -> int | None:
        """Of all files that are fetched."""
        found = self.record or self.known
        return None if found is None else found.bytes

    @property
    def state(self) -> str:
        """Say whether it is there."""
        if self.record is not None:
            return f"there, {bytes_in_words(self.record.bytes)}"
        if self.problem is None:
            return "not there"
        return f"not there{'' if self.known is None else ', but in the cache of the hub'}; {self.problem}"

    def plain(self) -> dict[str, str | None]:
        """Return what `lines` says as values by name; null where nobody says."""
        return {
            "name": NAME,
            "what": f"the base model, {self.model}",
            "from": f"{endpoint()}/{self.model.name}",
            "size": None if self.bytes is None else bytes_in_words(self.bytes),
            "licence": self.licence,
            "sha256": None,
            "file": self.model.folder,
            "unpacked": None,
            "state": self.state,
            "commit": self.commit,
        }

    def lines(self) -> Iterator[str]:
        """Yield the lines of the list."""
        entry = self.plain()
        yield f"{NAME}: {entry['what']}"
        yield f"  from     {entry['from']}"
        yield f"  size     {entry['size'] or UNKNOWN}"
        yield f"  licence  {UNKNOWN if self.licence is None else f'{self.licence}, as stated at the source'}"
        yield f"  commit   {self.commit or UNKNOWN}" + ("" if self.model.is_pinned else ", not pinned in the config")
        yield f"  goes to  {entry['file']}"
        yield f"  state    {entry['state']}"
