"""Every command that a page shows is one: those of `ink` have their options, and `snakemake` takes words as meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from docs.prose import REPOSITORY

from ink.cli import ink

TAKE_EVERY_WORD = ("--config", "--configfile")  # of snakemake: a target behind them would be one of theirs
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command in a page's code blocks, and in code within a line."""
    lines, language = [], None
    for line in page.read_text(encoding="utf-8").splitlines():
        if fence := re.fullmatch(r" *```(\w*)", line):
            language = fence[1] if language is None else None
        elif language is None:
            lines += re.findall(r"`((?:ink|snakemake) [^`]+)`", line)
        elif language in ("", "bash", "text"):
            lines.append(line)
    for line in lines:
        for part in re.split(r" (?:&&|\|) ", line.strip().removeprefix("$ ")):
            if re.match(r"(?:[A-Z_]+=\S+ )*(?:ink|snakemake) ", part) and not re.search(r"\.\.\.|ink COMMAND", part):
                words = shlex.split(part, comments=True)
                while "=" in words[0]:
                    del words[0]
                yield words[: words.index("<")] if "<" in words else words


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_command_of_a_page_is_one(page: Path) -> None:
    for program, *words in commands(page):
        if program == "snakemake":
            assert_targets_are_targets(words)
        else:
            assert_options_exist(words)


def assert_targets_are_targets(words: list[str]) -> None:
    taken_by, given = "", 0
    for word in words:
        if word.startswith("-"):
            taken_by, given = word, 0
        else:
            given += 1
            if taken_by == "--configfile":
                assert given == 1 or word.endswith(".yaml"), (word, words)
            elif taken_by == "--config":
                assert "=" in word, (word, words)


def assert_options_exist(words: list[str]) -> None:
    context = click.Context(ink)
    command: click.Command = ink
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(context, word)
            assert found is not None, words
            command = found
    known = {option for parameter in command.get_params(context) for option in parameter.opts}
    assert [word for word in words if re.match(r"--[a-z]", word) and word.partition("=")[0] not in known] == [], words


def test_a_wrong_command_is_seen() -> None:
    assert_targets_are_targets(["table2", "--cores", "all", "--configfile", "x.yaml", "--config", "a=1", "b=2"])
    for wrong in (["--configfile", "x.yaml", "table2"], ["--config", "a=1", "table2"]):
        with pytest.raises(AssertionError):
            assert_targets_are_targets(wrong)
    assert_options_exist(["config", "show", "--json", "x.yaml"])
    for wrong in (["translat", "--demo", "koran"], ["translate", "--dmo", "koran"]):
        with pytest.raises(AssertionError):
            assert_options_exist(wrong)


def test_commands_are_found() -> None:
    found = [" ".join(words[:2]) for page in PAGES for words in commands(page)]
    assert found.count("ink translate") > 5
    assert found.count("snakemake --cores") > 10
