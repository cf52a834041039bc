"""A user's own parallel text: what is found, what is split off, and every way in which it can be wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ink.config.languages import LanguagePair
from ink.corpus.own_text import OwnFiles, hold_out, ingest, read_parallel, write_corpus
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines

LANGUAGES = LanguagePair("xx", "yy")

SENTENCE = st.text(st.characters(exclude_characters="\n\r\0\ufeff", codec="utf-8"), max_size=8)


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def numbered(prefix: str, count: int) -> str:
    return "".join(f"{prefix} {number}\n" for number in range(count))


def take_in(folder: Path, splits: list[str], seed: int = 1, **held_out: int) -> dict[str, Any]:
    pattern = str(folder / "{domain}.{split}.{language}")
    return ingest(OwnFiles(pattern, splits), "koran", LANGUAGES, folder / "out" / "koran", seed, held_out)


def test_text_is_written_as_found_with_its_counts(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("dev", 3), ("test", 2)):
        write(tmp_path, f"koran.{split}.xx", numbered(f"{split}  ‚Quelle‘\t", count))
        write(tmp_path, f"koran.{split}.yy", numbered(split, count))
    counts = take_in(tmp_path, ["train", "dev", "test"])
    assert counts == {"domain": "koran", "source": "files", "sentences": {"train": 4, "dev": 3, "test": 2}}
    output = tmp_path / "out" / "koran"
    assert read_json(output / "corpus.json") == counts
    assert (output / "dev.xx").read_bytes() == (tmp_path / "koran.dev.xx").read_bytes()
    assert sorted(path.name for path in output.iterdir()) == sorted(
        ["corpus.json", *(f"{split}.{side}" for split in ("train", "dev", "test") for side in ("xx", "yy"))]
    )


def test_a_last_line_without_newline_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    source = write(tmp_path, "a.xx", b"\xef\xbb\xbfeins\r\nzwei\r\ndrei")
    target = write(tmp_path, "a.yy", "one\ntwo\u2028too\nthree\n")
    assert read_parallel(source, target) == [("eins", "one"), ("zwei", "two\u2028too"), ("drei", "three")]


@pytest.mark.failure(
    "Text and vocabulary",
    "sides of different length",
    "both files, both counts, and the first line without counterpart are named [text/sides-differ]",
)
def test_different_line_counts_name_both_files_both_counts_and_the_line(tmp_path: Path) -> None:
    source, target = write(tmp_path, "a.xx", numbered("s", 5)), write(tmp_path, "a.yy", numbered("t", 3))
    message = r"a\.xx has 5 lines and .*a\.yy has 3: line 4 of .*a\.xx has no counterpart"
    with pytest.raises(InkError, match=message):
        read_parallel(source, target)
    with pytest.raises(InkError, match=r"a\.yy has 3 lines and .*a\.xx has 5: line 4 of .*a\.xx has no counterpart"):
        read_parallel(target, source)


def test_invalid_utf8_names_file_and_line(tmp_path: Path) -> None:
    source = write(tmp_path, "a.xx", "eins\nfünf\n".encode("latin-1"))
    target = write(tmp_path, "a.yy", numbered("t", 2))
    with pytest.raises(InkError, match=r"a\.xx, line 2: not valid UTF-8"):
        read_parallel(source, target)


@pytest.mark.parametrize(("data", "lines"), [(b"", 0), (b"\xef\xbb\xbf", 0), (b"\n \n\n", 3)])
def test_an_empty_file_is_named_with_its_count(tmp_path: Path, data: bytes, lines: int) -> None:
    source, target = write(tmp_path, "a.xx", numbered("s", 3)), write(tmp_path, "a.yy", data)
    with pytest.raises(InkError, match=rf"a\.yy is empty \({lines} lines, none with text\)"):
        read_parallel(source, target)


def test_a_missing_side_is_named_with_the_side_that_exists(tmp_path: Path) -> None:
    write(tmp_path, "koran.test.xx", numbered("s", 3))
    with pytest.raises(InkError, match=r"koran\.test\.yy does not exist; its other side .*koran\.test\.xx exists"):
        take_in(tmp_path, ["test"])
    with pytest.raises(InkError, match=r"koran\.dev\.xx does not exist; both sides"):
        take_in(tmp_path, ["dev", "test"])
    assert not (tmp_path / "out" / "koran").exists()


def test_a_failure_leaves_an_earlier_corpus_alone(tmp_path: Path) -> None:
    for side in ("xx", "yy"):
        write(tmp_path, f"koran.test.{side}", numbered(side, 3))
    take_in(tmp_path, ["test"])
    write(tmp_path, "koran.test.yy", numbered("yy", 2))
    with pytest.raises(InkError, match="has 3 lines"):
        take_in(tmp_path, ["test"])
    assert len(read_lines(tmp_path / "out" / "koran" / "test.yy")) == 3


def test_a_domain_without_train_is_scored(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        for side in ("xx", "yy"):
            write(tmp_path, f"koran.{split}.{side}", numbered(side, 3))
    assert take_in(tmp_path, ["dev", "test"])["sentences"] == {"train": 0, "dev": 3, "test": 3}
    assert not list((tmp_path / "out" / "koran").glob("train.*"))


def test_a_domain_with_only_train_is_split(tmp_path: Path) -> None:
    write(tmp_path, "koran.train.xx", numbered("s", 40))
    write(tmp_path, "koran.train.yy", numbered("t", 40))
    counts = take_in(tmp_path, ["train"], dev=7, test=5)
    assert counts["sentences"] == {"train": 28, "dev": 7, "test": 5}
    assert counts["held_out"] == {"seed": 1, "splits": ["dev", "test"], "repeats_left_out": 0}
    output = tmp_path / "out" / "koran"
    mixed = {
        side: [line for split in ("train", "dev", "test") for line in read_lines(output / f"{split}.{side}")]
        for side in ("xx", "yy")
    }
    assert sorted(mixed["xx"]) == sorted(read_lines(tmp_path / "koran.train.xx"))
    assert [line.split()[1] for line in mixed["xx"]] == [line.split()[1] for line in mixed["yy"]]
    dev = read_lines(output / "dev.xx")
    assert dev == sorted(dev, key=lambda line: int(line.split()[1]))
    take_in(tmp_path, ["train"], dev=7, test=5)
    assert read_lines(output / "dev.xx") == dev
    take_in(tmp_path, ["train"], seed=2, dev=7, test=5)
    assert read_lines(output / "dev.xx") != dev


def test_only_the_missing_split_is_split_off(tmp_path: Path) -> None:
    for side in ("xx", "yy"):
        write(tmp_path, f"koran.train.{side}", numbered(side, 20))
        write(tmp_path, f"koran.test.{side}", numbered(f"test {side}", 4))
    assert take_in(tmp_path, ["train", "test"], dev=5, test=5)["sentences"] == {"train": 15, "dev": 5, "test": 4}


def test_the_draw_is_the_same_on_every_platform() -> None:
    # The three smallest of sha256("7\t" + sentence), by a shell's sha256sum.
    pairs = [(str(number), "t") for number in range(10)]
    assert [source for source, _ in hold_out(pairs, {"dev": 3}, 7, Path("a"))["dev"]] == ["0", "4", "9"]


@settings(deadline=None)
@given(
    pairs=st.lists(st.tuples(SENTENCE, SENTENCE), max_size=40),
    dev=st.integers(1, 4),
    test=st.integers(1, 4),
    seed=st.integers(0, 9),
)
def test_no_source_sentence_is_in_train_and_held_out(
    pairs: list[tuple[str, str]], dev: int, test: int, seed: int
) -> None:
    distinct = {source.strip() for source, target in pairs if source.strip() and target.strip()}
    if len(distinct) <= dev + test:
        with pytest.raises(InkError, match=rf"{len(pairs)} lines have {len(distinct)} distinct"):
            hold_out(pairs, {"dev": dev, "test": test}, seed, Path("a.xx"))
        return
    parts = hold_out(pairs, {"dev": dev, "test": test}, seed, Path("a.xx"))
    sources = {split: [source.strip() for source, _ in part] for split, part in parts.items()}
    assert (len(parts["dev"]), len(parts["test"])) == (dev, test)
    assert not set(sources["train"]) & {*sources["dev"], *sources["test"]}
    assert not set(sources["dev"]) & set(sources["test"])
    assert parts["train"] == [pair for pair in pairs if pair[0].strip() in set(sources["train"])]
    assert not Counter([*parts["dev"], *parts["test"], *parts["train"]]) - Counter(pairs)


def test_repeats_of_a_held_out_sentence_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "koran.train.xx", "a\na \nb\n\nb\nc\nc\n")
    write(tmp_path, "koran.train.yy", "1\n2\n3\n4\n5\n6\n7\n")
    counts = take_in(tmp_path, ["train"], dev=1, test=1)
    assert counts["sentences"] == {"train": 3, "dev": 1, "test": 1}
    assert counts["held_out"]["repeats_left_out"] == 2
    held = [read_lines(tmp_path / "out" / "koran" / f"{split}.yy")[0] for split in ("dev", "test")]
    assert set(held) < {"1", "3", "6"}


def test_too_small_a_file_is_named_with_its_counts(tmp_path: Path) -> None:
    write(tmp_path, "koran.train.xx", "a\na\nb\nc\n")
    write(tmp_path, "koran.train.yy", numbered("t", 4))
    message = r"train\.xx is too small to hold out 2 for dev and 1 for test: its 4 lines have 3 distinct .* 4 or more"
    with pytest.raises(InkError, match=message):
        take_in(tmp_path, ["train"], dev=2, test=1)
    with pytest.raises(InkError, match=r"koran\.train\.xx: 0 sentences are to be held out as test"):
        take_in(tmp_path, ["train"], dev=2)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], r"domain koran has neither train nor test \(splits: none\)"),
        (["dev"], r"domain koran has neither train nor test \(splits: dev\)"),
        (["train", "valid"], "domain koran: unknown split valid; allowed are train, dev, test"),
        (["test", "test"], "listed twice"),
    ],
)
def test_splits_that_make_no_sense(tmp_path: Path, splits: list[str], message: str) -> None:
    with pytest.raises(InkError, match=message):
        take_in(tmp_path, splits)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{domain}.{split}.{lang}", "cannot be filled in"),
        ("{domain}.{split}.{language", "cannot be filled in"),
        ("{}.{split}.{language}", "cannot be filled in"),
        ("{domain}.{split}.de", "one file for both sides; write {language}"),
        ("{domain}.{language}", "one file for train, test; write {split}"),
    ],
)
def test_a_path_that_does_not_tell_files_apart(tmp_path: Path, pattern: str, message: str) -> None:
    with pytest.raises(InkError, match=message):
        ingest(OwnFiles(pattern, ["train", "test"]), "koran", LANGUAGES, tmp_path / "out", 1, {"dev": 1})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(pairs=st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1))
def test_any_generated_text_is_written_line_for_line(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    counts = write_corpus(tmp_path / "law", "law", {"test": pairs}, LANGUAGES, "synthetic", {"generator": 3})
    assert counts["sentences"]["test"] == len(pairs) and counts["generator"] == 3 and counts["source"] == "synthetic"
    sides = [read_lines(tmp_path / "law" / f"test.{side}") for side in ("xx", "yy")]
    assert list(zip(*sides, strict=True)) == pairs
