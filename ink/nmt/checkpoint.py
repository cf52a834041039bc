"""Reading fairseq checkpoints without running what a stranger may have pickled into them."""

from __future__ import annotations

import argparse
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils, meters
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import TASK_REGISTRY

from ink.errors import InkError
from ink.imports import import_rest_of_fairseq

# What fairseq itself stores besides tensors and plain containers, in this and in earlier versions.
FAIRSEQ_PLAIN_TYPES = [argparse.Namespace, meters.AverageMeter, meters.TimeMeter, meters.StopwatchMeter]


def allow_fairseq_types() -> None:
    """Let torch's weights-only loader take fairseq's own plain types, and nothing beyond them."""
    torch.serialization.add_safe_globals(FAIRSEQ_PLAIN_TYPES)


def read_checkpoint(path: Path, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read a fairseq checkpoint to the CPU, upgraded to the current layout by fairseq itself.

    Raises InkError, with nothing executed, where the file holds an object of any other type, is cut short or absent.
    """
    allow_fairseq_types()
    if not Path(path).is_file():
        raise InkError(f"checkpoint {path} does not exist; check base_model.path in the config")
    try:
        state = _load(path, overrides)
    except pickle.UnpicklingError as error:
        refused = re.search(r"(?:GLOBAL|global|class|function) [`']?([\w.]+)", str(error))
        if refused is None:
            # torch's own message advises to load without this protection
            raise InkError(f"checkpoint {path} is not a file that torch or fairseq wrote; fetch it again") from None
        raise InkError(
            f"checkpoint {path} holds an object of type {refused.group(1)}, which is not one of fairseq's plain types; "
            "it was not loaded and nothing in it was run. Save the model again with fairseq, weights and settings only"
        ) from None
    except (RuntimeError, EOFError, KeyError, OSError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InkError(f"checkpoint {path} is not a whole fairseq checkpoint ({reason}); fetch it again") from None
    if "model" not in state:
        raise InkError(f"checkpoint {path} holds no model; is it a fairseq checkpoint?")
    if unknown := _unknown_names(state):
        raise InkError(f"checkpoint {path} is of {unknown[0]}, which this fairseq does not have; use a Transformer")
    return state


def _load(path: Path, overrides: dict[str, Any] | None) -> dict[str, Any]:
    """Load a checkpoint as fairseq does; one that names what is not known yet when all that fairseq has is."""

    def load() -> dict[str, Any]:
        state: dict[str, Any] = checkpoint_utils.load_checkpoint_to_cpu(str(path), arg_overrides=overrides)
        return state

    try:
        state = load()
    except KeyError:  # how an earlier version's names are looked up
        if not import_rest_of_fairseq():
            raise
        return load()
    return load() if _unknown_names(state) and import_rest_of_fairseq() else state


def _unknown_names(state: dict[str, Any]) -> list[str]:
    """Name the task and the architecture of a checkpoint as far as fairseq does not know them."""
    config = state.get("cfg")
    if config is None:
        return []
    task, model = getattr(config, "task", None), getattr(config, "model", None)
    unknown = []
    for kind, name, known in (
        ("the task", getattr(task, "_name", None), TASK_REGISTRY),
        ("the architecture", getattr(model, "_name", None), ARCH_MODEL_REGISTRY),
    ):
        if name is not None and name not in known:
            unknown.append(f"{kind} {name}")
    return unknown


def read_architecture(path: Path, overrides: dict[str, Any] | None = None) -> Any:
    """Return the configuration from which fairseq builds a checkpoint's model, with settings such as dropout replaced.

    Embeddings that it was once started from are left out: they are weights, not architecture.
    """
    started = {"encoder_embed_path": None, "decoder_embed_path": None}
    return read_checkpoint(path, {**started, **(overrides or {})})["cfg"]["model"]
