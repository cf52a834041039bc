"""Every error has a code, every code is explained, and no code is explained that no error has."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from docs.prose import sentences
from error_sites import given_codes, sites

from ink.cli import ink as ink_command
from ink.runtime.errors import InkError
from ink.runtime.known_errors import known_error, known_errors

LONGEST = 35  # words of a sentence


def test_every_error_has_a_code() -> None:
    assert len(sites()) > 300
    assert [site.place for site in sites() if not site.has_code] == []


def test_the_codes_of_errors_are_those_that_are_explained() -> None:
    assert given_codes() == known_errors().keys()


def test_a_code_is_a_topic_and_a_kind() -> None:
    assert [code for code in known_errors() if not re.fullmatch(r"[a-z]+/[a-z0-9]+(-[a-z0-9]+)*", code)] == []
    assert [*known_errors()] == sorted(known_errors())


def test_explanations_are_short_sentences() -> None:
    for each in known_errors().values():
        for words in (each.what, each.why, each.what_to_do):
            assert words.endswith(".") and "\n" not in words, each.code
            assert [one.text for one in sentences(each.code, words) if one.words > LONGEST] == []


def test_a_message_is_shown_with_its_code_at_the_end_of_its_first_line() -> None:
    error = InkError("2 problems", "first", "second", code="config/wrong-setting")
    assert error.with_code() == "2 problems [config/wrong-setting]\n  first\n  second"
    assert str(error) == "2 problems\n  first\n  second"


def test_an_error_of_a_module_outside_has_a_code_too() -> None:
    assert InkError("too bad").code in known_errors()


def test_the_command_explains_a_code_and_lists_all_of_them() -> None:
    shown = explain("[adapter/missing]")
    each = known_errors()["adapter/missing"]
    assert shown.startswith("adapter/missing\n") and all(words in shown for words in (each.what, each.why))
    assert explain().splitlines()[0].split() == ["adapter/damaged", *known_errors()["adapter/damaged"].what.split()]
    assert len(explain().splitlines()) == len(known_errors())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("config/wrong-seting", "did you mean config/wrong-setting"),
        ("no-gpu", "did you mean device/no-gpu?"),
        ("combiner", "combiner/damaged or combiner/keys-missing"),
        ("E0308", "`ink explain-error` lists them"),
    ],
)
def test_an_unknown_code_is_told_with_those_like_it(code: str, message: str) -> None:
    with pytest.raises(InkError, match=re.escape(message)) as refused:
        known_error(code)
    assert refused.value.code == "config/unknown-name"


def explain(*arguments: str) -> str:
    ended = CliRunner().invoke(ink_command, ["explain-error", *arguments], catch_exceptions=False)
    assert ended.exit_code == 0
    return ended.output
