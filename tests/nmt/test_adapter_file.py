"""What an adapter file says of itself, whoever wrote it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ink.nmt.adapter_file import architecture_of, described, origin_in_words, read_metadata
from ink.runtime.errors import InkError

OLD = {"base_model": "0123456789abcdef", "inner_dimension": 2}
WEIGHTS = {"layer_norm.weight": (16,), "down.weight": (4, 16), "down.bias": (4,), "up.weight": (16, 4)}


def written(path: Path, metadata: Any) -> Path:
    save_file({"encoder_0.down.weight": np.zeros((2, 3), np.float32)}, path, metadata={"ink": json.dumps(metadata)})
    return path


def test_the_sizes_are_those_of_the_weights() -> None:
    layers = ("encoder_0", "encoder_1", "decoder_0")
    shapes = {f"{layer}.{name}": shape for layer in layers for name, shape in WEIGHTS.items()}
    assert architecture_of(shapes) == {
        "encoder_layers": 2,
        "decoder_layers": 1,
        "dimension": 16,
        "inner_dimension": 4,
    }


def test_weights_that_are_no_adapters_have_no_size() -> None:
    assert set(architecture_of({"embedding": (100, 16), "odd.down.weight": (3,)}).values()) == {0}


def test_what_a_file_does_not_say_is_left_out(tmp_path: Path) -> None:
    metadata = read_metadata(written(tmp_path / "a.safetensors", OLD))
    assert described(metadata) == [("base model", "0123456789abcdef"), ("inner dimension", "2")]
    assert origin_in_words(metadata) == "(which does not say what it was trained as)"
    assert origin_in_words({**metadata, "system": "ink", "seed": 0}) == "(system ink, seed 0)"


def test_what_a_stranger_wrote_stays_on_its_line_and_moves_no_cursor(tmp_path: Path) -> None:
    metadata = read_metadata(written(tmp_path / "a.safetensors", {**OLD, "system": "ink\nerror: \x1b[2Jgone"}))
    assert described(metadata)[0] == ("system", "ink error:  [2Jgone")
    assert origin_in_words(metadata) == "(system ink error:  [2Jgone)"


@pytest.mark.parametrize(
    "metadata",
    [{}, [], 3, None, ["base_model", "inner_dimension"], {"base_model": "a"}, {**OLD, "base_model": 7}],
    ids=json.dumps,
)
def test_a_file_that_does_not_name_its_base_model_is_refused(tmp_path: Path, metadata: Any) -> None:
    with pytest.raises(InkError, match=r"a\.safetensors does not say which base model it belongs to"):
        read_metadata(written(tmp_path / "a.safetensors", metadata))


@pytest.mark.parametrize("content", [b"", b"text\n", b"\x80" * 64, b"PK\x03\x04" + bytes(100)], ids=repr)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(InkError, match=r"a\.safetensors is not a whole safetensors file") as refused:
        read_metadata(tmp_path / "a.safetensors")
    assert str(refused.value).isprintable()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="does not exist"):
        read_metadata(tmp_path)


def test_it_is_read_without_torch(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors", OLD)
    script = f"import sys; from ink.nmt.adapter_file import read_metadata; read_metadata({str(path)!r})"
    script += "; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
