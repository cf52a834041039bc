"""A message is for a reader: it stays the line that it is, whatever it quotes."""

from __future__ import annotations

import pickle

import pytest

from ink.runtime.errors import LONGEST, InkError


@pytest.mark.failure(
    "Config",
    "a name, path or value that would command the terminal, break the line or turn the writing around",
    "a message shows such characters in place of obeying them, and cuts what is longer than 1,000 in the middle",
)
@pytest.mark.parametrize(
    ("quoted", "shown"),
    [("\x1b[2J", "␛[2J"), ("a\rb", "a␍b"), ("\u202egnp.exe", "\ufffdgnp.exe"), ("a\u2028b", "a b"), ("a\nb", "a b")],
)
def test_what_is_quoted_is_shown_and_not_obeyed(quoted: str, shown: str) -> None:
    assert str(InkError(f"{quoted} does not exist")) == f"{shown} does not exist"


def test_a_long_line_is_cut_in_the_middle_and_keeps_what_to_do() -> None:
    message = str(InkError(f"{'a' * 50_000} is no language code; write de"))
    assert len(message) == LONGEST
    assert message.startswith("aaa") and " ... " in message and message.endswith(" is no language code; write de")


def test_letters_of_all_writings_stay() -> None:
    message = "müller/données/中文/नमस्ते/👩\u200d👧 does not exist"
    assert str(InkError(message)) == message


def test_several_problems_are_a_line_each() -> None:
    assert str(InkError("2 problems", "first\nof all", "second")) == "2 problems\n  first of all\n  second"


def test_an_error_comes_back_from_another_process_as_it_went() -> None:
    error = pickle.loads(pickle.dumps(InkError("a\x07b; do this", "and this")))
    assert type(error) is InkError and str(error) == "a␇b; do this\n  and this"
