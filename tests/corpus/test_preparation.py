"""Prepared data: fairseq-preprocess's bytes, and counts of all that was dropped, unknown or seen before."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import Text
from ink.corpus.own_text import OwnFiles, ingest, write_corpus
from ink.corpus.preparation import fingerprint, prepare, select
from ink.corpus.segmentation import TextProcessor
from ink.corpus.vocabulary import adopt_vocabulary, learn_vocabulary
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines, write_lines

Pairs = Sequence[tuple[str, str]]

SETTINGS = Text(
    source_tokeniser_language="de",
    target_tokeniser_language="en",
    normalise_punctuation=True,
    aggressive_dash_splits=True,
    split_unknown_subwords=False,
    escape=False,
    bpe_merges=40,
    max_length=12,
    max_length_ratio=3.0,
)

TRAIN = [
    ("Die Leitung ist defekt.", "The line is down."),
    ("", "An empty side."),
    ("Die Firma leitet.", "The company leads."),
    ("Die " * 13, "The " * 13),
    ("Die Die Die Die", "The"),
    ("Die Leitung der Firma.", "The management."),
]
DEV = [("Die Leitung.", "The line."), ("", ""), ("Die " * 13, "The")]
TEST = [
    ("Die Firma leitet.", "The company leads."),
    ("Die Firma leitet.", "The company."),
    ("Die Ωξ leitet\u2028.", "The line ."),
]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary")
    write_corpus(folder / "general", "general", {"train": TRAIN}, LanguagePair("xx", "yy"), "synthetic")
    learn_vocabulary(folder / "general", SETTINGS, LanguagePair("xx", "yy"), folder / "learned")
    return folder / "learned"


def run(folder: Path, vocabulary: Path, splits: Mapping[str, Pairs], **text: Any) -> dict[str, Any]:
    write_corpus(folder / "corpus", "law", splits, LanguagePair("xx", "yy"), "files")
    return prepare(
        folder / "corpus", vocabulary, SETTINGS.model_copy(update=text), LanguagePair("xx", "yy"), folder / "binarised"
    )


def load(folder: Path, split: str) -> Any:
    from fairseq.tasks.translation import TranslationConfig, TranslationTask

    config = TranslationConfig(data=str(folder), source_lang="xx", target_lang="yy", dataset_impl=None)
    task = TranslationTask.setup_task(config)
    task.load_dataset(split)
    return task.dataset(split)


def test_everything_dropped_unknown_or_seen_before_is_counted(tmp_path: Path, vocabulary: Path) -> None:
    report = run(tmp_path, vocabulary, {"train": TRAIN, "dev": DEV, "test": TEST})
    output = tmp_path / "binarised"
    assert report["domain"] == "law"
    assert report["sentences"] == {"train": 3, "dev": 3, "test": 3}
    assert report["dropped"] == {"empty": 1, "too_long": 1, "ratio": 1}
    assert (report["test_pairs_in_train"], report["test_sources_in_train"]) == (1, 2)
    kept = numpy.load(output / "kept.npy")
    assert kept.dtype == numpy.int32 and kept.tolist() == [0, 2, 5]
    processor = TextProcessor(SETTINGS, vocabulary / "bpecodes")
    assert read_lines(output / "train.bpe.xx") == [processor.encode_source(TRAIN[number][0]) for number in kept]
    assert read_lines(output / "train.bpe.yy") == [processor.encode_target(TRAIN[number][1]) for number in kept]
    # With every </s>, as fairseq counts.
    expected = sum(len(line.split()) + 1 for line in read_lines(output / "train.bpe.yy"))
    assert report["tokens"]["train"]["target"] == expected
    assert report["unknown_share"]["train"] == {"source": 0.0, "target": 0.0}
    unknown = report["unknown_share"]["test"]["source"] * report["tokens"]["test"]["source"]
    assert unknown == pytest.approx(2) and report["unknown_share"]["test"]["target"] == 0.0
    assert read_json(output / "prepared.json") == report
    assert report["fingerprint"] == fingerprint(output) and len(report["fingerprint"]) == 16


def test_fairseq_loads_it_and_an_empty_line_stays_a_line(tmp_path: Path, vocabulary: Path) -> None:
    report = run(tmp_path, vocabulary, {"train": TRAIN, "dev": DEV, "test": TEST})
    for split, name in (("train", "train"), ("dev", "valid"), ("test", "test")):
        dataset = load(tmp_path / "binarised", name)
        assert len(dataset) == report["sentences"][split]
        assert int(dataset.src_sizes.sum()) == report["tokens"][split]["source"]
        assert int(dataset.tgt_sizes.sum()) == report["tokens"][split]["target"]
    empty = load(tmp_path / "binarised", "valid")[1]
    assert empty["source"].tolist() == empty["target"].tolist() == [2]


def test_the_bytes_are_those_of_fairseq_preprocess(tmp_path: Path, vocabulary: Path) -> None:
    run(tmp_path, vocabulary, {"train": TRAIN, "dev": DEV, "test": TEST})
    ours, theirs = tmp_path / "binarised", tmp_path / "theirs"
    processor = TextProcessor(SETTINGS, vocabulary / "bpecodes")
    for split, pairs in (("dev", DEV), ("test", TEST)):
        write_lines(tmp_path / f"{split}.xx", (processor.encode_source(source) for source, _ in pairs))
        write_lines(tmp_path / f"{split}.yy", (processor.encode_target(target) for _, target in pairs))

    from fairseq import options
    from fairseq_cli import preprocess

    arguments = ["--source-lang", "xx", "--target-lang", "yy", "--destdir", str(theirs), "--workers", "1"]
    arguments += ["--srcdict", str(vocabulary / "dict.xx.txt"), "--tgtdict", str(vocabulary / "dict.yy.txt")]
    arguments += ["--trainpref", str(ours / "train.bpe"), "--validpref", str(tmp_path / "dev")]
    arguments += ["--testpref", str(tmp_path / "test")]
    handlers = list(preprocess.logger.handlers)
    preprocess.main(options.get_preprocessing_parser().parse_args(arguments))
    preprocess.logger.handlers[:] = handlers
    written = sorted(path.name for path in theirs.iterdir() if path.suffix != ".log")
    assert len(written) == 14
    for name in written:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_the_fingerprint_follows_text_and_vocabulary(tmp_path: Path, vocabulary: Path) -> None:
    first = run(tmp_path, vocabulary, {"train": TRAIN, "test": TEST})["fingerprint"]
    assert run(tmp_path, vocabulary, {"train": TRAIN, "test": TEST})["fingerprint"] == first
    assert run(tmp_path, vocabulary, {"train": TRAIN, "test": TEST[:2]})["fingerprint"] != first
    one, other_order = (run(tmp_path, vocabulary, {"test": [(text, "The")]}) for text in ("Die Leitung", "Leitung Die"))
    assert one["tokens"] == other_order["tokens"] and one["fingerprint"] != other_order["fingerprint"]
    other = shutil.copytree(vocabulary, tmp_path / "other")
    with (other / "dict.yy.txt").open("a") as file:
        file.write("another 0\n")
    assert run(tmp_path, other, {"train": TRAIN, "test": TEST})["fingerprint"] != first


def test_a_domain_without_train_has_nothing_dropped_and_no_training_files(tmp_path: Path, vocabulary: Path) -> None:
    report = run(tmp_path, vocabulary, {"test": [("", ""), *TEST]})
    assert report["sentences"] == {"train": 0, "dev": 0, "test": 4}
    assert report["dropped"] == {"empty": 0, "too_long": 0, "ratio": 0}
    assert (report["test_pairs_in_train"], report["test_sources_in_train"]) == (0, 0)
    assert set(report["tokens"]) == set(report["unknown_share"]) == {"test"}
    assert sorted(path.name for path in (tmp_path / "binarised").iterdir()) == [
        "dict.xx.txt",
        "dict.yy.txt",
        "prepared.json",
        *(f"test.xx-yy.{side}.{kind}" for side in ("xx", "yy") for kind in ("bin", "idx")),
    ]


def test_what_is_left_of_an_earlier_run_goes(tmp_path: Path, vocabulary: Path) -> None:
    run(tmp_path, vocabulary, {"train": TRAIN, "test": TEST})
    run(tmp_path, vocabulary, {"test": TEST})
    assert not list((tmp_path / "binarised").glob("train.*"))


def test_preparing_says_nothing_but_its_progress(
    tmp_path: Path, vocabulary: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run(tmp_path, vocabulary, {"train": TRAIN, "test": TEST})
    written = capsys.readouterr()
    assert written.out == "" and not caplog.records
    assert [line.partition(" [")[0] for line in written.err.splitlines() if line] == [
        "law: train: 6/6 pair",
        "law: test: 3/3 pair",
    ]


def test_a_corpus_that_cannot_be_prepared(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(
        InkError, match=r"none of 6 training pairs is left after filtering \(1 empty, 5 too_long, 0 ratio\)"
    ):
        run(tmp_path, vocabulary, {"train": TRAIN}, max_length=0)
    corpus = tmp_path / "corpus"
    with (corpus / "train.yy").open("a") as file:
        file.write("one more\n")
    with pytest.raises(InkError, match=r"train\.xx has 6 lines and .*train\.yy has 7"):
        prepare(corpus, vocabulary, SETTINGS, LanguagePair("xx", "yy"), tmp_path / "binarised")
    (corpus / "train.yy").unlink()
    with pytest.raises(InkError, match=r"train\.yy does not exist"):
        prepare(corpus, vocabulary, SETTINGS, LanguagePair("xx", "yy"), tmp_path / "binarised")
    (corpus / "train.xx").unlink()
    with pytest.raises(InkError, match=r"corpus has no train\.xx or dev\.xx or test\.xx"):
        prepare(corpus, vocabulary, SETTINGS, LanguagePair("xx", "yy"), tmp_path / "binarised")
    assert not (tmp_path / "binarised").exists()


def test_the_limits_themselves_are_allowed() -> None:
    pairs = [("a a a", "a"), ("a a a a", "a"), ("a a a a", "a a"), ("a " * 5, "a " * 5), ("", "a"), ("a a a a a", "")]
    assert select(pairs, 4, 3.0) == ([0, 2], {"empty": 2, "too_long": 1, "ratio": 1})
    assert select(pairs, 4, 0) == ([0, 1, 2], {"empty": 2, "too_long": 1, "ratio": 0})


@given(
    lengths=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))),
    longest=st.integers(1, 9),
    ratio=st.sampled_from([0.0, 1.0, 1.5, 4.0]),
)
def test_every_pair_is_kept_or_counted_once(lengths: list[tuple[int, int]], longest: int, ratio: float) -> None:
    kept, dropped = select([("a " * source, "a " * target) for source, target in lengths], longest, ratio)
    assert len(kept) + sum(dropped.values()) == len(lengths)
    allowed = [s and t and max(s, t) <= longest and (not ratio or max(s, t) / min(s, t) <= ratio) for s, t in lengths]
    assert kept == [number for number, keep in enumerate(allowed) if keep]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(*[st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=12)] * 2), min_size=1
    )
)
def test_no_line_is_ever_lost_from_dev_and_test(tmp_path: Path, vocabulary: Path, pairs: list[tuple[str, str]]) -> None:
    # among enough known words, for text that is mostly unknown is refused
    pairs = pairs + 4 * len(pairs) * [("Die Firma leitet.", "The company leads.")]
    report = run(tmp_path, vocabulary, {"dev": pairs, "test": pairs})
    assert report["sentences"]["dev"] == report["sentences"]["test"] == len(pairs)
    assert len(load(tmp_path / "binarised", "valid")) == len(load(tmp_path / "binarised", "test")) == len(pairs)


def test_text_that_the_dictionary_does_not_know_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    run(tmp_path, vocabulary, {"test": TEST})
    before = {path.name: path.read_bytes() for path in (tmp_path / "binarised").iterdir()}
    shutil.rmtree(tmp_path / "corpus")
    other = [("Ωξ Ψχ Σφ Δλ", "The company leads.")]
    with pytest.raises(InkError, match=r"\d+% of the xx text's tokens are not in .*dict\.xx\.txt"):
        run(tmp_path, vocabulary, {"test": other})
    assert {path.name: path.read_bytes() for path in (tmp_path / "binarised").iterdir()} == before


@pytest.mark.failure(
    "Text and vocabulary",
    "BPE codes that are not the dictionary's",
    "more than half of the tokens are unknown: `corpus: 87% of the xx text's tokens are not in "
    "vocabulary/dict.xx.txt; ... [vocabulary/unknown-tokens]`",
)
def test_codes_that_are_not_the_dictionarys_are_refused(tmp_path: Path, vocabulary: Path) -> None:
    """Without its merges the text is single characters, which a dictionary of whole words does not have."""
    other = Path(shutil.copytree(vocabulary, tmp_path / "other"))
    (other / "bpecodes").write_text("#version: 0.2\nq x\n", encoding="utf-8")
    for language in ("xx", "yy"):
        (other / f"dict.{language}.txt").write_text("Die 3\nThe 3\nleitet 2\n", encoding="utf-8")
    with pytest.raises(InkError, match="the BPE codes are not those of the dictionary"):
        run(tmp_path, other, {"test": TEST})


@pytest.mark.skipif("INK_REAL_TEXT" not in os.environ, reason="INK_REAL_TEXT names no real text")
def test_the_real_domain_has_the_tokens_that_others_counted(tmp_path: Path) -> None:
    place = Path(os.environ["INK_REAL_TEXT"])
    pattern = str(place / "corpora" / "{domain}.{split}.{language}")
    counts = ingest(
        OwnFiles(pattern, ["train", "dev", "test"]), "koran", LanguagePair("de", "en"), tmp_path / "koran", 1, {}
    )
    assert counts["sentences"] == {"train": 17982, "dev": 2000, "test": 2000}
    base = place / "base"
    adopt_vocabulary(
        base / "bpecodes",
        (base / "dict.de.txt", base / "dict.en.txt"),
        LanguagePair("de", "en"),
        tmp_path / "vocabulary",
    )
    text = SETTINGS.model_copy(update={"max_length": 10_000, "max_length_ratio": 0})
    report = prepare(
        tmp_path / "koran", tmp_path / "vocabulary", text, LanguagePair("de", "en"), tmp_path / "binarised"
    )
    # The size of the datastore that another implementation built from this text and this model.
    assert report["tokens"]["train"]["target"] == 599_532
    assert all(share < 0.005 for split in report["unknown_share"].values() for share in split.values())
