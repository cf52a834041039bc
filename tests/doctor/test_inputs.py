"""The files that a config names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.doctor.finding import ERROR, OK
from ink.doctor.inputs import TextFile, examine_inputs


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
    assert counts[tmp_path / "koran.train.en"] == TextFile(lines=400, words=1200, bytes=400 * 14)


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


def test_a_large_file_is_read_in_parts(own_corpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ink.doctor.inputs._AT_ONCE", 5)
    text = "äöü zwei\n" * 20
    for language in ("de", "en"):
        (tmp_path / f"koran.dev.{language}").write_text(text, encoding="utf-8")
    assert problems(own_corpus) == []
    (tmp_path / "koran.dev.en").write_bytes(text.encode() + b"\xff\n")
    assert problems(own_corpus) == [f"text of koran: {tmp_path}/koran.dev.en, line 21: not valid UTF-8"]
