"""Recall and speed of indexes over a datastore's keys, against exact search.

python benchmarks/index_recall.py work/EXPERIMENT/datastores/decoder_output/DOMAIN
python benchmarks/index_recall.py DATASTORE --queries-of OTHER --distinct -k 8 --indexes "IVF4096,PQ64np" --probes 8,32

Queries are entries of the datastore, which are not their own neighbours, or those of another one, such as that of a dev
set. Keys pass through memory a part at a time, whatever their number.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
import faiss
import numpy as np
from faiss.contrib.exhaustive_search import knn_ground_truth
from numpy.typing import NDArray

from ink.datastore.index import set_threads
from ink.datastore.storage import Datastore, open_datastore

AT_ONCE = 65536
SAMPLE = 100_000


@click.command()
@click.argument("datastore", type=click.Path(exists=True, path_type=Path))
@click.option("--queries-of", type=click.Path(exists=True, path_type=Path), help="Another datastore, to draw them of.")
@click.option("--queries", default=600, show_default=True, help="How many are drawn, with seed 0.")
@click.option("--distinct", is_flag=True, help="Of entries with the same key only the first counts.")
@click.option("-k", default=16, show_default=True)
@click.option(
    "--indexes", default="IVF1024,PQ32np;IVF1024,SQ8", show_default=True, help="FAISS factory strings; ';' between."
)
@click.option("--probes", default="4,8,16,32", show_default=True)
def main(
    datastore: Path, queries_of: Path | None, queries: int, distinct: bool, k: int, indexes: str, probes: str
) -> None:
    """Search with keys of entries on one core."""
    set_threads(1)
    store = open_datastore(datastore)
    first = first_of_each_key(store.keys)
    print(f"{len(store.keys)} entries, {len(first)} distinct keys of {store.meta.dimension} numbers", flush=True)
    entries = first if distinct else np.arange(len(store.keys))
    source = store if queries_of is None else open_datastore(queries_of)
    random = np.random.default_rng(0)
    drawn = np.sort(random.choice(len(source.keys), queries, replace=False))
    sample = np.asarray(source.keys[drawn], dtype=np.float32)
    own = drawn if queries_of is None else np.full(queries, -1)
    # one more: the own entry, or else the last, is left out
    _, found = knn_ground_truth(sample, parts(store, entries), k + 1)
    truth = without(entries[found], own, k)
    print(f"exact: same value {same_value(store, truth, source.values[drawn]):.3f}", flush=True)
    sample = np.asarray(store.keys[np.sort(random.choice(entries, min(len(entries), SAMPLE), replace=False))], "f4")
    for factory in indexes.split(";"):
        index = faiss.index_factory(store.meta.dimension, factory)
        index.train(sample)
        for part in parts(store, entries):
            index.add(part)
        for count in map(int, probes.split(",")):
            index.nprobe = count
            start = time.process_time()
            _, found = index.search(sample, k + 1)
            microseconds = (time.process_time() - start) / queries * 1e6
            rows = without(np.where(found < 0, -2, entries[found]), own, k)
            recall = np.mean([len(np.intersect1d(row, best)) / k for row, best in zip(rows, truth, strict=True)])
            value = same_value(store, rows, source.values[drawn])
            print(
                f"{factory}, {count} probes: recall@{k} {recall:.3f}, same value {value:.3f}, {microseconds:.0f} us",
                flush=True,
            )


def first_of_each_key(keys: NDArray[np.float16]) -> NDArray[np.int64]:
    """Return the first entry of each distinct key, ascending, told apart by hashes of 64 bits."""
    odd = np.random.default_rng(0).integers(2**63, size=keys.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = [
        (np.asarray(keys[start : start + AT_ONCE]).view(np.uint16) * odd).sum(axis=1, dtype=np.uint64)
        for start in range(0, len(keys), AT_ONCE)
    ]
    return np.sort(np.unique(np.concatenate(hashes), return_index=True)[1])


def parts(store: Datastore, entries: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """Yield the keys of `entries` in fp32, AT_ONCE at a time."""
    keys = store.keys
    for start in range(0, len(entries), AT_ONCE):
        yield np.asarray(keys[entries[start : start + AT_ONCE]], dtype=np.float32)


def without(found: NDArray[np.int64], own: NDArray[np.int64], k: int) -> list[NDArray[np.int64]]:
    """Return the k nearest entries of each query but its own."""
    return [row[row != entry][:k] for row, entry in zip(found, own, strict=True)]


def same_value(store: Datastore, rows: list[NDArray[np.int64]], values: NDArray[np.int32]) -> float:
    """Return the share of neighbours that have the query's value."""
    return float(
        np.mean([np.mean(store.values[row[row >= 0]] == value) for row, value in zip(rows, values, strict=True)])
    )


if __name__ == "__main__":
    main()
