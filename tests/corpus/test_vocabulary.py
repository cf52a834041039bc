"""Codes and dictionaries: learned as subword-nmt and fairseq would learn them, or a base model's after a check."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import Text
from ink.corpus.own_text import write_corpus
from ink.corpus.segmentation import TextProcessor
from ink.corpus.vocabulary import adopt_vocabulary, check_dictionary, learn_vocabulary, load_dictionary
from ink.runtime.errors import InkError

SETTINGS = Text(
    source_tokeniser_language="de",
    target_tokeniser_language="en",
    normalise_punctuation=True,
    aggressive_dash_splits=True,
    escape=False,
    bpe_merges=12,
)

TRAIN = [
    ("Die Leitung ist defekt.", "The line is down."),
    ("Die Leitung der Firma leitet.", "The management of the company leads."),
    ("", "An empty side."),
    ("Die E-Mail\u2028kommt <unk> an.", "The e-mail arrives."),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "general", "general", {"train": TRAIN}, LanguagePair("xx", "yy"), "synthetic")
    return tmp_path / "general"


def test_codes_are_those_that_subword_nmt_learns_from_both_sides(tmp_path: Path, corpus: Path) -> None:
    from subword_nmt.learn_bpe import learn_bpe

    learn_vocabulary(corpus, SETTINGS, LanguagePair("xx", "yy"), tmp_path / "vocabulary")
    processor = TextProcessor(SETTINGS, None)
    lines = [processor.tokenise_source(source) for source, _ in TRAIN]
    lines += [processor.tokenise_target(target) for _, target in TRAIN]
    expected = io.StringIO()
    learn_bpe(lines, expected, 12)
    assert (tmp_path / "vocabulary" / "bpecodes").read_text(encoding="utf-8") == expected.getvalue()
    assert len(expected.getvalue().splitlines()) == 13


def test_the_dictionary_is_the_one_that_fairseq_builds(tmp_path: Path, corpus: Path) -> None:
    output = tmp_path / "vocabulary"
    learn_vocabulary(corpus, SETTINGS, LanguagePair("xx", "yy"), output)
    processor = TextProcessor(SETTINGS, output / "bpecodes")
    sides = {"xx": [processor.encode_source(s) for s, _ in TRAIN], "yy": [processor.encode_target(t) for _, t in TRAIN]}
    for language, lines in sides.items():
        (tmp_path / f"bpe.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")

    from fairseq.tasks.translation import TranslationTask

    built = TranslationTask.build_dictionary(
        [str(tmp_path / f"bpe.{language}") for language in sides], threshold=0, padding_factor=8
    )
    built.save(str(tmp_path / "dict.txt"))
    for language in sides:
        assert (output / f"dict.{language}.txt").read_bytes() == (tmp_path / "dict.txt").read_bytes()
    learned = load_dictionary(output / "dict.xx.txt")
    assert learned.symbols == built.symbols and len(learned) % 8 == 0
    assert check_dictionary(output / "dict.xx.txt") == len(learned)
    assert sorted(path.name for path in output.iterdir()) == ["bpecodes", "dict.xx.txt", "dict.yy.txt"]


def test_learning_twice_gives_the_same_files(tmp_path: Path, corpus: Path) -> None:
    for name in ("a", "b"):
        learn_vocabulary(corpus, SETTINGS, LanguagePair("xx", "yy"), tmp_path / name)
    for file in ("bpecodes", "dict.xx.txt"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_learning_says_nothing_but_its_progress(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learn_vocabulary(
        corpus, SETTINGS.model_copy(update={"bpe_merges": 5000}), LanguagePair("xx", "yy"), tmp_path / "vocabulary"
    )
    written = capsys.readouterr()
    assert written.out == ""
    assert [line.partition(":")[0] for line in written.err.splitlines() if line] == [
        "words of train.xx",
        "words of train.yy",
    ]


def test_learning_needs_a_number_of_merges_and_words(tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(InkError, match=r"text\.bpe_merges is not set"):
        learn_vocabulary(
            corpus, SETTINGS.model_copy(update={"bpe_merges": None}), LanguagePair("xx", "yy"), tmp_path / "vocabulary"
        )
    write_corpus(tmp_path / "short", "short", {"train": [("a b", "c .")]}, LanguagePair("xx", "yy"), "files")
    with pytest.raises(InkError, match="short: the training text has no word of two characters"):
        learn_vocabulary(tmp_path / "short", SETTINGS, LanguagePair("xx", "yy"), tmp_path / "vocabulary")
    with pytest.raises(InkError, match=r"train\.zz does not exist"):
        learn_vocabulary(corpus, SETTINGS, LanguagePair("zz", "yy"), tmp_path / "vocabulary")
    assert not (tmp_path / "vocabulary").exists()


def adopt(folder: Path, codes: str = "t h\n", source: str = "der 3\n", target: str = "the 2\n") -> Path:
    for name, text in (("codes", codes), ("source", source), ("target", target)):
        (folder / name).write_text(text, encoding="utf-8")
    output = folder / "vocabulary"
    adopt_vocabulary(folder / "codes", (folder / "source", folder / "target"), LanguagePair("xx", "yy"), output)
    return output


def test_a_base_models_files_are_taken_over_unchanged(tmp_path: Path) -> None:
    output = adopt(tmp_path, codes="t h 12\n", target="the 2\n<unk> 0 #fairseq:overwrite\nmadeupword0000 0\n")
    assert (output / "bpecodes").read_text() == "t h 12\n"
    assert (output / "dict.xx.txt").read_text() == "der 3\n"
    assert check_dictionary(output / "dict.yy.txt") == 6
    assert load_dictionary(output / "dict.xx.txt").index("der") == 4


@pytest.mark.failure(
    "Text and vocabulary",
    "a dictionary with a carriage return in a token",
    "`dict.xx.txt, line 2: 'd\\rie' holds a carriage return, where fairseq begins a line; remove it "
    "[vocabulary/not-a-dictionary]`",
)
@pytest.mark.parametrize("token", ["d\rie", "\rdie", "die@@\r"])
def test_a_token_that_fairseq_would_take_for_two_lines_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(InkError, match=r"line 2: .* holds a carriage return"):
        adopt(tmp_path, source=f"der 3\n{token} 2\n")
    assert not (tmp_path / "vocabulary").exists()


def test_a_base_model_s_files_lose_the_mark_before_them_and_keep_one_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = adopt(tmp_path, codes="\ufefft h 12\n", source="\ufeffder 3\ndie 2\n", target="the 2\n\ufeffof 1\n")
    assert (output / "bpecodes").read_bytes() == b"t h 12\n"
    # fairseq reads the file itself
    assert (output / "dict.xx.txt").read_bytes() == b"der 3\ndie 2\n"
    assert load_dictionary(output / "dict.yy.txt").symbols[4:] == ["the", "\ufeffof"]
    assert capsys.readouterr().err == (
        f"warning: {tmp_path}/target, line 2: a byte-order mark (U+FEFF) inside the text, which is left there\n"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"codes": "t h\nthe\n"}, r"codes, line 2: 'the' is no BPE merge"),
        ({"source": ""}, r"source is empty; a fairseq dictionary has a token and its count per line"),
        ({"source": "der 3\ndie\n"}, r"source, line 2: 'die' is not a line of a fairseq dictionary"),
        ({"target": "the 3\nof many\n"}, r"target, line 2: 'of many' is not a line of a fairseq dictionary"),
        ({"target": f"the {'9' * 5000}\n"}, r"target, line 1: 'the 9+ .* is not a line of a fairseq dictionary"),
        ({"target": "the 3\nof course 2\n"}, r"target, line 2: 'of course 2' is a merge of BPE codes"),
        ({"codes": "der 3\ndie 2\n"}, r"codes has a token and its count per line: it is a dictionary"),
        ({"target": "the 3\n 4\n"}, r"target, line 2: ' 4' is not a line"),
        ({"target": "the 3\nof 2\nthe 1\n"}, r"target, line 3: 'the' is in the dictionary already"),
        ({"target": "</s> 3\n"}, r"target, line 1: '</s>' is in the dictionary already"),
    ],
)
def test_a_base_models_files_that_do_not_parse_name_file_and_line(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(InkError, match=message):
        adopt(tmp_path, **files)
    assert not (tmp_path / "vocabulary").exists()


def test_a_base_models_missing_file_is_named(tmp_path: Path) -> None:
    adopt(tmp_path)
    with pytest.raises(InkError, match=r"nowhere does not exist"):
        adopt_vocabulary(
            tmp_path / "nowhere", (tmp_path / "source", tmp_path / "target"), LanguagePair("xx", "yy"), tmp_path / "v"
        )
