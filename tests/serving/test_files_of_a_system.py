"""Which files of a Hugging Face base model a system's folder has: what is loaded, and none that lies beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ink.config import load
from ink.runtime.errors import InkError
from ink.serving.system_folder import parts_of
from ink.systems.layout import Layout, Run

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
BESIDE = ("README.md", "tf_model.h5", "flax_model.msgpack", "rust_model.ot", "source.spm", "vocab.json", "model.py")
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def copied(folder: Path, names: Sequence[str]) -> set[str]:
    """The files of the base model that go along, of a folder with these and many others."""
    folder.mkdir()
    for name in ("config.json", *names, *BESIDE, ".gitattributes"):
        (folder / name).write_text("{}", encoding="utf-8")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        index.write_text(json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1], "c": SHARDS[0]}}), encoding="utf-8")
    config = load(MICRO)
    config["base_model"] = {"path": None, "folder": str(folder)}
    return {place for place in parts_of(Layout(config), Run("off_the_shelf", "koran", 1)) if "base_model" in place}


@pytest.mark.parametrize(
    ("there", "read"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin", "generation_config.json"], ["pytorch_model.bin", "generation_config.json"]),
        (
            ["pytorch_model.bin", "model.safetensors.index.json", *SHARDS],
            ["model.safetensors.index.json", *SHARDS],
        ),
    ],
    ids=["safetensors", "bin", "shards"],
)
def test_only_what_is_loaded_goes_along(tmp_path: Path, there: list[str], read: list[str]) -> None:
    assert copied(tmp_path / "model", there) == {f"base_model/model/{name}" for name in ["config.json", *read]}


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InkError, match=r"model-00002-of-00002\.safetensors does not exist, and model\.safetensors\.index"
    ):
        copied(tmp_path / "model", ["model.safetensors.index.json", SHARDS[0]])
