"""What is answered to what is sent: as many texts in their order, as `ink translate` gives them, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ink.serving.answers import Refused, answers
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import Hypothesis


class Shouting:
    """A translator that writes text in capitals, and remembers which lines it was given together."""

    def __init__(self, batch_lines: int) -> None:
        self.batch_lines = batch_lines
        self.batches: list[list[int]] = []

    def translate(self, lines: Sequence[Line]) -> list[list[Hypothesis]]:
        self.batches.append([line.number for line in lines])
        return [[Hypothesis(str(line.text).upper(), 0.0)] for line in lines]


@pytest.fixture
def translator() -> Any:
    return Shouting(2)


def test_every_text_has_its_answer_and_lines_go_together_as_they_come(translator: Any) -> None:
    assert answers(translator, ["eins", "zwei\ndrei", "", "vier\r\n"]) == ["EINS", "ZWEI\nDREI", "", "VIER\n"]
    assert translator.batches == [[1, 2], [3, 4], [5, 6]]
    assert answers(translator, []) == []


def test_a_mark_before_the_first_text_is_no_text(translator: Any) -> None:
    assert answers(translator, ["\ufeffgut"]) == ["GUT"]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("gut", "inputs is of the kind str, where a list of texts is needed"),
        (None, "inputs is null, where a list of texts is needed"),
        ({"text": ["gut"]}, "inputs is of the kind dict, where a list of texts is needed"),
        (["gut", 3], "inputs[1] is of the kind int, where a text is needed"),
        (["gut", None], "inputs[1] is null, where a text is needed"),
        ([["gut"]], "inputs[0] is of the kind list, where a text is needed"),
        (["gut", "g\0u\0t\0"], "inputs[1] is not UTF-8 text (a NUL at byte 1, as UTF-16 has them)"),
        (["gu\ud800t"], "inputs[0] is no text: half a character (surrogates not allowed) at 2"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_in_one_line_and_nothing_is_translated(
    translator: Any, sent: object, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        answers(translator, sent)
    assert str(refused.value) == message
    assert translator.batches == []
