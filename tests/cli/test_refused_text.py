"""Text and vocabularies that do not belong, are damaged or missing: refused in one line, nothing overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

Damage = Callable[[Any], object]
Refused = Callable[[Damage, str, tuple[str, ...], str], None]


def swap_tokens(experiment: Any, place: str) -> None:
    """Make another dictionary of the same size."""
    for language in ("xx", "yy"):
        path = experiment.path(f"{place}/dict.{language}.txt")
        first, second, *rest = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([second, first, *rest, ""]), encoding="utf-8")


def lose_line(experiment: Any) -> None:
    path = experiment.path("corpus/train.yy")
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


def spoil_line(experiment: Any) -> None:
    path = experiment.path("corpus/dev.xx")
    path.write_bytes(b"\xff\n" + path.read_bytes().partition(b"\n")[2])


def another_language(experiment: Any) -> None:
    for split in ("train", "dev", "test"):
        path = experiment.path(f"corpus/{split}.xx")
        lines = path.read_text(encoding="utf-8").count("\n")
        path.write_text("Ωξ Ψχ Σφ Δλ\n" * lines, encoding="utf-8")


# what is handed in: the outcome in docs/failures.md, the damage, the command, and what it says
CASES: dict[str, tuple[str, Damage, str, tuple[str, ...], str]] = {
    "no vocabulary folder": (
        "`vocabulary/dict.xx.txt does not exist [file/missing]`",
        lambda e: shutil.rmtree(e.path("vocabulary")),
        "adapt",
        (),
        "vocabulary/dict.xx.txt does not exist",
    ),
    "text binarised with another dictionary of the same size": (
        "`data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in "
        "vocabulary; ... [vocabulary/other-dictionary]`",
        lambda e: swap_tokens(e, "data"),
        "build",
        (),
        "data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in vocabulary",
    ),
    "a model used with another dictionary of the same size": (
        "`data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in "
        "vocabulary; ... [vocabulary/other-dictionary]`",
        lambda e: swap_tokens(e, "vocabulary"),
        "adapt",
        (),
        "data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in vocabulary",
    ),
    "binarised text cut short": (
        "`data/train.xx-yy.yy.bin has 744 of 1240 bytes; prepare the text again [text/binarised-damaged]`",
        lambda e: e.cut("data/train.xx-yy.yy.bin"),
        "adapt",
        (),
        "data/train.xx-yy.yy.bin has ",
    ),
    "no binarised text": (
        "`data/dict.xx.txt does not exist [file/missing]`",
        lambda e: shutil.rmtree(e.path("data")),
        "adapt",
        (),
        "data/dict.xx.txt does not exist",
    ),
    "a prepared corpus whose sides differ in length": (
        "`corpus/train.xx has 60 lines and corpus/train.yy has 59; delete the folder and write the corpus again "
        "[text/sides-differ]`",
        lose_line,
        "prepare",
        (),
        "corpus/train.xx has 60 lines and corpus/train.yy has 59",
    ),
    "text that is not UTF-8": (
        "`corpus/dev.xx, line 1: not valid UTF-8 (invalid start byte at byte 0); convert the file to UTF-8 or ... "
        "[text/not-utf-8]`",
        spoil_line,
        "prepare",
        (),
        "corpus/dev.xx, line 1: not valid UTF-8",
    ),
    "text in another language than the dictionary": (
        "`corpus: 87% of the xx text's tokens are not in vocabulary/dict.xx.txt; the text is in another "
        "language, or ... [vocabulary/unknown-tokens]`",
        another_language,
        "prepare",
        (),
        "of the xx text's tokens are not in vocabulary/dict.xx.txt",
    ),
    "a corpus.json without its domain": (
        "`corpus/corpus.json: domain is missing; delete the file and run the workflow again [file/damaged]`",
        lambda e: e.lose("corpus/corpus.json", "domain"),
        "prepare",
        (),
        "corpus/corpus.json: domain is missing",
    ),
    "BPE codes that do not parse": (
        "file and line are named [vocabulary/not-bpe-codes]",
        lambda e: e.path("vocabulary/bpecodes").write_text("#version: 0.2\na b c d e\n", encoding="utf-8"),
        "prepare",
        (),
        "vocabulary/bpecodes, line 2",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(given, marks=pytest.mark.failure("Text and vocabulary", given, outcome))
        for given, (outcome, *_) in CASES.items()
    ],
)
def test_it_is_refused_in_one_line_and_nothing_is_overwritten(case: str, refused: Refused) -> None:
    refused(*CASES[case][1:])
