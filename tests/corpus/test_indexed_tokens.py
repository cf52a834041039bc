"""Token numbers and their index: the bytes that fairseq writes, and what it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.data import indexed_dataset

from ink.corpus.indexed_tokens import map_tokens, read_header, read_lengths, write_sentences

SENTENCES = [[5, 17, 2], [2], [], [65_499, 4, 4, 2]]


@pytest.mark.parametrize("types", [10, 65_499, 65_500, 4_294_967_295])
@pytest.mark.parametrize("sentences", [SENTENCES, []])
def test_files_are_fairseq_s(tmp_path: Path, types: int, sentences: list[list[int]]) -> None:
    builder = indexed_dataset.make_builder(str(tmp_path / "theirs.bin"), impl="mmap", vocab_size=types)
    for sentence in sentences:
        builder.add_item(torch.tensor(sentence, dtype=torch.int64))
    builder.finalize(str(tmp_path / "theirs.idx"))
    text, index = tmp_path / "ours.bin", tmp_path / "ours.idx"
    arrays = (np.array(sentence, dtype=np.int64) for sentence in sentences)
    assert write_sentences(text, index, arrays, types) == sum(map(len, sentences))
    for kind in ("bin", "idx"):
        assert (tmp_path / f"ours.{kind}").read_bytes() == (tmp_path / f"theirs.{kind}").read_bytes()
    assert read_lengths(index).tolist() == list(map(len, sentences))
    if sentences:
        assert map_tokens(text, index).tolist() == [token for sentence in sentences for token in sentence]


def test_every_type_that_fairseq_knows_is_known(tmp_path: Path) -> None:
    for code, dtype in indexed_dataset._code_to_dtype.items():
        with indexed_dataset.MMapIndexedDataset.Index.writer(str(tmp_path / "index"), dtype) as writer:
            writer.write([3])
        found, sentences = read_header(tmp_path / "index")
        assert (found, sentences) == (np.dtype(dtype), 1), code


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "its beginning is missing"),
        (lambda data: b"TNTIDX" + data[6:], "its beginning is missing"),
        (lambda data: data[:20], "its beginning is missing"),
        (lambda data: data[:9] + b"\x02" + data[10:], "version 2, type 8"),
        (lambda data: data[:17] + b"\x63" + data[18:], "version 1, type 99"),
        (lambda data: data[:-1], "73 of 74 bytes"),
        (lambda data: data[:18] + b"\xff" * 8 + data[26:], "74 of .* bytes"),
    ],
)
def test_an_index_that_is_damaged_is_refused(tmp_path: Path, damage: Any, message: str) -> None:
    text, index = tmp_path / "text", tmp_path / "index"
    write_sentences(text, index, (np.array(sentence, dtype=np.int64) for sentence in SENTENCES), 10)
    index.write_bytes(damage(index.read_bytes()))
    with pytest.raises(ValueError, match=message):
        read_lengths(index)
