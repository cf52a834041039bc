"""Text that a person hands in: its mark goes, what is no UTF-8 text is named for what it is, and the advice helps."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ink.config import load
from ink.config.languages import LanguagePair
from ink.corpus.own_text import OwnFiles, ingest, read_parallel
from ink.corpus.segmentation import read_codes
from ink.corpus.vocabulary import check_dictionary, load_dictionary
from ink.runtime.errors import InkError
from ink.runtime.given_text import LOOKED_AT, marks_inside, reason_not_text, without_mark
from ink.runtime.whole_files import read_json, read_lines

MARK = "\ufeff".encode()
TEXT = "Grüße aus Köln\n日本語の文\nthird line\n"
READERS: dict[str, tuple[Callable[[Path], Any], bytes]] = {
    "codes": (read_codes, b"#version: 0.2\nd e\nde r</w>\n"),
    "codes of fastBPE": (read_codes, b"d e 300\nde r</w> 200\n"),
    "a dictionary": (lambda path: (check_dictionary(path), load_dictionary(path).symbols), b"der 30\ndie 20\n"),
    "a corpus": (lambda path: read_parallel(path, path), TEXT.encode()),
    "a config": (load, b"experiment: mini\nink: {k: 3}\n"),
    "JSON": (read_json, b'{"a": 1}'),
    "lines": (read_lines, TEXT.encode()),
}


@pytest.mark.failure(
    "Text and vocabulary",
    "codes, a dictionary, a corpus or a config that begins with a byte-order mark (U+FEFF)",
    "the mark is removed, and the file is read as if it were not there",
)
def test_a_mark_before_a_text_is_no_part_of_it(tmp_path: Path) -> None:
    for name, (read, data) in READERS.items():
        path = tmp_path / "given"
        path.write_bytes(data)
        expected = read(path)
        for marks in (MARK, MARK + MARK):
            path.write_bytes(marks + data)
            assert read(path) == expected, name


def test_snakemake_reads_a_config_with_a_mark_too(tmp_path: Path) -> None:
    from snakemake.common.configfile import load_configfile

    (tmp_path / "config.yaml").write_bytes(MARK + yaml.safe_dump({"experiment": "mini"}).encode())
    assert dict(load_configfile(str(tmp_path / "config.yaml"))) == {"experiment": "mini"}


def test_a_mark_inside_a_text_is_left_and_counted() -> None:
    assert marks_inside("a.de", ["eins", "zw\ufeffei", "\ufeffdrei"]) == (
        "a.de, line 2 (and 1 more): a byte-order mark (U+FEFF) inside the text, which is left there"
    )
    assert marks_inside("a.de", ["eins", "zwei"]) == ""


@pytest.mark.failure(
    "Text and vocabulary",
    "text of UTF-16 or UTF-32, with and without a mark",
    "`corpus.de is no UTF-8 text: it looks like UTF-16LE; convert it to UTF-8, for example with iconv -f UTF-16LE ... "
    "[text/not-utf-8]`",
)
def test_another_unicode_encoding_is_named_and_iconv_helps(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    for text in (TEXT, "plain\n", "日本\n語\n"):
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            path.write_bytes(text.encode(encoding))
            with pytest.raises(InkError, match="corpus is no UTF-8 text: it ") as refused:
                read_lines(path)
            advised = re.search(r"iconv -f (\S+) -t UTF-8", str(refused.value))
            assert advised is not None, refused.value
            path.write_text(path.read_bytes().decode(advised.group(1)), encoding="utf-8")
            assert "\n".join(read_lines(path)) + "\n" == text


@pytest.mark.failure(
    "Text and vocabulary",
    "a NUL in the first 64 kB of a text",
    "`corpus.de is no UTF-8 text: it has a NUL byte in line 2; name a text file, or remove the byte, ... "
    "[text/not-utf-8]`",
)
def test_a_nul_near_the_beginning_is_refused_and_removing_it_helps(tmp_path: Path) -> None:
    for name, (read, data) in READERS.items():
        if name == "JSON":  # which we write ourselves
            continue
        path = tmp_path / "given"
        path.write_bytes(data[:12] + b"\0" + data[12:])
        with pytest.raises(InkError, match=r"given is no UTF-8 text: it has a NUL byte in line \d; .*tr -d '\\000'"):
            read(path)
        path.write_bytes(path.read_bytes().replace(b"\0", b""))
        read(path)


def test_text_of_a_one_byte_encoding_is_named_by_its_line_and_converting_it_helps(tmp_path: Path) -> None:
    path = tmp_path / "given"
    for name, data, line in (("codes", "#version: 0.2\nü b\n", 2), ("a dictionary", "die 3\nfür 2\n", 2),
                             ("a corpus", "eins\nzwei\nfünf\n", 3)):  # fmt: skip
        path.write_text(data, encoding="latin-1")
        with pytest.raises(InkError, match=f"given, line {line}: not valid UTF-8 .*; convert the file to UTF-8"):
            READERS[name][0](path)
        path.write_text(path.read_text(encoding="latin-1"), encoding="utf-8")
        READERS[name][0](path)


def test_a_nul_far_into_a_corpus_is_dropped_as_tokenisation_drops_it(tmp_path: Path) -> None:
    for language in ("de", "en"):
        text = b"a line\n" * (LOOKED_AT // 7 + 1) + b"with\0out\n"
        (tmp_path / f"it.test.{language}").write_bytes(text)
    ingest(
        OwnFiles(str(tmp_path / "it.{split}.{language}"), ["test"]),
        "it",
        LanguagePair("de", "en"),
        tmp_path / "out",
        1,
        {},
    )
    for language in ("de", "en"):
        assert read_lines(tmp_path / "out" / f"test.{language}")[-1] == "without"


@pytest.mark.failure(
    "Text and vocabulary",
    "a compressed text, or an archive",
    "`codes is no UTF-8 text: it is compressed with gzip; unpack it [text/not-utf-8]`",
)
def test_what_is_packed_is_named_and_unpacking_helps(tmp_path: Path) -> None:
    path = tmp_path / "codes"
    for module, name in ((gzip, "gzip"), (bz2, "bzip2"), (lzma, "xz")):
        path.write_bytes(module.compress(READERS["codes"][1]))
        with pytest.raises(InkError, match=f"codes is no UTF-8 text: it is compressed with {name}; unpack it"):
            read_codes(path)
        path.write_bytes(module.decompress(path.read_bytes()))  # type: ignore[operator]
        assert read_codes(path)
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(InkError, match="it is a zip archive"):
        read_codes(path)


@pytest.mark.failure(
    "Text and vocabulary",
    "a SentencePiece vocabulary as base_model.bpe_codes, or a SentencePiece model as a dictionary",
    "`dict.de.txt is no UTF-8 text: it is a SentencePiece model, ... [text/not-utf-8]`; "
    "of a vocabulary `name the model beside it`",
)
def test_a_sentencepiece_model_is_named_and_other_codes_help(tmp_path: Path) -> None:
    import sentencepiece

    (tmp_path / "text").write_text("\n".join(f"das ist der Satz {number} hier" for number in range(200)))
    for kind in ("unigram", "bpe"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(tmp_path / "text"), model_prefix=str(tmp_path / "spm"), vocab_size=40, model_type=kind,
            minloglevel=9, num_threads=1,
        )  # fmt: skip
        for read in (read_codes, check_dictionary):
            with pytest.raises(InkError, match=r"it is a SentencePiece model, which base_model.bpe_codes may name"):
                read(tmp_path / "spm.model")
        with pytest.raises(InkError, match=r"it is a SentencePiece vocabulary; name the model beside it"):
            read_codes(tmp_path / "spm.vocab")
    for name in ("codes", "codes of fastBPE"):
        (tmp_path / "codes").write_bytes(READERS[name][1])
        assert read_codes(tmp_path / "codes")


@pytest.mark.failure(
    "Text and vocabulary",
    "a dictionary as base_model.bpe_codes, or codes as a dictionary",
    "`dict.de.txt has a token and its count per line: it is a dictionary; BPE codes are needed here "
    "[vocabulary/not-bpe-codes]`",
)
def test_codes_and_dictionaries_are_not_taken_for_one_another(tmp_path: Path) -> None:
    for name, data in (("dictionary", READERS["a dictionary"][1]), ("codes", READERS["codes of fastBPE"][1])):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InkError, match="dictionary has a token and its count per line: it is a dictionary"):
        read_codes(tmp_path / "dictionary")
    with pytest.raises(InkError, match=r"codes, line 1: 'd e 300' is a merge of BPE codes, where a dictionary"):
        check_dictionary(tmp_path / "codes")
    (tmp_path / "codes").write_bytes(READERS["codes"][1])
    with pytest.raises(InkError, match=r"codes, line 1: '#version: 0\.2' is not a line of a fairseq dictionary"):
        check_dictionary(tmp_path / "codes")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_no_text_is_taken_for_anything_else(text: str) -> None:
    assert reason_not_text(text.encode()) == "" or text.startswith(("PK\x03\x04", "\n"))
    assert without_mark(text.encode()) == text.lstrip("\ufeff").encode()


def test_json_is_read_with_a_mark_whatever_wrote_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"ü": 1}), encoding="utf-8-sig")
    assert read_json(tmp_path / "a.json", "ü") == {"ü": 1}
