"""Anonymous memory of finding and gathering INK's neighbours, by number of entries; its slope in bytes an entry.

python benchmarks/neighbour_memory.py work/EXPERIMENT/datastores/decoder_output/DOMAIN

Keys are the datastore's own; where more entries are asked for than it has, the rest are copies with dropout of 0.1.
Each size is measured in a process of its own: the highest anonymous memory (RssAnon) while neighbours of all entries
are found (`per_round`) and then gathered for batches of positions, or while batches query the index (`per_batch`), less
what the process had before. Mapped files (keys, values, ids) are not anonymous; the index, read into memory, is, and is
told apart.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from ink.datastore.index import build_index, read_index, set_threads
from ink.datastore.knn_graph import find_once
from ink.datastore.storage import Datastore, create_datastore, open_datastore, seal
from ink.training.training_neighbours import IndexLookup, PrecomputedLookup, Source, TrainingNeighbours

MB = 1e6
BATCHES, POSITIONS = 20, 2500
COPIED_AT_ONCE = 65536


@click.command()
@click.argument("datastore", type=click.Path(exists=True, path_type=Path))
@click.option("--entries", default="100000,300000,1000000", show_default=True)
@click.option("-k", default=16, show_default=True)
@click.option("--lists", default=1024, show_default=True, help="Of the index that per_batch queries.")
@click.option("--code-bytes", default=64, show_default=True)
def main(datastore: Path, entries: str, k: int, lists: int, code_bytes: int) -> None:
    """Measure sizes one after the other and fit a line through them."""
    index = {"type": "ivfpq", "lists": lists, "code_bytes": code_bytes, "probes": 8}
    index |= {"training_sample": 100000, "seed": 142758}
    sizes = [int(size) for size in entries.split(",")]
    spawning = multiprocessing.get_context("spawn")
    peaks: dict[str, list[float]] = {"per_round": [], "per_batch": []}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "datastore"
            with spawning.Pool(1) as pool:
                pool.apply(take, (datastore, copy, size, index))
            for way, found in peaks.items():
                with spawning.Pool(1) as pool:
                    taken, held = pool.apply(measure, (copy, way, index, k))
                found.append(taken)
                print(f"{size} entries, {way}: {taken / MB:.1f} MB beyond the index ({held / MB:.1f} MB)", flush=True)
    for way, found in peaks.items():
        slope, start = np.polyfit(sizes, found, 1)
        print(f"{way}: {slope:.1f} bytes an entry, and {start / MB:.1f} MB")


def take(source: Path, output: Path, size: int, index: dict[str, object]) -> None:
    """Write a datastore of `size` entries of `source`, one entry a sentence, and copies where there are not so many."""
    whole = open_datastore(source)
    store = create_datastore(output, replace(whole.meta, entries=size, sentences=size, log_probs=False))
    generator = np.random.default_rng(0)
    keys, values = store.keys, store.values
    for start in range(0, size, COPIED_AT_ONCE):
        numbers = np.arange(start, min(start + COPIED_AT_ONCE, size))
        rows = np.asarray(whole.keys[numbers % whole.meta.entries], dtype=np.float32)
        copies = numbers >= whole.meta.entries
        rows[copies] *= (generator.random(rows[copies].shape) >= 0.1) / 0.9
        keys[numbers], values[numbers] = rows, whole.values[numbers % whole.meta.entries]
    store.offsets[:] = np.arange(size + 1)
    seal(store)
    build_index(store.keys, index, store.index_path)


def measure(path: Path, way: str, index: dict[str, object], k: int) -> tuple[float, float]:
    """Return the highest anonymous memory of finding and gathering neighbours, and that of the index, in bytes."""
    torch.set_num_threads(1)
    set_threads(1)
    store = open_datastore(path)
    warm_up(store, k)
    before = anonymous()
    held = 0
    with highest() as peak:
        source: Source
        if way == "per_batch":
            opened = read_index(store.index_path)
            held = anonymous() - before
            del opened
            source = IndexLookup(store, index, k, "paper")
        else:
            found = path / "neighbours.npy"
            find_once(store, index, k, "cpu", found)
            source = PrecomputedLookup(found, store, k, "paper")
        neighbours = TrainingNeighbours(store, source)
        generator = np.random.default_rng(1)
        for _ in range(BATCHES):
            own = torch.from_numpy(generator.choice(store.meta.entries, POSITIONS, replace=False))
            neighbours.find(torch.from_numpy(np.asarray(store.keys[own.numpy()], dtype=np.float32)), own)
    return peak[0] - before - held, float(held)


def warm_up(store: Datastore, k: int) -> None:
    """Let libraries take the memory that they take once: threads, and the buffers of a batch."""
    keys = torch.from_numpy(np.asarray(store.keys[:POSITIONS], dtype=np.float32))
    (keys @ keys.T).topk(k)
    time.sleep(0.2)


@contextmanager
def highest() -> Iterator[list[int]]:
    """Watch this process's anonymous memory from another thread."""
    peak, ended = [anonymous()], threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def anonymous() -> int:
    """Return the anonymous memory of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise OSError("this system does not tell RssAnon")


if __name__ == "__main__":
    main()
