"""The files that a config names."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from ink.config import check
from ink.runtime.whole_files import read_json
from ink.tools.costs.workload import workload_of
from ink.tools.doctor.finding import ERROR, OK, WARNING
from ink.tools.doctor.inputs import TextCounts, examine_inputs


def problems(config: Any) -> list[str]:
    return [f"{finding.check}: {finding.text}" for finding in examine_inputs(config)[0] if finding.status == ERROR]


def test_text_that_is_in_order_is_counted(own_corpus: Any, tmp_path: Path) -> None:
    findings, counts = examine_inputs(own_corpus)
    assert [(finding.status, finding.check) for finding in findings] == [
        (OK, "base model"),
        (OK, "text of koran"),
        (OK, "text of it"),
        (OK, "text of general"),
    ]
    assert findings[1].text == "400 train, 100 dev, 100 test pairs"
    assert counts[tmp_path / "koran.train.en"] == TextCounts(lines=400, words=1200, bytes=400 * 14)


def test_text_put_together_from_sources_is_counted_as_it_is_drawn(own_corpus: Any, tmp_path: Path) -> None:
    sources = [
        {"pattern": f"{tmp_path}/{{domain}}.{{split}}.{{language}}", "weight": 0.5},
        {"pattern": f"{tmp_path}/more.{{language}}", "sentences": 30},
    ]
    own_corpus["data"]["files"]["train_from"] = {"koran": sources}
    check(own_corpus)
    assert problems(own_corpus) == [f"text of koran: {tmp_path}/more.{side} does not exist" for side in ("de", "en")]
    for side in ("de", "en"):
        (tmp_path / f"more.{side}").write_text("ein einziges\n" * 120, encoding="utf-8")
    findings, counts = examine_inputs(own_corpus)
    assert findings[1].text == "230 train, 100 dev, 100 test pairs"
    found = workload_of(own_corpus, counts).text["koran"]
    assert found.sentences == {"train": 230, "dev": 100, "test": 100}
    assert found.tokens["train"] == pytest.approx(200 * (3 * 1.4 + 1) + 30 * (2 * 1.4 + 1), abs=2)


def test_generated_text_needs_no_file(config: Any) -> None:
    assert examine_inputs(config) == ([], {})


@pytest.mark.parametrize("name", ["path", "bpe_codes", "source_dictionary", "target_dictionary"])
def test_a_missing_part_of_the_base_model_is_named(own_corpus: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    assert problems(own_corpus) == [f"base model: base_model.{name}: {tmp_path / name} does not exist"]


def test_sides_of_different_length(own_corpus: Any, tmp_path: Path) -> None:
    with (tmp_path / "koran.dev.en").open("a", encoding="utf-8") as file:
        file.write("without line feed")
    assert problems(own_corpus) == [
        f"text of koran: {tmp_path}/koran.dev.de has 100 lines and {tmp_path}/koran.dev.en has 101"
    ]


def test_text_that_is_not_there_not_utf_8_empty_or_no_file(own_corpus: Any, tmp_path: Path) -> None:
    (tmp_path / "koran.train.de").unlink()
    (tmp_path / "koran.dev.de").write_bytes(b"eins\n\xff\xfe\n" * 50)
    (tmp_path / "it.dev.en").write_bytes(b"")
    (tmp_path / "it.test.en").unlink()
    (tmp_path / "it.test.en").mkdir()
    (tmp_path / "general.dev.de").write_bytes(b"ein Wort mehr\n" * 99 + "ü".encode()[:1])
    assert problems(own_corpus) == [
        f"text of koran: {tmp_path}/koran.train.de does not exist",
        f"text of koran: {tmp_path}/koran.dev.de, line 2: not valid UTF-8",
        f"text of it: {tmp_path}/it.dev.en is empty",
        f"text of it: {tmp_path}/it.test.en is no file",
        f"text of general: {tmp_path}/general.dev.de, line 100: not valid UTF-8",
    ]


def test_text_that_is_none_and_text_that_is_prepared_already(own_corpus: Any, tmp_path: Path) -> None:
    (tmp_path / "koran.train.de").write_bytes("Wort\n".encode("utf-16"))
    (tmp_path / "koran.dev.de").write_bytes(gzip.compress(b"Wort\n"))
    for name in ("bpe_codes", "target_dictionary"):  # of the former it may be one
        (tmp_path / name).write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    for language in ("de", "en"):
        (tmp_path / f"it.test.{language}").write_text("ein Wort , mehr .\n" * 90, encoding="utf-8-sig")
    assert problems(own_corpus) == [
        f"base model: {tmp_path}/target_dictionary is no UTF-8 text: it is a SentencePiece model, which "
        "base_model.bpe_codes may name; name a text file",
        f"text of koran: {tmp_path}/koran.train.de is no UTF-8 text: it is UTF-16; convert it to UTF-8, for example "
        "with iconv -f UTF-16 -t UTF-8",
        f"text of koran: {tmp_path}/koran.dev.de is no UTF-8 text: it is compressed with gzip; unpack it",
    ]
    findings, counts = examine_inputs(own_corpus)
    assert [finding.text for finding in findings if finding.status == WARNING] == [
        f"{tmp_path}/it.test.{language}: 90 of 90 lines look tokenised already, such as line 1, 'ein Wort , mehr .'; "
        "text is prepared here, so give it raw"
        for language in ("de", "en")
    ]
    assert counts[tmp_path / "it.test.de"].lines == 90


def test_a_large_file_is_read_in_parts(own_corpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ink.tools.doctor.inputs._READ_BYTES", 5)
    text = "äöü zwei\n" * 20
    for language in ("de", "en"):
        (tmp_path / f"koran.dev.{language}").write_text(text, encoding="utf-8")
    assert problems(own_corpus) == []
    (tmp_path / "koran.dev.en").write_bytes(text.encode() + b"\xff\n")
    assert problems(own_corpus) == [f"text of koran: {tmp_path}/koran.dev.en, line 21: not valid UTF-8"]


@pytest.fixture
def binarised(own_corpus: Any, tiny: Any) -> Any:
    """The same experiment on the tiny corpus as fairseq binarised it."""
    counts = read_json(tiny.data / "prepared.json", "sentences")["sentences"]
    own_corpus["domains"] = ["koran"]
    own_corpus["data"] |= {"source": "binarised", "source_language": "xx", "target_language": "yy"}
    own_corpus["data"] |= {"general_domain": None, "files": None}
    own_corpus["data"]["binarised"] = {"folder": str(tiny.data), "sentences": {"koran": counts}}
    check(own_corpus)
    return own_corpus


def test_binarised_text_is_counted_in_its_index(binarised: Any, tiny: Any) -> None:
    findings, counts = examine_inputs(binarised)
    assert problems(binarised) == []
    assert findings[-1].text == "60 train, 7 dev, 10 test pairs, binarised"
    workload = workload_of(binarised, counts)
    tokens = read_json(tiny.data / "prepared.json", "tokens")["tokens"]
    assert workload.text["koran"].tokens == {split: tokens[split]["target"] for split in tokens}


def test_binarised_text_that_is_not_there_or_another(binarised: Any, tiny: Any, tmp_path: Path) -> None:
    binarised["data"]["binarised"]["sentences"]["koran"]["dev"] = 8
    assert problems(binarised) == [
        f"text of koran: {tiny.data} does not have the expected numbers of sentence pairs (koran dev: expected 8, "
        "found 7)"
    ]
    binarised["data"]["binarised"]["folder"] = str(tmp_path / "nothing")
    assert len(problems(binarised)) == 14
    assert f"text of koran: {tmp_path}/nothing/dict.xx.txt does not exist" in problems(binarised)
