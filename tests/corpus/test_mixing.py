"""Text put together from several sources: how much is drawn of each, and which."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.config.languages import LanguagePair
from ink.corpus.own_text import OwnFiles, draw, drawn_count, ingest
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines

PAIRS = [(f"s {number}", f"t {number}") for number in range(10)]


@pytest.mark.parametrize(
    ("source", "pairs", "expected"),
    [
        ({"weight": 1}, 7, 7),
        ({"weight": 0.5}, 9001, 4500),
        ({"weight": 2.5}, 4, 10),
        ({"weight": 0.01}, 10, 0),
        ({"sentences": 40000}, 99001, 40000),
        ({"sentences": 9}, 4, 9),
    ],
)
def test_how_many_are_drawn(source: dict[str, Any], pairs: int, expected: int) -> None:
    assert drawn_count(source, pairs) == expected


def test_the_draw_is_the_same_on_every_platform_and_in_any_order() -> None:
    # The three smallest of sha256("7\ts N\tt N"), by a shell's sha256sum.
    assert [source for source, _ in draw(PAIRS, 3, 7)] == ["s 1", "s 5", "s 7"]
    assert set(draw(PAIRS[::-1], 3, 7)) == set(draw(PAIRS, 3, 7))
    assert set(draw(PAIRS, 3, 8)) != set(draw(PAIRS, 3, 7))


@given(
    pairs=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=20),
    few=st.integers(0, 50),
    more=st.integers(0, 50),
)
def test_every_pair_as_often_as_it_fits_and_a_smaller_draw_within_a_larger(
    pairs: list[tuple[str, str]], few: int, more: int
) -> None:
    drawn = draw(pairs, few, 1)
    assert len(drawn) == few
    counts, whole = Counter(drawn), Counter(pairs)
    assert all(few // len(pairs) * whole[pair] <= counts[pair] for pair in pairs)
    assert not counts - Counter({pair: (few // len(pairs) + 1) * count for pair, count in whole.items()})
    if few <= more:
        assert not counts - Counter(draw(pairs, more, 1))


def write(folder: Path, name: str, prefix: str, count: int) -> None:
    for language in ("xx", "yy"):
        (folder / f"{name}.{language}").write_text("".join(f"{prefix} {language} {n}\n" for n in range(count)))


def take_in(folder: Path, splits: list[str], *sources: dict[str, Any], **held_out: int) -> dict[str, Any]:
    pattern = f"{folder}/{{domain}}.{{split}}.{{language}}"
    named = [{**one, "pattern": f"{folder}/{one['pattern']}"} for one in sources]
    return ingest(OwnFiles(pattern, splits, named), "general", LanguagePair("xx", "yy"), folder / "out", 1, held_out)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    write(tmp_path, "software.train", "program", 30)
    write(tmp_path, "everyday", "weather", 20)
    write(tmp_path, "general.dev", "dev", 4)
    write(tmp_path, "general.test", "test", 5)
    return tmp_path


SOFTWARE = {"pattern": "software.{split}.{language}", "weight": 1}


def test_train_is_of_the_sources_and_dev_and_test_of_the_pattern(sources: Path) -> None:
    everyday = {"pattern": "everyday.{language}", "weight": 0.5}
    counts = take_in(sources, ["train", "dev", "test"], SOFTWARE, everyday)
    assert counts["sentences"] == {"train": 40, "dev": 4, "test": 5}
    assert counts["train_from"] == [
        {"files": "software.{split}.{language}", "pairs": 30, "drawn": 30},
        {"files": "everyday.{language}", "pairs": 20, "drawn": 10},
    ]
    assert read_json(sources / "out" / "corpus.json") == counts
    train = {side: read_lines(sources / "out" / f"train.{side}") for side in ("xx", "yy")}
    assert train["xx"][:30] == read_lines(sources / "software.train.xx")
    assert [line.replace("xx", "yy") for line in train["xx"]] == train["yy"]
    assert len({line for line in train["xx"] if line.startswith("weather")}) == 10
    assert read_lines(sources / "out" / "dev.xx") == read_lines(sources / "general.dev.xx")


def test_a_weight_above_one_repeats_and_sentences_count(sources: Path) -> None:
    twice = {"pattern": "software.{split}.{language}", "weight": 2}
    counts = take_in(sources, ["train", "dev", "test"], twice, {"pattern": "everyday.{language}", "sentences": 3})
    assert [one["drawn"] for one in counts["train_from"]] == [60, 3]
    assert counts["sentences"]["train"] == 63


def test_what_is_held_out_of_sources_leaves_train_with_its_repeats(sources: Path) -> None:
    twice = {"pattern": "software.{split}.{language}", "weight": 2}
    counts = take_in(sources, ["train"], twice, {"pattern": "everyday.{language}", "weight": 0.5}, dev=6, test=4)
    held = {line for split in ("dev", "test") for line in read_lines(sources / "out" / f"{split}.xx")}
    train = read_lines(sources / "out" / "train.xx")
    assert len(held) == 10 and not held & set(train)
    of_software = sum(line.startswith("program") for line in held)
    assert counts["sentences"] == {"train": 70 - 10 - of_software, "dev": 6, "test": 4}
    assert counts["held_out"]["repeats_left_out"] == of_software


def test_a_source_that_is_not_there_or_of_which_nothing_is_drawn_is_named(sources: Path) -> None:
    with pytest.raises(InkError, match=r"elsewhere\.xx does not exist; both sides"):
        take_in(sources, ["train", "dev", "test"], SOFTWARE, {"pattern": "elsewhere.{language}", "weight": 1})
    with pytest.raises(InkError, match=r"everyday\.xx: none of its 20 pairs is drawn by weight 0\.01; raise it"):
        take_in(sources, ["train", "dev", "test"], SOFTWARE, {"pattern": "everyday.{language}", "weight": 0.01})
    assert not (sources / "out").exists()
