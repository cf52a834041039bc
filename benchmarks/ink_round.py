"""What a round of INK costs beside an epoch of the Adapter, in CPU seconds of one process, interleaved.

python benchmarks/ink_round.py results/EXPERIMENT/config.yaml DOMAIN

Needs the experiment's prepared data, base model and base datastore. An epoch is the time of `--updates` updates times
their number in an epoch, measured by turns in every repeat; a refresh and the search for all neighbours are run whole.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import faiss
import numpy as np
import torch
from fairseq.data.iterators import GroupedIterator

from ink.config import load
from ink.config.languages import LanguagePair
from ink.config.sections.base_system import Index
from ink.config.slices.commands import settings_for
from ink.config.slices.training_slices import InkRoundSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.index import set_threads
from ink.datastore.knn_graph import find_once
from ink.datastore.search import Searcher
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.domain_files import Domain
from ink.nmt.training_run import TrainingRun
from ink.systems.layout import Layout
from ink.training.adapter_training import AdapterTraining
from ink.training.ink_objective import InkObjective
from ink.training.ink_rounds import refresh
from ink.training.objective import Objective
from ink.training.training_neighbours import IndexLookup, PrecomputedLookup, TrainingNeighbours

QUERIES_OF_RECALL = 600


@click.command()
@click.argument("config", type=click.Path(exists=True, path_type=Path))
@click.argument("domain")
@click.option("--updates", default=20, show_default=True, help="Updates of each training in one turn.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(config: Path, domain: str, updates: int, repeats: int, threads: int) -> None:
    """Time Adapter, and INK with neighbours per batch and per round; recall of both against exact search."""
    torch.set_num_threads(threads)
    set_threads(threads)
    described = load(config)
    layout = Layout(described)
    source, target = described["data"]["source_language"], described["data"]["target_language"]
    data = PreparedCorpus(Path(layout.data(domain)), LanguagePair(source, target))
    files = Domain(Path(layout.base_model), Path(layout.vocabulary), Path(layout.corpus(domain)), data)
    settings = settings_for(described, InkRoundSettings, domain)
    store = open_datastore(Path(layout.datastore(domain, "decoder_output")))
    per_batch = settings.model_copy(update={"ink": settings.ink.model_copy(update={"neighbours": "per_batch"})})
    index, k, variant = settings.index, settings.ink.k, settings.ink.variant
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "neighbours.npy"
        finding = timed(lambda: find_once(store, index, k, settings.device, found))
        trainings = {
            "Adapter": steps(files, settings, None),
            "INK, per_batch": steps(files, settings, TrainingNeighbours(store, IndexLookup(store, index, k, variant))),
            "INK, per_round": steps(
                files, settings, TrainingNeighbours(store, PrecomputedLookup(found, store, k, variant))
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in trainings}
        for repeat in range(-1, repeats):
            for name, training in trainings.items():
                spent = sum(next(training)[0] for _ in range(updates)) / updates
                if repeat >= 0:  # the first turn warms up
                    seconds[name].append(spent)
        in_epoch = next(trainings["Adapter"])[1]
        # with the base model, which costs what it costs with adapters that do nothing yet
        model = files.load_model(settings)
        refreshing = {
            name: timed(partial(refresh, model, files.data, way, store, Path(folder) / name))
            for name, way in (("per_batch", per_batch), ("per_round", settings))
        }
        recalls = recall(store, found, index, k)
    epochs = {name: float(np.mean(spent)) * in_epoch for name, spent in seconds.items()}
    adapter = epochs["Adapter"]
    print(f"{domain}: {store.meta.entries} entries, {in_epoch} updates an epoch, k = {k}, {index.plain()}")
    for name, turns in seconds.items():
        ratios = np.array(turns) / np.array(seconds["Adapter"])
        spread = f"{ratios.min():.2f}-{ratios.max():.2f}"
        print(f"epoch of {name}: {epochs[name]:.0f} s, {epochs[name] / adapter:.2f} ({spread})")
    for name, spent in refreshing.items():
        print(f"refresh, {name}: {spent:.0f} s, {spent / adapter:.2f}")
    print(f"neighbours of all positions: {finding:.0f} s, {finding / adapter:.2f}")
    for name, more in (("per_batch", 0.0), ("per_round", finding)):
        whole = epochs[f"INK, {name}"] + refreshing[name] + more
        print(f"round, {name}: {whole:.0f} s, {whole / adapter:.2f}; recall@{k} {recalls[name]:.3f}")


def timed(do: Callable[[], Any]) -> float:
    """Return the CPU seconds of this process, its threads' included."""
    start = time.process_time()
    do()
    return time.process_time() - start


def steps(
    domain: Domain, settings: InkRoundSettings, neighbours: TrainingNeighbours | None
) -> Iterator[tuple[float, int]]:
    """Train, one update at a time; yields its CPU seconds and the number of updates in an epoch."""
    objective = Objective(settings.training.label_smoothing)
    if neighbours is not None:
        objective = InkObjective.from_settings(settings.ink, objective.label_smoothing)
    training = AdapterTraining(domain, settings, 1, objective)
    if neighbours is not None:
        training.run.objective.neighbours = neighbours
    run: TrainingRun = training.run
    while True:
        batches = run.iterator.next_epoch_itr(fix_batches_to_gpus=False, shuffle=True)
        updates = GroupedIterator(batches, run.config.optimization.update_freq[0])
        run.trainer.begin_epoch(run.iterator.epoch)
        for samples in updates:
            start = time.process_time()
            run.trainer.train_step(samples)
            yield time.process_time() - start, len(updates)


def recall(store: Datastore, found: Path, index: Index, k: int) -> dict[str, float]:
    """Return each way's share of the k nearest others that exact search finds of entries drawn with seed 0."""
    keys = np.asarray(store.keys, dtype=np.float32)
    own = np.sort(np.random.default_rng(0).choice(len(keys), QUERIES_OF_RECALL, replace=False))
    exact: Any = faiss.IndexFlatL2(keys.shape[1])
    exact.add(keys)
    truth = [
        [number for number in row.tolist() if number != entry][:k]
        for row, entry in zip(exact.search(keys[own], k + 1)[1], own, strict=True)
    ]
    queried = Searcher(store, index).search_without(torch.from_numpy(keys[own]), torch.from_numpy(own), k).numpy()
    ways = {"per_batch": queried, "per_round": np.load(found, mmap_mode="r")[own]}
    return {
        name: float(np.mean([len(set(row.tolist()) & set(best)) / k for row, best in zip(rows, truth, strict=True)]))
        for name, rows in ways.items()
    }


if __name__ == "__main__":
    main()
