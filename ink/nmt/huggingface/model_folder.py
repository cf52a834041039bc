"""Reading a Hugging Face model's files: settings as JSON, weights without running what a stranger may have pickled."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ink.nmt.huggingface.folder_files import CONFIG, GENERATION, json_object, weight_files
from ink.nmt.plain_types import harmless_types, refused_type
from ink.runtime.errors import InkError

# a single file that ink writes of a model that it has trained
SETTINGS_KEY, WEIGHTS_KEY = "huggingface", "model"


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what config.json says of the model, and under `generation` what generation_config.json says."""
    if not (folder / CONFIG).is_file():
        raise InkError(f"{folder} has no {CONFIG}: it is no folder of a Hugging Face model", code="model/missing")
    settings = json_object(folder / CONFIG)
    given = folder / GENERATION
    return {**settings, "generation": json_object(given) if given.is_file() else {}}


def read_model(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the settings, as `read_settings` does, and the weights of a model, by name, on the CPU.

    path: the folder of a model, or a file that `write_model` wrote. Raises InkError, with nothing executed, where
    files are absent, cut short, or hold objects that are no data.
    """
    if path.is_dir():
        return read_settings(path), _named(path, dict(_weights_in(path)))
    state = _unpickled(path)
    if not isinstance(state, Mapping) or not isinstance(state.get(SETTINGS_KEY), dict):
        raise InkError(
            f"checkpoint {path} is no Hugging Face model that ink wrote; name the model's folder", code="model/damaged"
        )
    return dict(state[SETTINGS_KEY]), _named(path, state.get(WEIGHTS_KEY))


def check_pickled(path: Path) -> None:
    """Raise InkError where a file of pickled weights holds objects that are no data; nothing of it is executed."""
    _unpickled(path, in_memory=not zipfile.is_zipfile(path))


def write_model(path: Path, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write a model as one file."""
    plain = {name: tensor.detach().cpu() for name, tensor in weights.items()}
    torch.save({SETTINGS_KEY: dict(settings), WEIGHTS_KEY: plain}, path)


def _weights_in(folder: Path) -> Iterator[tuple[str, Tensor]]:
    for part in weight_files(folder):
        if part.suffix == ".safetensors":
            yield from _safe_tensors(part)
        else:
            found = _unpickled(part)
            if not isinstance(found, Mapping):
                raise InkError(f"{part} holds no weights by name; fetch the model again", code="model/damaged")
            yield from found.items()


def _safe_tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a mapping)
                yield name, file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise InkError(f"{path} is not whole ({error}); fetch the model again", code="model/damaged") from None


def _unpickled(path: Path, *, in_memory: bool = True) -> Any:
    if not path.is_file():
        raise InkError(f"checkpoint {path} does not exist; check base_model in the config", code="model/missing")
    try:
        with harmless_types():
            return torch.load(path, map_location="cpu", weights_only=True, mmap=not in_memory)
    except pickle.UnpicklingError as error:
        refused = refused_type(error)
        if refused is None:
            raise InkError(f"{path} is no file that torch wrote; fetch the model again", code="model/damaged") from None
        raise InkError(
            f"{path} holds an object of type {refused}, which is no weight; it was not loaded and nothing in it was "
            "run. Take the model's safetensors file, or save the weights again",
            code="model/unsafe",
        ) from None
    except Exception as error:  # bytes of any kind, read as instructions, can end in any error
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise InkError(f"{path} is not whole ({reason}); fetch the model again", code="model/damaged") from None


def _named(path: Path, weights: Any) -> dict[str, Tensor]:
    if not isinstance(weights, Mapping):
        raise InkError(f"{path} holds no weights by name; fetch the model again", code="model/damaged")
    for name, value in weights.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            raise InkError(
                f"{path}: {str(name)[:80]} among its weights is no named tensor; fetch the model again",
                code="model/damaged",
            )
    return dict(weights)
