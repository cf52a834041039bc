"""Building and searching datastores of growing size: anonymous memory of both, CPU time of a query.

python benchmarks/search_scaling.py work/EXPERIMENT/datastores/decoder_output/DOMAIN --queries-of OTHER --work FOLDER

Entries are the datastore's own; beyond their number they are copies with dropout of 0.1. Each size is built and
searched in a process of its own, whose anonymous memory (RssAnon) is sampled; mapped files (keys, values, index) are
not anonymous. Times are those of one core, the sizes by turns, with as many queries at once as a step of beam search.
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import click
import numpy as np
import torch
from neighbour_memory import MB, anonymous, highest, take

from ink.config.sections.base_system import Index
from ink.datastore.index import set_threads
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore

QUERIES_AT_ONCE = 128


@click.command()
@click.argument("datastore", type=click.Path(exists=True, path_type=Path))
@click.option("--queries-of", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--work", required=True, type=click.Path(path_type=Path), help="Where the datastores are written; kept.")
@click.option("--entries", default="100000,1000000,5000000", show_default=True)
@click.option("--lists", default=4096, show_default=True)
@click.option("--code-bytes", default=64, show_default=True)
@click.option("--probes", default=32, show_default=True)
@click.option("--queries", default=2000, show_default=True, help="How many are drawn, with seed 0.")
@click.option("-k", default=8, show_default=True)
@click.option("--repeats", default=3, show_default=True)
def main(
    datastore: Path,
    queries_of: Path,
    work: Path,
    entries: str,
    lists: int,
    code_bytes: int,
    probes: int,
    queries: int,
    k: int,
    repeats: int,
) -> None:
    """Build what is not there yet, then search."""
    index = Index(lists=lists, code_bytes=code_bytes, probes=probes, training_sample=100000)
    spawning = multiprocessing.get_context("spawn")
    stores = {int(size): work / f"{size}-{lists}-{code_bytes}" for size in entries.split(",")}
    for size, path in stores.items():
        if not (path / "index.faiss").exists():
            with spawning.Pool(1) as pool:
                seconds, peak = pool.apply(build, (datastore, path, size, index))
            print(f"{size} entries: built in {seconds:.0f} CPU s, {peak / MB:.0f} MB anonymous", flush=True)
        with spawning.Pool(1) as pool:
            before, peak = pool.apply(memory, (path, queries_of, index, queries, k))
        print(f"{size} entries: searched in {peak / MB:.0f} MB anonymous, {before / MB:.0f} before", flush=True)
    with spawning.Pool(1) as pool:
        times = pool.apply(by_turns, (list(stores.values()), queries_of, index, queries, k, repeats))
    for size, found in zip(stores, times, strict=True):
        print(f"{size} entries: {', '.join(f'{1e6 * seconds / queries:.0f}' for seconds in found)} us a query")


def build(source: Path, path: Path, size: int, index: Index) -> tuple[float, int]:
    """Return the CPU seconds that a datastore of `size` entries takes, copying included, and its anonymous memory."""
    set_threads(1)
    start = time.process_time()
    with highest() as peak:
        take(source, path, size, index)
    return time.process_time() - start, peak[0]


def memory(path: Path, queries_of: Path, index: Index, queries: int, k: int) -> tuple[int, int]:
    """Return the anonymous memory before a datastore is opened, and its highest while it is searched."""
    set_threads(1)
    sample = drawn(queries_of, queries)
    before = anonymous()
    with highest() as peak:
        search(Searcher(open_datastore(path), index), sample, k)
    return before, peak[0]


def by_turns(
    paths: list[Path], queries_of: Path, index: Index, queries: int, k: int, repeats: int
) -> list[list[float]]:
    """Return the CPU seconds of all queries, a list of `repeats` for each datastore."""
    set_threads(1)
    torch.set_num_threads(1)
    sample = drawn(queries_of, queries)
    searchers = [Searcher(open_datastore(path), index) for path in paths]
    for searcher in searchers:
        search(searcher, sample, k)
    times: list[list[float]] = [[] for _ in paths]
    for _ in range(repeats):
        for searcher, found in zip(searchers, times, strict=True):
            start = time.process_time()
            search(searcher, sample, k)
            found.append(time.process_time() - start)
    return times


def drawn(path: Path, count: int) -> torch.Tensor:
    """Return keys (count, dimension) of a datastore, drawn with seed 0."""
    keys = open_datastore(path).keys
    chosen = np.sort(np.random.default_rng(0).choice(len(keys), count, replace=False))
    return torch.from_numpy(np.asarray(keys[chosen], dtype=np.float32))


def search(searcher: Searcher, sample: torch.Tensor, k: int) -> None:
    """Search with all queries, and bring the keys of what is found."""
    for some in sample.split(QUERIES_AT_ONCE):
        searcher.search(some, k, keys=True)


if __name__ == "__main__":
    main()
