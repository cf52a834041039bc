"""Where a COMET model and its encoder are: files named by the config, or the Hugging Face hub's local cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError
from ink.runtime.yaml_reading import read_yaml

PAPERS_MODEL = "wmt20-comet-da"
ENCODER_FILES = ("config.json", "tokenizer*", "sentencepiece*", "special_tokens_map.json", "vocab*")
TOKENISERS = ("tokenizer.json", "sentencepiece.bpe.model", "vocab.txt")  # one of these holds an encoder's tokeniser


def is_checkpoint(model: str) -> bool:
    """Whether `evaluation.comet.model` is a path rather than a name on the Hugging Face hub."""
    return model.endswith(".ckpt")


def hub_name(model: str) -> str:
    """Return a model's full name on the hub: COMET's own models, which go without an owner, are Unbabel's."""
    return model if "/" in model else f"Unbabel/{model}"


def short_name(model: str) -> str:
    """Name a model as tables do: the hub's name without the owner; of a path the folder that holds hparams.yaml."""
    return Path(model).absolute().parent.parent.name if is_checkpoint(model) else model.rpartition("/")[2]


def find_checkpoint(model: str) -> Path:
    """Return a model's checkpoint, fetched from the hub where it is a name and not in the cache.

    InkError says what is missing, where it was looked for, and what to do.
    """
    if is_checkpoint(model):
        path = Path(model)
        if problem := checkpoint_problem(path):
            raise InkError(problem, code="metric/files-missing")
        return path
    path = _fetch(hub_name(model), "evaluation.comet.model") / "checkpoints" / "model.ckpt"
    if problem := checkpoint_problem(path):
        raise InkError(problem, code="metric/files-missing")
    return path


def find_encoder(encoder: str | None, hparams: dict[str, Any]) -> Path:
    """Return the folder with an encoder's configuration and tokeniser: `encoder`, or what the model was trained on."""
    if encoder is None:
        return _fetch(str(hparams["pretrained_model"]), "evaluation.comet.encoder", ENCODER_FILES)
    folder = Path(encoder)
    if problem := encoder_problem(folder):
        raise InkError(problem, code="metric/files-missing")
    return folder


def read_hparams(checkpoint: Path) -> dict[str, Any]:
    """Read the hparams.yaml that says of what kind a checkpoint's model is; InkError where it does not."""
    path = _hparams_path(checkpoint)
    try:
        hparams = read_yaml(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError, InkError) as error:
        raise InkError(
            f"{path} cannot be read ({' '.join(str(error).split())}); fetch the COMET model again",
            code="metric/files-damaged",
        ) from None
    for key in ("class_identifier", "pretrained_model"):
        if not isinstance(hparams, dict) or not isinstance(hparams.get(key), str):
            raise InkError(
                f"{path} names no {key}; it is not the hparams.yaml of a COMET model, fetch that again",
                code="metric/files-damaged",
            )
    return dict(hparams)


def checkpoint_problem(path: Path) -> str | None:
    """Say what keeps a checkpoint from being loaded, as far as its files tell."""
    if not path.is_file():
        return (
            f"COMET's model {path} does not exist; set evaluation.comet.model to an existing checkpoints/model.ckpt, "
            "or to a name on the Hugging Face hub"
        )
    hparams = _hparams_path(path)
    if not hparams.is_file():
        return (
            f"COMET's model {path} lacks its hparams.yaml, looked for at {hparams}; keep a model's folder as it was "
            "published: hparams.yaml, and beside it checkpoints/model.ckpt"
        )
    unreadable = [file for file in (path, hparams) if not os.access(file, os.R_OK)]
    return f"COMET's model: {unreadable[0]} cannot be read: no permission" if unreadable else None


def encoder_problem(folder: Path) -> str | None:
    """Say what keeps an encoder from being loaded, as far as its files tell."""
    name = f"COMET's encoder {folder} (evaluation.comet.encoder)"
    remedy = "fetch config.json and the tokeniser's files of the encoder that the model was trained on into that folder"
    if not folder.is_dir():
        return f"{name} is no folder; {remedy}, or set it to null to take it from the Hugging Face hub"
    if not (folder / "config.json").is_file():
        return f"{name} has no config.json; {remedy}"
    if not any((folder / name).is_file() for name in TOKENISERS):
        return f"{name} has no tokeniser (none of {', '.join(TOKENISERS)}); {remedy}"
    return None


def cached(name: str, file: str) -> Path | None:
    """Return a file of the hub's `name` that is in the local cache."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, file)
    return Path(found) if isinstance(found, str) else None


def cache_folder() -> Path:
    """Return the folder in which files from the hub are kept."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _hparams_path(checkpoint: Path) -> Path:
    return checkpoint.absolute().parent.parent / "hparams.yaml"


def _fetch(name: str, key: str, files: tuple[str, ...] | None = None) -> Path:
    """Return the folder of what the hub has under `name`, as the cache holds it or else downloaded."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(files) if files else None))
    except (OSError, ValueError) as error:
        # a missing repository, no network, a gated one, a name that cannot be one: the hub's errors are these
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InkError(
            f"COMET's {key.rpartition('.')[2]} {name} is not in {cache_folder()} and could not be fetched from the "
            f"Hugging Face hub ({reason}); run this where there is network, or set {key} to a local "
            f"{'folder' if files else '.ckpt'}",
            code="metric/files-missing",
        ) from None
