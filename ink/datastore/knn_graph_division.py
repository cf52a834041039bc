"""Into how many lists and blocks the search for the neighbours of all entries divides them."""

from __future__ import annotations

import math

# Nearly every list is probed by a block of queries, so that each block reads the whole key file.
QUERIES_AT_ONCE, MOST_QUERIES_AT_ONCE, PASSES = 65536, 2**20, 32
ENTRIES_A_LIST = 512
# benchmarks/ink_round.py: nine tenths of the 16 nearest of 590,402 entries are in so many lists
PROBES = 8
SAMPLED_A_LIST, ITERATIONS = 64, 10
MOST_SAMPLED = 2**19  # 2 GB of keys of 1024 numbers


def lists_of(entries: int) -> int:
    """Return into how many lists so many entries are divided.

    A list has ENTRIES_A_LIST entries on average, and more from 8 * 512**2 = 2,097,152 entries on. There, finding the
    nearest lists (entries * lists) would cost more than the search in them (entries * PROBES * entries / lists). With
    the number of lists that makes both equal, the work grows with entries**1.5 and not with their square.
    """
    return max(1, min(entries // ENTRIES_A_LIST, math.isqrt(PROBES * entries)))


def sampled_of(entries: int) -> int:
    """Return how many of so many entries k-means looks at."""
    return min(entries, lists_of(entries) * SAMPLED_A_LIST, MOST_SAMPLED)


def queries_at_once(entries: int) -> int:
    """Return of how many entries neighbours are found together: so many that the key file is read PASSES times.

    Fewer are not worth it below QUERIES_AT_ONCE, and more do not fit into memory above MOST_QUERIES_AT_ONCE.
    """
    return min(max(QUERIES_AT_ONCE, -(-entries // PASSES)), MOST_QUERIES_AT_ONCE)
