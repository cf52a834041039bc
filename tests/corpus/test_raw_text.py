"""Text that was prepared already is told with a count and an example; raw text is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import Tokenisation
from ink.corpus.own_text import OwnFiles, ingest
from ink.corpus.raw_text import LINES_LOOKED_AT, beginning, remarks
from ink.corpus.segmentation import TextProcessor
from ink.runtime.whole_files import read_lines

RAW = {
    "de": ["Das Haus, das er sah, war alt.", "Er kam z. B. am 3. Mai.", "Nein!", "Wo?", "Ein Titel ohne Punkt"],
    "fr": ["Qu'est-ce que c'est ?", "« Bonjour », dit-il.", "Attention : danger !", "Oui, bien sûr."],
    "zh": ["我们今天去学校，明天再去。", "他 说 过 了", "这是一个很长的句子，没有空格。", "第一段 第二段很长很长很长"],
    "ja": ["これは日本語の文です。", "東京 大阪へ行きました、はい。"],
    "th": ["สวัสดีครับ วันนี้อากาศดีมากเลยนะครับผม", "ผมไปโรงเรียนทุกวันและกลับบ้านตอนเย็น"],
    "code": ["@@ -1,3 +1,4 @@", "git diff shows @@ at a hunk", *["A plain line, for once."] * 300],
}
PREPARED = {
    "split into subwords": ["das Ha@@ us ist a@@ lt", "kein Wort", "ein Wo@@ rt"],
    "split into subwords by SentencePiece": ["▁das ▁Haus ▁ist ▁alt", "▁kein ▁Wort"],
    "escaped as Moses escapes": ["I don &apos;t know", "he said &quot; no &quot;"],
    "tokenised": ["Das Haus , das er sah , war alt .", "Er kam z. B. am 3. Mai .", "Nein", "Ein Titel ohne Punkt"],
    "tokenised with dashes": ["ein E-Mail @-@ Konto", "nichts"],
    "tokenised Chinese": ["我们 今天 去 学校 ， 明天 再 去 。", "这 是 一个 很 长 的 句子"],
    "tokenised Thai": ["สวัสดี ครับ วันนี้ อากาศ ดี มาก เลย", "ผม ไป โรงเรียน ทุก วัน"],
}


@pytest.mark.parametrize("language", RAW)
def test_raw_text_is_left_in_peace(language: str) -> None:
    assert remarks("a", RAW[language]) == []


@pytest.mark.parametrize("what", PREPARED)
def test_prepared_text_is_told_with_a_count_and_an_example(what: str) -> None:
    (message,) = remarks("it.train.en", PREPARED[what])
    kind = next(kind for kind in ("split into subwords", "escaped as Moses escapes", "tokenised") if kind in what)
    assert f" lines look {kind} already, such as line 1, {PREPARED[what][0]!r}" in message
    assert message.startswith("it.train.en: ") and message.endswith("; text is prepared here, so give it raw")


def test_what_this_project_prepares_is_recognised(tmp_path: Path) -> None:
    settings = Tokenisation(source_tokeniser_language="de", target_tokeniser_language="en", normalise_punctuation=True)
    codes = tmp_path / "codes"
    codes.write_text("#version: 0.2\ns a\n", encoding="utf-8")
    for escape, dashes, bpe, kinds in (
        (False, True, None, ["tokenised"]),
        (True, False, None, ["escaped as Moses escapes", "tokenised"]),
        (False, False, codes, ["split into subwords", "tokenised"]),
    ):
        text = TextProcessor(settings.model_copy(update={"escape": escape, "aggressive_dash_splits": dashes}), bpe)
        lines = [text.encode_target(line) for line in ("It's a well-known line, isn't it?", "Yes, it is.", "No.")]
        message = remarks("a", lines)
        assert [kind for line in message for kind in kinds if f"look {kind} already" in line] == kinds, (lines, message)


@pytest.mark.failure(
    "Text and vocabulary",
    "a corpus that is tokenised, escaped or split into subwords already",
    "taken, with a warning in the job's log and in `ink doctor`: `it.train.en: 2,013 of 2,100 lines look tokenised "
    "already, such as line 1, ...; text is prepared here, so give it raw`",
)
def test_the_job_that_takes_text_in_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for language, line in (("de", "das Ha@@ us ist alt ."), ("en", "The house is old.\ufeff")):
        (tmp_path / f"it.test.{language}").write_text(f"{line}\n" * 3, encoding="utf-8")
    ingest(
        OwnFiles(str(tmp_path / "{domain}.{split}.{language}"), ["test"]),
        "it",
        LanguagePair("de", "en"),
        tmp_path / "out",
        1,
        {},
    )
    place = tmp_path / "it.test"
    assert capsys.readouterr().err.splitlines() == [
        f"warning: {place}.de: 3 of 3 lines look split into subwords already, such as line 1, "
        "'das Ha@@ us ist alt .'; text is prepared here, so give it raw",
        f"warning: {place}.de: 3 of 3 lines look tokenised already, such as line 1, "
        "'das Ha@@ us ist alt .'; text is prepared here, so give it raw",
        f"warning: {place}.en, line 1 (and 2 more): a byte-order mark (U+FEFF) inside the text, which is left there",
    ]
    assert (tmp_path / "out" / "test.en").read_text(encoding="utf-8") == "The house is old.\ufeff\n" * 3


def test_of_a_large_text_the_beginning_counts() -> None:
    (message,) = remarks("a", ["ein Wo@@ rt"] * (LINES_LOOKED_AT + 5))
    assert "100,000 of the first 100,000 lines look" in message


def test_the_beginning_of_a_file_is_text_whatever_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ink.corpus.raw_text.BYTES_LOOKED_AT", 9)
    (tmp_path / "a").write_bytes("\ufeffab\ncdü".encode())
    assert beginning(tmp_path / "a") == ["ab", "cd\ufffd"]


@pytest.mark.skipif("INK_REAL_TEXT" not in os.environ, reason="INK_REAL_TEXT names no real text")
def test_real_text_is_left_in_peace_and_broken_characters_pass() -> None:
    found: dict[str, Any] = {}
    for path in sorted((Path(os.environ["INK_REAL_TEXT"]) / "corpora").iterdir()):
        found |= {path.name: message} if (message := remarks(path.name, read_lines(path))) else {}
    assert not any("look" in line for message in found.values() for line in message)
    assert not any(name.startswith("it.") for name in found)
