"""How many sentence pairs binarised text holds, against how many it has to hold."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping
from pathlib import Path

from ink.config.languages import LanguagePair
from ink.corpus.indexed_tokens import FAIRSEQ_NAMES, binarised_file, read_header
from ink.runtime.errors import InkError
from ink.systems.layout import PAPER

Counts = Mapping[str, Mapping[str, int]]


def check_sentence_counts(place: Path | str, found: Counts, expected: Counts) -> None:
    """Raise InkError where a domain's split has not the number of sentence pairs that it should have.

    found and expected: domain -> split -> sentence pairs; `place` is where the text is. The message names every domain
    and split that differs, with both numbers.
    """
    wrong = [
        f"{domain} {split}: expected {_shown(number)}, found {_shown(found.get(domain, {}).get(split))}"
        for domain, splits in expected.items()
        for split, number in splits.items()
        if found.get(domain, {}).get(split) != number
    ]
    if wrong:
        raise InkError(
            f"{place} does not have the expected numbers of sentence pairs ({'; '.join(wrong)})",
            code="text/wrong-count",
        )


def count_binarised(folder: Path, languages: LanguagePair) -> dict[str, int]:
    """Return split -> sentence pairs of the text that fairseq binarised in `folder`; absent splits are left out.

    InkError where a file is not fairseq's, or the two sides are not equally long.
    """
    counts = {}
    for split in FAIRSEQ_NAMES:
        indexes = [folder / binarised_file(split, languages, side, "idx") for side in languages]
        if not any(index.exists() for index in indexes):
            continue
        numbers = {index: _sentences(index) for index in indexes}
        if len(set(numbers.values())) != 1:
            both = " and ".join(f"{index} has {number:,}" for index, number in numbers.items())
            raise InkError(
                f"{both} sentences, but both sides should have as many; binarise them again", code="text/sides-differ"
            )
        counts[split] = numbers[indexes[0]]
    return counts


def paper_counts(domains: tuple[str, ...], folder: Path = PAPER) -> dict[str, dict[str, int]]:
    """Return domain -> split -> sentence pairs, as the paper's Table 1 has them; `folder` holds table1.csv."""
    path = folder / "table1.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["domain"].lower(): row for row in csv.DictReader(file)}
    except FileNotFoundError:
        raise InkError(
            f"{path}, the paper's own numbers, is missing; git checkout {shlex.quote(str(path))}",
            code="project/incomplete",
        ) from None
    return {domain: {split: int(rows[domain][split]) for split in FAIRSEQ_NAMES} for domain in domains}


def _sentences(index: Path) -> int:
    try:
        return read_header(index)[1]
    except OSError as error:
        raise InkError(f"{index} cannot be read ({error.strerror})", code="text/binarised-damaged") from None
    except ValueError:
        raise InkError(
            f"{index} is not an index as fairseq-preprocess writes it (--dataset-impl mmap)",
            code="text/binarised-damaged",
        ) from None


def _shown(number: int | None) -> str:
    return "none" if number is None else f"{number:,}"
