"""What an adapter file says of itself, read without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ink.runtime.errors import InkError

# the one entry of safetensors' metadata: several would be written in an order that changes from process to process
METADATA = "ink"


@contextmanager
def open_adapter(path: Path, framework: str) -> Iterator[Any]:
    """Yield the safetensors file at `path`; InkError where it is absent, cut short, or no such file."""
    if not Path(path).is_file():
        raise InkError(f"adapter {path} does not exist; train it first", code="adapter/missing")
    try:
        with safe_open(str(path), framework=framework) as file:
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise InkError(
            f"adapter {path} is not a whole safetensors file ({_plain(error)}); copy it again, or train it again",
            code="adapter/damaged",
        ) from None


def metadata_of(file: Any, path: Path) -> dict[str, Any]:
    """Return the metadata of an open adapter file; InkError where it does not name a base model.

    - always: base_model (its fingerprint) and inner_dimension
    - in files of this version: encoder_layers, decoder_layers, dimension, ink (the version)
    - in those written by training: system, domain, seed
    - where a command ran that training: command
    - where the file is an average: averaged (numbers of rounds)
    - where the base model is the Hugging Face hub's: hub (its name and commit)
    """
    metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
    base_model = metadata.get("base_model") if isinstance(metadata, dict) else None
    if not isinstance(base_model, str) or not base_model.isprintable() or "inner_dimension" not in metadata:
        raise InkError(
            f"adapter {path} does not say which base model it belongs to; it was not written by ink; name an "
            "adapter that ink trained",
            code="adapter/damaged",
        )
    return metadata


def read_metadata(path: Path) -> dict[str, Any]:
    """Return what the adapter file at `path` says of itself, as `metadata_of` does."""
    with open_adapter(path, "numpy") as file:
        return metadata_of(file, path)


def architecture_of(shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return encoder_layers, decoder_layers, dimension and inner_dimension of adapters whose weights have `shapes`."""
    layers = {name.partition(".")[0] for name in shapes}
    downwards = [shape for name, shape in shapes.items() if name.endswith(".down.weight") and len(shape) == 2]
    inner, dimension = downwards[0] if downwards else (0, 0)
    return {
        "encoder_layers": sum(layer.startswith("encoder_") for layer in layers),
        "decoder_layers": sum(layer.startswith("decoder_") for layer in layers),
        "dimension": int(dimension),
        "inner_dimension": int(inner),
    }


def size_in_words(architecture: Mapping[str, Any]) -> str:
    """Say how large the model is that adapters belong to."""
    encoder, decoder, dimension = (architecture[name] for name in ("encoder_layers", "decoder_layers", "dimension"))
    return f"{encoder} encoder and {decoder} decoder layers of dimension {dimension}"


def origin_in_words(metadata: Mapping[str, Any]) -> str:
    """Say in brackets what an adapter was trained as."""
    known = [f"{name} {_plain(metadata[name])}" for name in ("system", "domain", "seed") if name in metadata]
    return f"({', '.join(known) or 'which does not say what it was trained as'})"


def described(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what an adapter file says of itself as names and values for a reader, without what it does not say."""
    named = {
        "system": "system",
        "domain": "domain",
        "seed": "seed",
        "base model": "base_model",
        "from the Hugging Face hub": "hub",
        "encoder layers": "encoder_layers",
        "decoder layers": "decoder_layers",
        "dimension": "dimension",
        "inner dimension": "inner_dimension",
        "averaged rounds": "averaged",
        "trained with": "command",
        "version of ink": "ink",
    }
    return [(name, _plain(metadata[key])) for name, key in named.items() if key in metadata]


def _plain(value: Any) -> str:
    """Return `value` as one line of visible characters, whoever wrote the file."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(character if character.isprintable() else " " for character in text)
