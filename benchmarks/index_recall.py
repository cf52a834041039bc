"""Recall and speed of indexes over a datastore's keys, against exact search.

python benchmarks/index_recall.py work/EXPERIMENT/datastores/decoder_output/DOMAIN
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import faiss
import numpy as np

from ink.datastore.storage import open_datastore

K = 16


@click.command()
@click.argument("datastore", type=click.Path(path_type=Path))
@click.option("--queries", default=600, show_default=True, help="Entries drawn as queries, with seed 0.")
@click.option(
    "--indexes", default="IVF1024,PQ32np;IVF1024,SQ8", show_default=True, help="FAISS factory strings; ';' between."
)
@click.option("--probes", default="4,8,16,32", show_default=True)
def main(datastore: Path, queries: int, indexes: str, probes: str) -> None:
    """Search entries' own keys on one core; the entry itself does not count as its neighbour."""
    faiss.omp_set_num_threads(1)
    store = open_datastore(datastore)
    keys = np.asarray(store.keys, dtype=np.float32)
    random = np.random.default_rng(0)
    own = np.sort(random.choice(len(keys), queries, replace=False))
    sample = keys[random.choice(len(keys), min(len(keys), 100_000), replace=False)]
    exact = faiss.IndexFlatL2(keys.shape[1])
    exact.add(keys)
    truth = [others(row, entry) for row, entry in zip(exact.search(keys[own], K + 1)[1], own, strict=True)]
    print(f"exact: same value {same_value(store.values, truth, own):.3f}")
    for factory in indexes.split(";"):
        index = faiss.index_factory(keys.shape[1], factory)
        index.train(sample)
        index.add(keys)
        for count in map(int, probes.split(",")):
            index.nprobe = count
            start = time.process_time()
            found = index.search(keys[own], K + 1)[1]
            microseconds = (time.process_time() - start) / queries * 1e6
            rows = [others(row, entry) for row, entry in zip(found, own, strict=True)]
            recall = np.mean([len(set(row) & set(best)) / K for row, best in zip(rows, truth, strict=True)])
            value = same_value(store.values, rows, own)
            print(f"{factory}, {count} probes: recall@{K} {recall:.3f}, same value {value:.3f}, {microseconds:.0f} us")


def others(found: np.ndarray, entry: int) -> list[int]:
    """Return the K nearest entries but the query's own."""
    return [number for number in found.tolist() if number != entry][:K]


def same_value(values: np.ndarray, rows: list[list[int]], own: np.ndarray) -> float:
    """Return the share of neighbours that have the query's value."""
    return float(np.mean([np.mean(values[row] == values[entry]) for row, entry in zip(rows, own, strict=True)]))


if __name__ == "__main__":
    main()
