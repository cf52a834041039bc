"""Lines that are nearly the same: how much of a test set is, but for a word or a number, in the training text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

SHARED = 0.7  # of the trigrams that two lines have together, from which on they are near-duplicates


def near_duplicates(lines: Iterable[str], among: Sequence[str]) -> list[bool]:
    """Tell of each line whether it is a near-duplicate of one `among` others.

    The measure is Jaccard's: of the trigrams of letters that either line has, the share that both have, case and
    punctuation aside and all digits alike.
    """
    shingled = [_trigrams(line) for line in among]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, trigrams in enumerate(shingled):
        for trigram in trigrams:
            holders[trigram].append(number)
    arrays = {trigram: np.array(numbers, dtype=np.int64) for trigram, numbers in holders.items()}
    sizes = np.array([len(trigrams) for trigrams in shingled], dtype=np.int64)
    return [_highest_share(_trigrams(line), arrays, sizes) >= SHARED for line in lines]


def _highest_share(trigrams: set[str], holders: dict[str, NDArray[np.int64]], sizes: NDArray[np.int64]) -> float:
    found = [holders[trigram] for trigram in trigrams if trigram in holders]
    if not found:
        return 0.0
    shared = np.bincount(np.concatenate(found), minlength=len(sizes))
    return float((shared / (sizes + len(trigrams) - shared)).max())


def _trigrams(line: str) -> set[str]:
    """Return the trigrams of a line's words, with a space before, between and after them; a text of signs is one."""
    words = " ".join(re.findall(r"\w+", re.sub(r"\d", "0", line.casefold())))
    padded = f" {words} " if words else f" {line.strip()} "
    return {padded[place : place + 3] for place in range(max(1, len(padded) - 2))}
