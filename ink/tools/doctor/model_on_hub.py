"""The base model that the config names on the Hugging Face hub: is it here, and if not, can it be had."""

from __future__ import annotations

from pathlib import Path

from ink.config import Config
from ink.config.hub_model import HubModel
from ink.nmt.huggingface.hub_record import HubRecord, read_hub_record
from ink.runtime.disk import bytes_in_words
from ink.runtime.errors import InkError
from ink.tools.doctor.finding import Finding, ok, warning
from ink.tools.download.hub_access import KnownModel, UnreachableError, ask, in_cache, known_of

CHECK = "downloads"
FETCHED = "the workflow or `ink download` fetches it"


def examine_hub_model(config: Config, *, offline: bool) -> tuple[list[Finding], float]:
    """Look at the model's folder; return findings, and the bytes that are still to come to the disk.

    A model that is not here is asked for on the hub, or `offline` looked for in its cache. One that is nowhere is no
    error: another machine may fetch it.
    """
    model = HubModel.of(config["base_model"])
    if model is None:
        return [], 0.0
    folder, record, to_come = Path(model.folder), None, 0.0
    try:
        found = read_hub_record(folder)
        record = found if found is not None and found.is_whole(folder) else None
        if record is not None:
            findings = [ok(CHECK, f"base_model: {_described(folder, record)}")]
        elif found is None and folder.is_dir() and any(folder.iterdir()):
            findings = [warning(CHECK, f"base_model: {folder} is there, but `ink download` has not fetched it")]
        else:
            known = _expected(model, offline)
            to_come = float(known.bytes or 0)
            findings = [ok(CHECK, f"base_model: not here yet; {_to_be_had(model, known)}; {FETCHED}")]
    except InkError as problem:
        findings = [warning(CHECK, f"base_model: not here yet; {problem}", problem.code)]
    if advice := model.warning(None if record is None else record.commit):
        findings.append(warning(CHECK, advice))
    return findings, to_come


def _described(folder: Path, record: HubRecord) -> str:
    licence = record.licence or "not stated"
    return f"{folder}, {bytes_in_words(record.bytes)}, whole; commit {record.commit}, licence {licence}"


def _to_be_had(model: HubModel, known: KnownModel) -> str:
    size = "size unknown" if known.bytes is None else bytes_in_words(known.bytes)
    return f"{model} can be had, {size}, licence {known.licence or 'not stated'}"


def _expected(model: HubModel, offline: bool) -> KnownModel:
    """Return what will come, from the hub or its cache; InkError where nobody knows that it can be had."""
    problem = InkError("the hub was not checked (offline)", code="download/to-come")
    if not offline:
        try:
            return ask(model)
        except UnreachableError as silence:
            problem = InkError(f"the Hugging Face hub cannot be reached ({silence})", code="download/no-answer")
    if (snapshot := in_cache(model)) is None:
        raise InkError(f"{model} is not in the hub's cache, and {problem}; {FETCHED}", code="download/to-come")
    return known_of(snapshot)
