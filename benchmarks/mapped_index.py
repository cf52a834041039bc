"""An index read into memory against one searched through a map of its file: memory, CPU time, results.

python benchmarks/mapped_index.py work/EXPERIMENT/datastores/decoder_output/DOMAIN --probes 8

Ways: read into memory; FAISS's lists on disk (IO_FLAG_MMAP); arrays that point into a map (IO_FLAG_MMAP_IFC), which is
what is used. Memory is that which opening adds in a process of its own; times are those of one core, the ways by turns.
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import click
import faiss
import numpy as np
from neighbour_memory import MB, anonymous
from numpy.typing import NDArray

from ink.datastore.index import set_threads
from ink.datastore.storage import Datastore, open_datastore

WAYS = {"read": 0, "lists on disk": faiss.IO_FLAG_MMAP, "mapped": faiss.IO_FLAG_MMAP_IFC}


@click.command()
@click.argument("datastore", type=click.Path(exists=True, path_type=Path))
@click.option("--probes", default=8, show_default=True)
@click.option("--queries", default=2000, show_default=True, help="Entries drawn as queries, with seed 0.")
@click.option("-k", default=16, show_default=True)
@click.option("--repeats", default=5, show_default=True)
def main(datastore: Path, probes: int, queries: int, k: int, repeats: int) -> None:
    """Open and search in each way."""
    set_threads(1)
    store = open_datastore(datastore)
    print(f"{store.meta.entries} entries, index of {store.index_path.stat().st_size / MB:.0f} MB")
    sample = drawn(store, queries)
    indexes, times, expected = {}, {}, None
    for way in WAYS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            held = pool.apply(memory, (store.index_path, way))
        print(f"{way}: {held / MB:.0f} MB anonymous")
        indexes[way], times[way] = opened(store.index_path, way), []
        indexes[way].nprobe = probes
        found = indexes[way].search(sample, k)
        expected = expected or found
        same = all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
        print(f"{way}: distances and ids are {'the same' if same else 'OTHERS'}", flush=True)
    for _ in range(repeats):
        for way, index in indexes.items():
            start = time.process_time()
            index.search(sample, k)
            times[way].append(1e6 * (time.process_time() - start) / queries)
    for way, found in times.items():
        print(f"{way}: {np.mean(found):.0f} us a query ({min(found):.0f}-{max(found):.0f})")


def opened(path: Path, way: str) -> Any:
    """Open an index in one of the ways."""
    return faiss.read_index(str(path), WAYS[way])


def memory(path: Path, way: str) -> int:
    """Return the anonymous memory that an index takes."""
    before = anonymous()
    index = opened(path, way)
    after = anonymous()
    del index
    return after - before


def drawn(store: Datastore, count: int) -> NDArray[np.float32]:
    """Return keys (count, dimension) of so many entries."""
    chosen = np.sort(np.random.default_rng(0).choice(store.meta.entries, count, replace=False))
    return np.asarray(store.keys[chosen], dtype=np.float32)


if __name__ == "__main__":
    main()
