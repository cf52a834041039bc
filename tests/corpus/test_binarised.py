"""Text that exists only binarised: what comes back as text, and what is taken over byte by byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest
from fairseq.data import Dictionary

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import Text
from ink.corpus.binarised import adopt, restore
from ink.corpus.own_text import write_corpus
from ink.corpus.preparation import fingerprint, prepare
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines

LANGUAGES = LanguagePair("de", "en")

SETTINGS = Text(
    source_tokeniser_language="de",
    target_tokeniser_language="en",
    normalise_punctuation=True,
    aggressive_dash_splits=True,
    split_unknown_subwords=False,
    escape=True,
    max_length=9,
    max_length_ratio=0,
)
CODES = "D i\nDi e</w>\nL e\nT h\nTh e</w>\n"
TRAIN = [("Die Leitung.", "The line."), ("Die R&D-Firma.", "The R&D firm's."), ("Die", "The")]
TEST = [("Die Leitung.", "The line."), ("Ω", "The Ω")]
COUNTS = {"train": 3, "dev": 1, "test": 2}


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    """Every character of the text but Ω, one a subword, and what the codes merge."""
    folder = tmp_path / "vocabulary"
    folder.mkdir()
    (folder / "bpecodes").write_text(f"#version: 0.2\n{CODES}", encoding="utf-8")
    dictionary = Dictionary()
    characters = sorted({*"".join(side for pair in TRAIN for side in pair), *"&amp;&apos;@"} - {" "})
    for symbol in ["Die", "The", "Le@@", *characters, *(f"{one}@@" for one in characters)]:
        dictionary.add_symbol(symbol)
    for language in ("de", "en"):
        dictionary.save(str(folder / f"dict.{language}.txt"))
    return folder


@pytest.fixture
def given(vocabulary: Path, tmp_path: Path) -> Path:
    """What somebody binarised elsewhere: fairseq's files and dictionaries alone."""
    write_corpus(tmp_path / "raw", "koran", {"train": TRAIN, "dev": TRAIN[:1], "test": TEST}, LANGUAGES, "files")
    settings = SETTINGS.model_copy(update={"max_length": 60})
    prepare(tmp_path / "raw", vocabulary, settings, LANGUAGES, tmp_path / "prepared")
    folder = tmp_path / "data-bin" / "koran"
    folder.mkdir(parents=True)
    for path in (tmp_path / "prepared").glob("*.??*"):
        if path.suffix in (".bin", ".idx") or path.name.startswith("dict."):
            shutil.copy(path, folder)
    (folder / "preprocess.log").write_text("what fairseq-preprocess said")
    return folder


def restored(given: Path, output: Path, sentences: dict[str, int] = COUNTS) -> dict[str, Any]:
    return restore(given, "koran", SETTINGS, LANGUAGES, sentences, output)


def adopted(given: Path, vocabulary: Path, output: Path, **settings: Any) -> dict[str, Any]:
    restored(given, output / "corpus")
    changed = SETTINGS.model_copy(update={"max_length": 40, **settings})
    return adopt(given, output / "corpus", vocabulary, changed, LANGUAGES, output / "binarised")


def test_text_comes_back_joined_detokenised_and_unescaped(given: Path, tmp_path: Path) -> None:
    counts = restored(given, tmp_path / "corpus")
    assert counts == read_json(tmp_path / "corpus" / "corpus.json")
    assert (counts["source"], counts["sentences"]) == ("binarised", COUNTS)
    assert "detokenised" in counts["restored"]
    assert read_lines(tmp_path / "corpus" / "train.de") == ["Die Leitung.", "Die R & D-Firma.", "Die"]
    # where Moses has split, not every space was in the raw line
    assert read_lines(tmp_path / "corpus" / "train.en") == ["The line.", "The R & D firm's.", "The"]
    assert read_lines(tmp_path / "corpus" / "test.de") == ["Die Leitung.", "<<unk>>"]
    assert read_lines(tmp_path / "corpus" / "test.en") == ["The line.", "The <<unk>>"]


def test_a_split_that_is_not_asked_for_is_left_out(given: Path, tmp_path: Path) -> None:
    counts = restored(given, tmp_path / "corpus", {"test": 2})
    assert counts["sentences"] == {"train": 0, "dev": 0, "test": 2}
    assert not (tmp_path / "corpus" / "train.de").exists()


def test_fairseq_s_files_are_taken_over_byte_by_byte(given: Path, vocabulary: Path, tmp_path: Path) -> None:
    report = adopted(given, vocabulary, tmp_path / "out")
    folder = tmp_path / "out" / "binarised"
    files = [path.name for path in given.iterdir() if path.suffix in (".bin", ".idx")]
    assert len(files) == 12
    for name in [*files, "dict.de.txt", "dict.en.txt"]:
        assert (folder / name).read_bytes() == (given / name).read_bytes(), name
    assert report == read_json(folder / "prepared.json")
    assert report["fingerprint"] == fingerprint(given) == fingerprint(folder)


def test_a_mark_before_a_dictionary_does_not_come_with_it(given: Path, vocabulary: Path, tmp_path: Path) -> None:
    path = given / "dict.de.txt"
    plain = path.read_bytes()
    path.write_bytes("\ufeff".encode() + plain)
    adopted(given, vocabulary, tmp_path / "out")
    assert (tmp_path / "out" / "binarised" / "dict.de.txt").read_bytes() == plain


def test_all_else_is_as_prepare_writes_it(given: Path, vocabulary: Path, tmp_path: Path) -> None:
    """Whose own work on the raw text it is compared with."""
    report = adopted(given, vocabulary, tmp_path / "out")
    theirs = read_json(tmp_path / "prepared" / "prepared.json")
    assert report == theirs
    assert theirs["unknown_share"]["test"]["source"] > 0
    folder = tmp_path / "out" / "binarised"
    for language in ("de", "en"):
        name = f"train.bpe.{language}"
        assert (folder / name).read_text(encoding="utf-8") == (tmp_path / "prepared" / name).read_text(encoding="utf-8")
    kept = numpy.load(folder / "kept.npy")
    assert kept.dtype == numpy.int32 and kept.tolist() == [0, 1, 2]
    assert {path.name for path in folder.iterdir()} == {path.name for path in (tmp_path / "prepared").iterdir()}


def test_what_is_translated_is_the_binarised_source_and_not_the_text_tokenised_again(tiny: Any, tmp_path: Path) -> None:
    """The source of the tiny corpus ends in ` .`, which detokenising joins to the word before."""
    counts = read_json(tiny.data / "prepared.json", "sentences")["sentences"]
    text = tiny.settings.changed(text={"max_length": 60}).text
    restore(tiny.data, "koran", text, tiny.languages, counts, tmp_path / "corpus")
    assert read_lines(tmp_path / "corpus" / "test.xx") != read_lines(tiny.corpus / "test.xx")
    adopt(tiny.data, tmp_path / "corpus", tiny.vocabulary, text, tiny.languages, tmp_path / "binarised")
    model = tiny.domain.load_model(tiny.settings)
    theirs, ours = (
        model.parallel_text(data, "test")
        for data in (tiny.domain.data, PreparedCorpus(tmp_path / "binarised", tiny.languages))
    )
    assert len(ours) == len(theirs)
    for number in range(len(theirs)):
        assert ours.batch([number]).source.tolist() == theirs.batch([number]).source.tolist()


@pytest.mark.failure(
    "Text and vocabulary",
    "binarised text with another number of sentence pairs than the config says",
    "domain, split, both numbers [text/wrong-count]",
)
def test_another_number_of_sentences_is_refused(given: Path, tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"koran train: expected 4, found 3; koran test: expected 5, found 2"):
        restored(given, tmp_path / "corpus", {"train": 4, "dev": 1, "test": 5})
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("name", ["test.de-en.en.bin", "valid.de-en.de.idx", "dict.en.txt"])
def test_a_file_that_is_missing_is_named(given: Path, tmp_path: Path, name: str) -> None:
    (given / name).unlink()
    with pytest.raises(InkError, match=f"{name} does not exist"):
        restored(given, tmp_path / "corpus")


@pytest.mark.failure(
    "Text and vocabulary",
    "a file of binarised text that is cut short or missing",
    "the file is named, with the bytes it has and should have [text/binarised-damaged]",
)
def test_a_file_cut_short_is_named(given: Path, tmp_path: Path) -> None:
    path = given / "train.de-en.en.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InkError, match=r"train\.de-en\.en\.bin has \d+ of \d+ bytes"):
        restored(given, tmp_path / "corpus")


@pytest.mark.failure(
    "Text and vocabulary",
    "binarised text of another model's dictionaries",
    "`... was binarised with .../dict.en.txt, which has other tokens than the model's dictionary ... "
    "[vocabulary/other-dictionary]`",
)
def test_the_dictionaries_must_be_the_model_s(given: Path, vocabulary: Path, tmp_path: Path) -> None:
    path = vocabulary / "dict.en.txt"
    first, second, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([second, first, *rest]), encoding="utf-8")
    with pytest.raises(
        InkError, match=r"koran was binarised with .*dict\.en\.txt, which has other tokens than .*vocab"
    ):
        adopted(given, vocabulary, tmp_path / "out")
    assert not (tmp_path / "out" / "binarised").exists()


def test_tokens_beyond_the_dictionary_are_refused(given: Path, vocabulary: Path, tmp_path: Path) -> None:
    for path in (given / "dict.en.txt", vocabulary / "dict.en.txt"):
        path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:4]), encoding="utf-8")
    restored_by_hand = tmp_path / "out" / "corpus"
    write_corpus(
        restored_by_hand,
        "koran",
        {"train": TRAIN, "dev": TRAIN[:1], "test": TEST},
        LANGUAGES,
        "binarised",
    )
    with pytest.raises(InkError, match=r"train\.de-en\.en\.bin has the token \d+, and .*dict\.en\.txt has fewer"):
        adopt(
            given,
            restored_by_hand,
            vocabulary,
            SETTINGS.model_copy(update={"max_length": 40}),
            LANGUAGES,
            tmp_path / "out" / "binarised",
        )


@pytest.mark.failure(
    "Text and vocabulary",
    "binarised text with a sentence longer than text.max_length",
    "it and its length are named: nothing is dropped of such text [text/too-long]",
)
def test_nothing_is_dropped_so_that_a_longer_sentence_is_refused(given: Path, vocabulary: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InkError, match=r"training sentence 1 \(counted from 0\) has \d+ de tokens, and text.max_length is 9"
    ):
        adopted(given, vocabulary, tmp_path / "out", max_length=9)
