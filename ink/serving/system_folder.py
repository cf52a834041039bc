"""A trained system in a folder of its own: all that translating reads, its config and its name.

Files have the places that they have in work/EXPERIMENT, beside config.yaml, system.json and card.md.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ink.combiners.combiner_file import WEIGHTS
from ink.config import Config, load_resolved
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import TranslationSettings
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json
from ink.systems.inference import checkpoint_files, datastore_files, trained_files, training_text
from ink.systems.known_systems import system_named
from ink.systems.layout import Layout, Run
from ink.tools.translation.translator import Translator, load_translator

CONFIG, NAME = "config.yaml", "system.json"
BASE_MODEL = "base_model"


def parts_of(layout: Layout, run: Run) -> dict[str, Path]:
    """Return the files that translating with a trained system reads, by their places in a folder of its own.

    A model that takes the base model's place is whole, and the base model stays where it is. InkError as
    `trained_files`.
    """
    trained = trained_files(layout, run)
    below = [path for path in sorted(Path(layout.vocabulary).glob("[!.]*")) if path.is_file()]
    below += [trained[name] for name in ("adapter", "model", "combiner") if name in trained]
    if "datastore" in trained:
        weights = trained["combiner"].with_name(WEIGHTS)
        below += [weights] if weights.is_file() else []
        known, source_tokens = system_named(run.system), trained.get("source_tokens")
        below += datastore_files(trained["datastore"], trained["combiner"], known, source_tokens)
        below.append(Path(layout.data(run.domain)) / "prepared.json")  # which text the datastore is of
    if system_named(run.system).by_sentence:
        below += training_text(Path(layout.data(run.domain)))
    base_model = {} if system_named(run.system).own_checkpoint else _base_model(Path(layout.base_model))
    return base_model | {path.relative_to(layout.work).as_posix(): path for path in below}


def _base_model(model: Path) -> dict[str, Path]:
    """Return what is loaded of the base model, a file or a folder's."""
    place = f"{BASE_MODEL}/{model.name}"
    return {f"{place}/{path.name}" if model.is_dir() else place: path for path in checkpoint_files(model)}


def make_system_folder(layout: Layout, run: Run, folder: Path, device: str | None = None) -> None:
    """Make `folder` with the files of a trained system, its config and its name.

    `device`, where it is given, takes the place of the config's. InkError as `trained_files`.
    """
    for place, path in parts_of(layout, run).items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        _link(path, folder / place)
    config: Config = json.loads(json.dumps(layout.config))
    if device is not None:
        config |= _on(device, config)
    (folder / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    write_json(folder / NAME, run._asdict())


def load_system_folder(folder: Path, warn: Callable[[str], None]) -> Translator:
    """Load the system of a folder, which may have been moved; `warn` is told of lines what a person should know."""
    config, named = load_resolved(folder / CONFIG), read_json(folder / NAME, *Run._fields)
    run = Run(*(named[name] for name in Run._fields))
    if not system_named(run.system).own_checkpoint:
        (model,) = sorted((folder / BASE_MODEL).glob("[!.]*"))
        config["base_model"] = {**config["base_model"], "folder" if model.is_dir() else "path": str(model)}
    settings = settings_for(config, TranslationSettings, run.domain)
    return load_translator(Layout(config, str(folder)), settings, *run, warn)


def _link(path: Path, place: Path) -> None:
    """Make a hard link to a file, or a copy on another disk; MLflow refuses symbolic links."""
    if not path.is_file():
        raise InkError(f"{path} does not exist; run the workflow that makes it", code="results/incomplete")
    try:
        os.link(path.resolve(), place)
    except OSError:
        shutil.copyfile(path, place)


def _on(device: str, config: Config) -> dict[str, Any]:
    """Return the settings with which a system runs on a device: a CPU computes in fp32, and searches there."""
    if device != "cpu":
        return {"device": device}
    return {"device": device, "precision": "fp32", "index": {**config["index"], "device": "cpu"}}
