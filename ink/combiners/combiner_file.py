"""A combiner on disk: combiner.json with its settings and, of one that has learnt, its weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ink.combiners.combiner import Combiner
from ink.combiners.known_combiners import find_combiner
from ink.nmt.weights import check_finite
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_atomically, write_json

DESCRIPTION, WEIGHTS = "combiner.json", "weights.safetensors"


def read_combiner(path: Path) -> dict[str, Any]:
    """Read combiner.json: `combiner` its name, `settings` all of them, `chosen` those chosen among what was `tried`."""
    described: dict[str, Any] = read_json(path, "combiner", "settings", "chosen", "tried")
    return described


def load_combiner(path: Path, *, device: str = "cpu", without_keys: bool = False) -> Combiner:
    """Make the combiner that combiner.json describes, ready to decode with.

    `without_keys`: for a datastore whose key file has been removed. Raises InkError where the weights beside it are
    absent, cut short, or of another shape.
    """
    described = read_combiner(path)
    name = described["combiner"]
    try:
        combiner = find_combiner(name).from_settings(described["settings"])
    except InkError as error:
        raise InkError(f"{path} describes combiner {name!r}: {error}", code=error.code) from None
    except (KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InkError(
            f"{path}: its settings do not fit combiner {name!r} ({reason}); delete it and run the workflow again",
            code="combiner/damaged",
        ) from None
    if combiner.network is not None:
        _load_weights(combiner.network, path.with_name(WEIGHTS))
        combiner.network.eval().to(torch.device(device))
    return combiner.without_keys() if without_keys else combiner


def write_combiner(
    path: Path,
    name: str,
    settings: Mapping[str, Any],
    *,
    chosen: Mapping[str, Any],
    tried: Any,
    network: torch.nn.Module | None = None,
    **more: Any,
) -> None:
    """Write combiner.json, and the weights of `network` beside it.

    settings: everything that the combiner is made from; chosen: those that a grid on dev decided, among `tried`.
    """
    if network is not None:
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        with write_atomically(path.with_name(WEIGHTS)) as temporary:
            save_file(plain, temporary)
    write_json(path, {"combiner": name, "settings": dict(settings), "chosen": dict(chosen), **more, "tried": tried})


def combiner_files(path: Path, combiner: Combiner) -> dict[str, Path]:
    """Return what a combiner has learnt, by file name."""
    return {} if combiner.network is None else {WEIGHTS: path.with_name(WEIGHTS)}


def _load_weights(network: torch.nn.Module, path: Path) -> None:
    if not path.is_file():
        raise InkError(f"{path} does not exist; train the combiner first", code="combiner/missing")
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InkError(
            f"{path} does not fit combiner.json beside it ({reason}); train the combiner again", code="combiner/damaged"
        ) from None
    check_finite(network.state_dict(), str(path), "train the combiner again")
