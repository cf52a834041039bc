"""Which files of a Hugging Face model's folder are read, by their names; without torch."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ink.nmt.huggingface.hub_record import RECORD
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

CONFIG, GENERATION = "config.json", "generation_config.json"
# in the order in which they are looked for; those of JSON name the files that the weights are divided into
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
# what the tokenisers of all architectures are read from
TOKENISER_CONFIG = "tokenizer_config.json"
TOKENISER_FILES = (
    *(TOKENISER_CONFIG, "special_tokens_map.json", "added_tokens.json", "tokenizer.json"),
    *("vocab.json", "target_vocab.json", "source.spm", "target.spm", "sentencepiece.bpe.model"),
    *("vocab-src.json", "vocab-tgt.json", "merges.txt"),
)


def files_read(folder: Path) -> list[Path]:
    """Return the files that loading a model reads: its settings and, of several kinds of weights, one.

    What the folder says of where it is from goes with them. Raises InkError where weights are missing.
    """
    settings = [folder / CONFIG, *(path for name in (GENERATION, RECORD) if (path := folder / name).is_file())]
    chosen, parts = folder / _chosen(folder), weight_files(folder)
    return [*settings, *([] if chosen in parts else [chosen]), *parts]


def weight_files(folder: Path) -> list[Path]:
    """Return the files that the weights are in; InkError where one is missing, or an index names a stranger's."""
    name = _chosen(folder)
    if not name.endswith(".json"):
        return [folder / name]
    parts = _parts(folder / name)
    if missing := [part for part in parts if not part.is_file()]:
        raise InkError(f"{missing[0]} does not exist, and {name} names it; fetch the model again", code="model/missing")
    return parts


def first_weights(names: Collection[str]) -> str | None:
    """Return which of several kinds of weights is read; None where there are none."""
    return next((name for name in WEIGHTS if name in names), None)


def wanted(names: Collection[str]) -> list[str]:
    """Return which of a repository's files make a model's folder: settings, tokeniser and weights, and no code."""
    needed = [name for name in (CONFIG, GENERATION, *TOKENISER_FILES) if name in names]
    return [*needed, *wanted_weights(names)]


def wanted_weights(names: Collection[str]) -> list[str]:
    """Return which of a repository's files the weights are read from: of several kinds the first alone."""
    chosen = first_weights(names)
    if chosen is None or not chosen.endswith(".json"):
        return [] if chosen is None else [chosen]
    stem, suffix, _ = chosen.split(".", 2)
    part = re.compile(rf"{stem}-\d+-of-\d+\.{suffix}")
    return [chosen, *sorted(name for name in names if part.fullmatch(name))]


def json_object(path: Path) -> dict[str, Any]:
    """Read a file of JSON that holds a mapping."""
    found: dict[str, Any] = read_json(path)
    if not isinstance(found, dict):
        raise InkError(f"{path} holds no JSON object; fetch the model again", code="vocabulary/tokeniser-unreadable")
    return found


def _chosen(folder: Path) -> str:
    if (name := first_weights([path.name for path in folder.iterdir() if path.is_file()])) is None:
        raise InkError(
            f"{folder} has no weights: neither {', nor '.join(WEIGHTS[::2])}; fetch the model again",
            code="model/missing",
        )
    return name


def _parts(index: Path) -> list[Path]:
    places = json_object(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(part, str) for part in places.values()):
        raise InkError(f"{index} names no files of weights; fetch the model again", code="model/damaged")
    parts = list(dict.fromkeys(places.values()))
    suffix = ".safetensors" if "safetensors" in index.name else ".bin"
    if strange := [part for part in parts if Path(part).name != part or not part.endswith(suffix)]:
        raise InkError(
            f"{index} names {strange[0]!r}, which is no {suffix} file of this folder; not read", code="model/unsafe"
        )
    return [index.with_name(part) for part in parts]
