"""What the Hugging Face hub says of a model, or its cache on this machine where the hub cannot be reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.config.hub_model import HubModel
from ink.nmt.huggingface.folder_files import wanted
from ink.runtime.disk import DiskTrouble, describe_trouble
from ink.runtime.errors import InkError, reason_of
from ink.runtime.escape import visible

ANSWER_SECONDS = 5.0
README = "README.md"  # says the licence


class UnreachableError(InkError):
    """The hub does not answer; the message is the reason alone."""

    code = "download/no-answer"


@dataclass(frozen=True)
class KnownModel:
    """A commit's files with their bytes, and the licence; None where nobody says."""

    commit: str
    files: Mapping[str, int | None]
    licence: str | None

    @property
    def bytes(self) -> int | None:
        """Bytes of the files that are fetched; None where one of them is not said."""
        sizes = [self.files[name] for name in wanted(self.files)]
        return None if None in sizes or not sizes else sum(size for size in sizes if size is not None)


def ask(model: HubModel, seconds: float = ANSWER_SECONDS) -> KnownModel:
    """Ask the hub for the commit that a revision names.

    Raises UnreachableError where it does not answer, and InkError where it has no such model or does not give it.
    """
    from huggingface_hub import HfApi

    with hub_errors(model):
        found = HfApi().model_info(model.name, revision=model.revision, timeout=seconds, files_metadata=True)
    card = {} if found.card_data is None else found.card_data.to_dict()
    return KnownModel(str(found.sha), {file.rfilename: file.size for file in found.siblings or ()}, _licence(card))


def in_cache(model: HubModel) -> Path | None:
    """Return the folder in which the hub's cache has a revision, whole or in part; None where it has none of it."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model.name, revision=model.revision, local_files_only=True))
    except (OSError, ValueError):
        return None


def known_of(snapshot: Path) -> KnownModel:
    """Return what the cache's folder of a revision says."""
    from huggingface_hub.repocard import metadata_load

    try:
        card = metadata_load(snapshot / README) if (snapshot / README).is_file() else None
    except Exception:  # a stranger's YAML
        card = None
    files = {path.name: path.stat().st_size for path in snapshot.iterdir() if path.is_file()}
    return KnownModel(snapshot.name, files, _licence(card or {}))


def known(model: HubModel) -> tuple[KnownModel | None, InkError | None]:
    """Ask the hub, or else its cache; return what is known, and why the hub says nothing."""
    try:
        return ask(model), None
    except InkError as problem:
        snapshot = in_cache(model)
        return None if snapshot is None else known_of(snapshot), problem


@contextmanager
def hub_errors(model: HubModel) -> Iterator[None]:
    """Say in one line what the hub's client has to say."""
    from huggingface_hub import errors
    from requests import RequestException

    address = f"{endpoint()}/{model.name}"
    try:
        yield
    except errors.GatedRepoError:
        raise InkError(
            f"base_model.hub: {model.name} is gated: its owner decides who gets it; accept its "
            f"terms at {address} and log in with `hf auth login`, or take another model",
            code="download/hub-refused",
        ) from None
    except errors.RevisionNotFoundError:
        raise InkError(
            f"base_model.revision: {model.name} has no revision {model.revision}; {address}/commits/main lists commits",
            code="download/hub-refused",
        ) from None
    except errors.RepositoryNotFoundError:
        raise InkError(
            f"base_model.hub: the Hugging Face hub has no model {model.name}, or it is private; correct the name, or "
            "log in with `hf auth login`",
            code="download/hub-refused",
        ) from None
    except errors.OfflineModeIsEnabled:
        raise UnreachableError("HF_HUB_OFFLINE is set") from None
    except errors.HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403):
            raise InkError(
                f"base_model.hub: the Hugging Face hub refuses {model.name} ({_reason(error)})",
                code="download/hub-refused",
            ) from None
        raise UnreachableError(_reason(error)) from None
    except OSError as error:
        trouble = None if isinstance(error, RequestException) else describe_trouble(error, cache_folder())
        if trouble is not None:
            raise DiskTrouble(cache_folder(), trouble) from error
        raise UnreachableError(_reason(error)) from None
    except ValueError as error:
        raise InkError(
            f"base_model.hub: {model.name} is not the name of a model on the hub ({_reason(error)})",
            code="download/hub-refused",
        ) from None


def endpoint() -> str:
    """Return the hub's address, or that of the mirror which HF_ENDPOINT names."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def cache_folder() -> Path:
    """Return the folder of the hub's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _reason(error: Exception) -> str:
    return reason_of(error)[:200]


def _licence(card: Mapping[str, Any]) -> str | None:
    """Return what a model's card says, as one line; its own name for a licence that the hub has no name for."""
    found = card.get("license")
    if found == "other":
        found = card.get("license_name") or found
    named = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str) and one.strip()]
    return visible(", ".join(" ".join(one.split()) for one in named))[:200] or None
