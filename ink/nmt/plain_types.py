"""What checkpoints hold besides tensors and plain containers, read without executing anything."""

from __future__ import annotations

import pickle
import re
import typing
from collections import defaultdict
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch

# Of numpy's types those whose values are nothing but their bytes; objects, records and times are others.
_PLAIN = re.compile(r"[biufcSU]\d+")


class _NumpyType:
    """Stands for numpy.dtype, which is handed flags by a pickle and believes them."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not _PLAIN.fullmatch(code):
            raise pickle.UnpicklingError(f"GLOBAL numpy.dtype of {str(code)[:20]!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = {"<": "<", ">": ">"}.get(state[1], "=")


class _NumpyArray:
    """Stands for a numpy array, of which nobody reads the numbers."""

    def __setstate__(self, _: Any) -> None:
        pass


def _array(*_: Any) -> _NumpyArray:
    return _NumpyArray()


def _number(kind: _NumpyType, data: bytes) -> Any:
    """Return a numpy scalar as the Python value that it is."""
    (value,) = np.frombuffer(data, dtype=np.dtype(kind.order + kind.code))
    return value.item()


def harmless_types() -> AbstractContextManager[None]:
    """Let torch's weights-only loader take, within this context, numpy's scalars and arrays and omegaconf's containers.

    Scientists' trainings leave them beside the weights. numpy's own functions are not called: given the right flags,
    they take bytes of the file for the addresses of objects.
    """
    from omegaconf import DictConfig, ListConfig, nodes
    from omegaconf.base import ContainerMetadata, Metadata

    known: list[Any] = [DictConfig, ListConfig, ContainerMetadata, Metadata, defaultdict, dict, list, int, float, str]
    known += [bool, nodes.AnyNode, nodes.StringNode, nodes.IntegerNode, nodes.FloatNode, nodes.BooleanNode]
    known += [(typing.Any, "typing.Any"), (_NumpyType, "numpy.dtype"), (_NumpyArray, "numpy.ndarray")]
    for package in ("numpy.core", "numpy._core"):  # the second from numpy 2 on
        known += [(_number, f"{package}.multiarray.scalar"), (_array, f"{package}.multiarray._reconstruct")]
    return torch.serialization.safe_globals(known)


def refused_type(error: pickle.UnpicklingError) -> str | None:
    """Return the name of what torch's loader has refused, None where the file is no pickle at all."""
    found = re.search(r"(?:GLOBAL|global|class|function) [`']?([\w.]+)", str(error))
    return found.group(1) if found else None
