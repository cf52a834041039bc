"""Sentence pairs are counted in fairseq's own files and held against the paper's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config.languages import LanguagePair
from ink.corpus.sentence_counts import check_sentence_counts, count_binarised, paper_counts
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

LANGUAGES = LanguagePair("de", "en")


def write_index(folder: Path, name: str, language: str, sentences: int) -> None:
    """What fairseq's MMapIndexedDataset.Index.writer writes: magic, version, dtype, number of sentences, sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    header = b"MMIDIDX\x00\x00" + (1).to_bytes(8, "little") + bytes([8]) + sentences.to_bytes(8, "little")
    (folder / f"{name}.de-en.{language}.idx").write_bytes(header + bytes(12 * min(sentences, 3)))


def test_pairs_are_counted_by_split(tmp_path: Path) -> None:
    for name, number in (("train", 248_099), ("valid", 2000)):
        for language in ("de", "en"):
            write_index(tmp_path, name, language, number)
    assert count_binarised(tmp_path, LANGUAGES) == {"train": 248_099, "dev": 2000}


def test_it_counts_as_fairseq_writes(tiny: Any) -> None:
    found = count_binarised(tiny.data, tiny.languages)
    prepared = read_json(tiny.data / "prepared.json", "sentences")
    assert found == prepared["sentences"]
    assert found["train"] > found["dev"] > 0


def test_sides_of_different_length_are_refused(tmp_path: Path) -> None:
    write_index(tmp_path, "test", "de", 2000)
    write_index(tmp_path, "test", "en", 1999)
    with pytest.raises(InkError, match=r"de\.idx has 2,000 and .*en\.idx has 1,999 sentences"):
        count_binarised(tmp_path, LANGUAGES)


def test_a_side_that_is_missing_is_named(tmp_path: Path) -> None:
    write_index(tmp_path, "test", "de", 2000)
    with pytest.raises(InkError, match=r"test\.de-en\.en\.idx cannot be read"):
        count_binarised(tmp_path, LANGUAGES)


@pytest.mark.parametrize("raw", [b"", b"TNTIDX\x00\x00" + bytes(40), b"MMIDIDX\x00\x00" + bytes(10)])
def test_what_is_not_such_an_index_is_refused(raw: bytes, tmp_path: Path) -> None:
    for language in ("de", "en"):
        (tmp_path / f"train.de-en.{language}.idx").write_bytes(raw)
    with pytest.raises(InkError, match=r"train\.de-en\.de\.idx is not an index"):
        count_binarised(tmp_path, LANGUAGES)


def test_the_paper_s_table_1() -> None:
    assert paper_counts(("medical", "law", "it", "koran")) == {
        "medical": {"train": 248_099, "dev": 2000, "test": 2000},
        "law": {"train": 467_309, "dev": 2000, "test": 2000},
        "it": {"train": 222_927, "dev": 2000, "test": 2000},
        "koran": {"train": 17_982, "dev": 2000, "test": 2000},
    }


def test_the_paper_s_numbers_may_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"table1\.csv, the paper's own numbers, is missing"):
        paper_counts(("koran",), tmp_path)


def test_equal_counts_pass_and_what_is_not_expected_is_not_looked_at() -> None:
    found = {"koran": {"train": 3, "dev": 2}, "other": {"train": 1}}
    check_sentence_counts("folder", found, {"koran": {"train": 3, "dev": 2}})


def test_every_split_that_differs_is_named_with_both_numbers() -> None:
    expected = {"koran": {"train": 17_982, "dev": 2000, "test": 2000}, "it": {"train": 5}}
    with pytest.raises(InkError) as raised:
        check_sentence_counts("folder", {"koran": {"train": 17_900, "dev": 2000}}, expected)
    assert str(raised.value) == (
        "folder does not have the expected numbers of sentence pairs (koran train: expected 17,982, found 17,900; "
        "koran test: expected 2,000, found none; it train: expected 5, found none)"
    )
