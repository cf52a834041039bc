"""Reading fairseq checkpoints without running what a stranger may have pickled into them."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils, meters
from fairseq.dataclass.utils import overwrite_args_by_name
from fairseq.models import ARCH_MODEL_REGISTRY, MODEL_REGISTRY
from fairseq.registry import REGISTRIES
from fairseq.tasks import TASK_REGISTRY
from omegaconf import OmegaConf
from torch import Tensor

from ink.nmt.plain_types import harmless_types, refused_type
from ink.runtime.errors import InkError
from ink.runtime.imports import import_rest_of_fairseq

# What torch's wrappers put before the name of every weight: DataParallel, and its compiler.
WRAPPERS = ("module.", "_orig_mod.")
SUPPORTED = "use a Transformer of fairseq's task translation, for one pair of languages"
# What fairseq's upgrade of older checkpoints looks at, and a checkpoint of weights and settings alone lacks.
_NO_HISTORY = {"optimizer_name": "none", "lr_scheduler_state": {}, "num_updates": 0}


def allow_fairseq_types() -> None:
    """Let torch's weights-only loader take fairseq's own plain types, of this and earlier versions, and no others."""
    own: list[Any] = [argparse.Namespace, meters.AverageMeter, meters.TimeMeter, meters.StopwatchMeter]
    torch.serialization.add_safe_globals(own)


def read_checkpoint(path: Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read a fairseq checkpoint to the CPU, upgraded to the current layout by fairseq itself.

    `overrides` replace settings of any section. Weights have the names of their model, without those of wrappers.
    Raises InkError, with nothing executed, where the file holds an object that is not data, is cut short or absent,
    or is no fairseq checkpoint with a model and its settings.
    """
    allow_fairseq_types()
    if not Path(path).is_file():
        raise InkError(f"checkpoint {path} does not exist; check base_model.path in the config", code="model/missing")
    state = _unpickled(path)
    _check_holds_a_model(state, path)
    _check_names(state, path)
    try:
        _upgrade(state, overrides)
    except Exception as error:  # whatever a stranger's settings make of fairseq's upgrades
        raise InkError(
            f"checkpoint {path}: fairseq cannot read the settings in it ({first_line(error)}); use a checkpoint that "
            "fairseq wrote",
            code="model/damaged",
        ) from None
    state["model"] = _unwrapped(state["model"])
    return state


def _unpickled(path: Path) -> Any:
    try:
        with harmless_types():
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = refused_type(error)
        if refused is None:
            # torch's own message advises to load without this protection
            raise InkError(
                f"checkpoint {path} is not a file that torch or fairseq wrote; fetch it again", code="model/damaged"
            ) from None
        raise InkError(
            f"checkpoint {path} holds an object of type {refused}, which is not one of fairseq's plain types; "
            "it was not loaded and nothing in it was run. Save the model again with fairseq, weights and settings only",
            code="model/unsafe",
        ) from None
    except Exception as error:  # bytes of any kind, read as instructions, can end in any error
        raise InkError(
            f"checkpoint {path} is not a whole fairseq checkpoint ({first_line(error)}); fetch it again",
            code="model/damaged",
        ) from None


def _check_holds_a_model(state: Any, path: Path) -> None:
    if not isinstance(state, Mapping):
        raise InkError(f"checkpoint {path} holds no model; is it a fairseq checkpoint?", code="model/damaged")
    if not isinstance(weights := state.get("model"), Mapping):
        if state and all(isinstance(value, Tensor) for value in state.values()):
            raise InkError(
                f"checkpoint {path} holds weights alone, a state dict, and not the settings that their model is built "
                "from; save it as fairseq does: the weights as `model`, the settings beside them as `cfg` or `args`",
                code="model/damaged",
            )
        raise InkError(f"checkpoint {path} holds no model; is it a fairseq checkpoint?", code="model/damaged")
    if strange := [
        name for name, value in weights.items() if not (isinstance(name, str) and isinstance(value, Tensor))
    ]:
        raise InkError(
            f"checkpoint {path}: {strange[0]} in its model is no named tensor; save the model again with fairseq, "
            "its state_dict alone",
            code="model/damaged",
        )
    if not any(isinstance(state.get(key), Mapping | argparse.Namespace) for key in ("cfg", "args")):
        raise InkError(
            f"checkpoint {path} holds a model without its settings, neither `cfg` nor `args`; take the checkpoint that "
            "fairseq wrote in training",
            code="model/damaged",
        )


def _check_names(state: Mapping[str, Any], path: Path) -> None:
    """Refuse a task or an architecture that fairseq does not have when all that it has is imported."""
    unknown = _unknown_names(state)
    if unknown and import_rest_of_fairseq():
        unknown = _unknown_names(state)
    if unknown:
        kind, name = next(iter(unknown.items()))
        if name is None:
            raise InkError(
                f"checkpoint {path} does not say of which {kind} it is; take one that fairseq wrote in training",
                code="model/damaged",
            )
        raise InkError(
            f"checkpoint {path} is of the {kind} {name}, which this fairseq does not have; {SUPPORTED}",
            code="model/unsupported",
        )


def _unknown_names(state: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the names of a checkpoint's task and architecture as far as fairseq does not know them."""
    if (args := state.get("args")) is not None:
        task, architecture = setting(args, "task", "translation"), setting(args, "arch")
    else:
        task = setting(setting(state["cfg"], "task"), "_name")
        architecture = architecture_name(setting(state["cfg"], "model"))
    registered = {"task": {*TASK_REGISTRY}, "architecture": {*ARCH_MODEL_REGISTRY, *MODEL_REGISTRY}}
    named = {"task": task, "architecture": architecture}
    return {
        kind: name if isinstance(name, str) else None
        for kind, name in named.items()
        if not isinstance(name, str) or name not in registered[kind]
    }


def architecture_name(model: Any) -> Any:
    """Return the name under which fairseq looks for a model's class, by the settings of it."""
    return setting(model, "_name") or setting(model, "arch")


def setting(section: Any, name: str, default: Any = None) -> Any:
    """Return a setting of a section, which is a namespace in some versions of fairseq and a mapping in others."""
    if isinstance(section, Mapping):
        return section.get(name, default)
    return getattr(section, name, default)


def _upgrade(state: dict[str, Any], overrides: Mapping[str, Any] | None) -> None:
    """Do what `checkpoint_utils.load_checkpoint_to_cpu` does with what it has read."""
    if not state.get("optimizer_history") and "optimizer" not in state:
        state["optimizer_history"] = [dict(_NO_HISTORY)]
    if "epoch" not in state and not isinstance(state.get("extra_state"), Mapping):
        state["extra_state"] = {}
    if state.get("args") is not None:
        # how it was trained may have gone by names that are unknown here, and the model does not depend on it
        kept = {name: value for name, value in vars(state["args"]).items() if name not in REGISTRIES}
        state["args"] = argparse.Namespace(**{**kept, **(overrides or {})})
    else:
        state["cfg"] = OmegaConf.create(state["cfg"], flags={"allow_objects": True})
        overwrite_args_by_name(state["cfg"], dict(overrides or {}))
    checkpoint_utils._upgrade_state_dict(state)


def _unwrapped(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Take off what wrappers have put before every name."""
    while weights and (found := [prefix for prefix in WRAPPERS if all(name.startswith(prefix) for name in weights)]):
        weights = {name.removeprefix(found[0]): tensor for name, tensor in weights.items()}
    return weights


def read_architecture(path: Path, overrides: Mapping[str, Any] | None = None) -> Any:
    """Return the configuration from which fairseq builds a checkpoint's model, with settings such as dropout replaced.

    Embeddings that it was once started from are left out: they are weights, not architecture.
    """
    started = {"encoder_embed_path": None, "decoder_embed_path": None}
    return read_checkpoint(path, {**started, **(overrides or {})})["cfg"]["model"]


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its name where it has none."""
    lines = str(error).splitlines()
    return lines[0][:300] if lines and lines[0] else type(error).__name__
