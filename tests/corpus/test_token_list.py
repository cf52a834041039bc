"""Lists of tokens in the numbers of another toolkit's model: encoding, reading back, and files that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ink.corpus.numbering import copy_numbering, numbering_file, read_numbering
from ink.corpus.token_list import TokenList
from ink.runtime.errors import InkError

TOKENS = TokenList(
    symbols=["</s>", "<unk>", "▁the", "▁li", "ne", "__xx__", "<pad>"],
    unknown_number=1,
    padding=6,
    end=0,
    special=2,
    before=[5],
    after=[0],
    start=[],
)


def test_a_line_is_encoded_with_what_stands_around_it_and_read_back() -> None:
    numbers = TOKENS.encode("▁the ▁li ne ▁gone")
    assert numbers.tolist() == [5, 2, 3, 4, 1, 0]
    assert TOKENS.text(numbers.tolist()) == "▁the ▁li ne <unk>"
    assert TOKENS.text([2, 0, 6, 6]) == "▁the"
    assert TOKENS.unknown("▁the ▁gone <unk>") == 2
    assert TOKENS.encode("").tolist() == [5, 0]
    assert (len(TOKENS), TOKENS.added) == (7, 2)


def test_a_list_is_taken_before_a_dictionary_and_copied(tmp_path: Path) -> None:
    (tmp_path / "dict.xx.txt").write_text("a 1\n", encoding="utf-8")
    assert read_numbering(tmp_path, "xx").symbols == ["<s>", "<pad>", "</s>", "<unk>", "a"]
    assert read_numbering(tmp_path, "xx").added == 1
    TOKENS.write(tmp_path / "tokens.xx.json")
    assert read_numbering(tmp_path, "xx") == TOKENS
    (tmp_path / "data").mkdir()
    copy_numbering(tmp_path, tmp_path / "data", "xx")
    assert read_numbering(tmp_path / "data", "xx") == TOKENS
    assert numbering_file(tmp_path / "data", "xx").name == "tokens.xx.json"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"end": 7}, "a number is not one of a token"),
        ({"before": ["5"]}, "a number is not one of a token"),
        ({"after": 0}, "after is no list"),
        ({"symbols": "abc"}, "symbols is no list of text"),
        ({"symbols": ["a", "b", "c", "d", "e", "f", "a"]}, "a token is there twice"),
        ({"symbols": ["a", "b c", "d", "e", "f", "g", "h"]}, "a token is there twice, or is empty, or has a space"),
        ({"special": 9}, "special is no number of tokens"),
    ],
)
def test_a_file_that_is_no_such_list(tmp_path: Path, changes: dict[str, object], problem: str) -> None:
    replace(TOKENS, **changes).write(tmp_path / "tokens.xx.json")  # type: ignore[arg-type]
    with pytest.raises(InkError, match=problem):
        TokenList.read(tmp_path / "tokens.xx.json")
    (tmp_path / "tokens.xx.json").write_text('{"symbols": []}', encoding="utf-8")
    with pytest.raises(InkError, match=r"tokens\.xx\.json"):
        TokenList.read(tmp_path / "tokens.xx.json")
