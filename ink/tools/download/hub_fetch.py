"""Fetching a base model from the Hugging Face hub: refused before much has come, whole or not at all, no code."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ink.config.hub_model import HubModel
from ink.nmt.huggingface.architectures import architecture_of
from ink.nmt.huggingface.folder_files import WEIGHTS, wanted, wanted_weights, weight_files
from ink.nmt.huggingface.hub_record import HubRecord, read_hub_record
from ink.nmt.huggingface.model_folder import check_pickled, read_settings
from ink.nmt.huggingface.tokenisers import Languages, load_tokenisers
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_atomically
from ink.tools.download.hub_access import (
    README,
    KnownModel,
    UnreachableError,
    ask,
    cache_folder,
    hub_errors,
    in_cache,
    known_of,
)


def fetch_model(model: HubModel, languages: Languages) -> tuple[HubRecord, bool]:
    """Fetch a model into its folder unless it is there; return its record, and whether it is new.

    Settings, tokeniser and weights come, and no code. They come from the hub, or out of its cache where it cannot be
    reached, and stay in the cache too. Raises InkError where the hub does not have or give the model, where ink does
    not work with it, and where the tokeniser does not know the languages; the weights have not come by then.
    """
    folder = Path(model.folder)
    record = read_hub_record(folder)
    if record is not None and record.is_whole(folder):
        return record, False
    if record is None and folder.is_dir() and any(folder.iterdir()):
        raise InkError(
            f"{folder} is there, but `ink download` has not fetched it; move it away, or name it in base_model.folder",
            code="folder/not-empty",
        )
    snapshot, licence = _snapshot(model, languages)
    with write_atomically(folder) as temporary:
        temporary.mkdir()
        names = wanted([path.name for path in snapshot.iterdir()])
        for name in names:
            _link(snapshot / name, temporary / name)
        sizes = {name: (temporary / name).stat().st_size for name in names}
        record = HubRecord(model.name, model.revision, snapshot.name, licence, sizes)
        record.write(temporary)
    return record, True


def _snapshot(model: HubModel, languages: Languages) -> tuple[Path, str | None]:
    """Return the folder of the cache with all files of a model, and the licence."""
    try:
        known = ask(model)
    except UnreachableError as problem:
        snapshot = in_cache(model)
        if snapshot is None:
            raise InkError(
                f"base_model.hub: {model} is not in the cache {cache_folder()}, and the Hugging Face hub cannot be "
                f"reached ({problem}); run `ink download` where there is network, or name a copy in base_model.folder",
                code="download/no-answer",
            ) from None
        _check(model, snapshot, languages)
        _check_weights(model, snapshot)
        return snapshot, known_of(snapshot).licence
    weights = wanted_weights(known.files)
    first = [name for name in wanted(known.files) if name not in weights]
    snapshot = _downloaded(model, known, [*first, README])
    _check(model, snapshot, languages)
    if not weights:
        raise InkError(
            f"base_model.hub: {model.name} has no weights: neither {', nor '.join(WEIGHTS[::2])}", code="model/missing"
        )
    snapshot = _downloaded(model, known, weights)
    _check_weights(model, snapshot)
    return snapshot, known.licence


def _downloaded(model: HubModel, known: KnownModel, names: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():  # a log
        disable_progress_bars()
    try:
        with hub_errors(model):
            snapshot = Path(snapshot_download(model.name, revision=model.revision, allow_patterns=list(names)))
    except UnreachableError as problem:
        raise InkError(
            f"base_model.hub: fetching {model} broke off ({problem}); run this again, and it goes on where it was",
            code="download/no-answer",
        ) from None
    missing = [name for name in names if name in known.files and not (snapshot / name).is_file()]
    if snapshot.name != known.commit or missing:
        raise InkError(
            f"base_model.hub: {model} changed, or the network broke off, while it was fetched; run it again",
            code="download/no-answer",
        )
    return snapshot


def _check(model: HubModel, snapshot: Path, languages: Languages) -> None:
    """Refuse what ink does not work with, by its settings and its tokeniser."""
    with _named(model, snapshot):
        settings = read_settings(snapshot)
        architecture_of(settings, snapshot)
        load_tokenisers(snapshot, settings, languages)


def _check_weights(model: HubModel, snapshot: Path) -> None:
    """Refuse weights that are not there, and pickled ones with anything in them but data."""
    with _named(model, snapshot):
        for path in weight_files(snapshot):
            if path.suffix == ".bin":
                check_pickled(path)


@contextmanager
def _named(model: HubModel, snapshot: Path) -> Iterator[None]:
    """Name the model in place of the cache's folder."""
    try:
        yield
    except InkError as error:
        raise InkError(f"base_model.hub: {str(error).replace(str(snapshot), model.name)}", code=error.code) from None


def _link(path: Path, place: Path) -> None:
    """Make a hard link to a file of the cache, or a copy on another disk."""
    try:
        os.link(path.resolve(), place)
    except OSError:
        shutil.copyfile(path, place)
