"""How many sentence pairs binarised text holds, against how many it has to hold."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping
from pathlib import Path

from ink.corpus.indexed_tokens import FAIRSEQ_NAMES, INDEX_HEADER, MAGIC, binarised_file
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
        raise InkError(f"{place} has not the sentence pairs that it should have ({'; '.join(wrong)})")


def count_binarised(folder: Path, source_language: str, target_language: str) -> dict[str, int]:
    """Return split -> sentence pairs of the text that fairseq binarised in `folder`; absent splits are left out.

    InkError where a file is not fairseq's, or the two sides are not equally long.
    """
    counts = {}
    for split in FAIRSEQ_NAMES:
        sides = {
            side: folder / binarised_file(split, source_language, target_language, side, "idx")
            for side in (source_language, target_language)
        }
        if not any(index.exists() for index in sides.values()):
            continue
        numbers = {side: _sentences(index) for side, index in sides.items()}
        if len(set(numbers.values())) != 1:
            said = " and ".join(f"{sides[side]} has {number:,}" for side, number in numbers.items())
            raise InkError(f"{said} sentences: the two sides do not belong together")
        counts[split] = numbers[source_language]
    return counts


def paper_counts(domains: tuple[str, ...], folder: Path = PAPER) -> dict[str, dict[str, int]]:
    """Return domain -> split -> sentence pairs, as the paper's Table 1 has them; `folder` holds table1.csv."""
    path = folder / "table1.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["domain"].lower(): row for row in csv.DictReader(file)}
    except FileNotFoundError:
        raise InkError(f"{path}, the paper's own numbers, is missing; git checkout {shlex.quote(str(path))}") from None
    return {domain: {split: int(rows[domain][split]) for split in FAIRSEQ_NAMES} for domain in domains}


def _sentences(index: Path) -> int:
    try:
        with index.open("rb") as file:
            header = file.read(INDEX_HEADER.size)
    except OSError as error:
        raise InkError(f"{index} cannot be read ({error.strerror})") from None
    if not header.startswith(MAGIC) or len(header) < INDEX_HEADER.size:
        raise InkError(f"{index} is not an index as fairseq-preprocess writes it (--dataset-impl mmap)")
    *_, sentences = INDEX_HEADER.unpack(header)
    return int(sentences)


def _shown(number: int | None) -> str:
    return "none" if number is None else f"{number:,}"
