"""What half precision saves and changes: CPU seconds of each kind of work by turns, and a short training in both.

python benchmarks/precision.py results/EXPERIMENT/config.yaml DOMAIN

Needs the experiment's prepared data and base model. Keys and neighbours of INK's updates are drawn at random: what they
cost does not depend on which they are. `--epochs 0` leaves out the training that is compared.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from fairseq.data.iterators import GroupedIterator

from ink.config import load
from ink.config.languages import LanguagePair
from ink.config.slices.commands import settings_for
from ink.config.slices.training_slices import AdapterSettings, InkRoundSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.build import teacher_forced
from ink.datastore.storage import Datastore, DatastoreMeta, create_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.domain_files import Domain
from ink.nmt.generation import generate
from ink.runtime.whole_files import read_json
from ink.systems.layout import Layout
from ink.training.adapter_training import AdapterTraining, train_adapter
from ink.training.ink_objective import InkObjective
from ink.training.objective import Objective
from ink.training.training_neighbours import PrecomputedLookup, TrainingNeighbours

PRECISIONS = ("fp32", "bf16")
ROWS_AT_ONCE = 65536


@click.command()
@click.argument("config", type=click.Path(exists=True, path_type=Path))
@click.argument("domain")
@click.option("--steps", default=10, show_default=True, help="Updates, or batches of a pass, in one turn.")
@click.option("--sentences", default=32, show_default=True, help="Of dev, decoded in one turn.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--epochs", default=2, show_default=True, help="Of the Adapter trained in both.")
def main(config: Path, domain: str, steps: int, sentences: int, repeats: int, threads: int, epochs: int) -> None:
    """Time training, passes and beam search in fp32 and bf16; losses and dev BLEU of both."""
    torch.set_num_threads(threads)
    described = load(config)
    layout = Layout(described)
    source, target = described["data"]["source_language"], described["data"]["target_language"]
    data = PreparedCorpus(Path(layout.data(domain)), LanguagePair(source, target))
    files = Domain(Path(layout.base_model), Path(layout.vocabulary), Path(layout.corpus(domain)), data)
    settings = settings_for(described, InkRoundSettings, domain)
    with tempfile.TemporaryDirectory() as folder:
        model = files.load_model(settings.model_copy(update={"precision": "fp32"}))
        neighbours = drawn(
            model.parallel_text(data, "train"),
            len(model.target_vocabulary),
            model.key_dimension("decoder_output"),
            settings,
            Path(folder),
        )
        works: dict[tuple[str, str], Iterator[float]] = {}
        for precision in PRECISIONS:
            own = settings.model_copy(update={"precision": precision})
            works["update of Adapter", precision] = updates(files, own, None)
            works["update of INK", precision] = updates(files, own, neighbours)
            works["batch of a datastore's pass", precision] = passes(files, own)
            works[f"{sentences} sentences of beam search", precision] = searches(files, own, sentences)
        seconds: dict[tuple[str, str], list[float]] = {each: [] for each in works}
        for turn in range(-1, repeats):
            for (what, precision), work in works.items():
                count = 1 if "beam" in what else steps
                spent = sum(next(work) for _ in range(count)) / count
                if turn >= 0:  # the first turn warms up
                    seconds[what, precision].append(spent)
        print(f"{domain}, {threads} threads, {repeats} turns; CPU seconds")
        for what in dict.fromkeys(what for what, _ in works):
            full, half = (np.array(seconds[what, precision]) for precision in PRECISIONS)
            ratios = full / half
            spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
            print(f"{what}: fp32 {full.mean():.3f}, bf16 {half.mean():.3f}, {ratios.mean():.2f} times ({spread})")
        if epochs:
            compare(files, settings_for(described, AdapterSettings, domain), epochs, Path(folder))


def drawn(
    text: Any, types: int, dimension: int, settings: dict[str, Any], folder: Path
) -> Callable[[], TrainingNeighbours]:
    """Write keys and neighbours at random for `text`, in which `types` types occur, and return what opens them."""
    generator = np.random.default_rng(0)
    offsets = text.offsets
    entries, k = int(offsets[-1]), settings.ink.k
    meta = DatastoreMeta(entries, dimension, len(text), "decoder_output", "drawn", "drawn", log_probs=False)
    store: Datastore = create_datastore(folder / "store", meta)
    store.offsets[:], keys = offsets, store.keys
    for start in range(0, entries, ROWS_AT_ONCE):
        part = slice(start, min(start + ROWS_AT_ONCE, entries))
        keys[part] = generator.standard_normal((part.stop - start, dimension), dtype=np.float32)
        store.values[part] = generator.integers(4, types, part.stop - start)
    found = folder / "neighbours.npy"
    np.save(found, generator.integers(0, entries, (entries, k), dtype=np.int32))
    return lambda: TrainingNeighbours(store, PrecomputedLookup(found, store, k, "paper"))


def updates(
    domain: Domain, settings: InkRoundSettings, neighbours: Callable[[], TrainingNeighbours] | None
) -> Iterator[float]:
    """Train, one update at a time, and yield its CPU seconds."""
    objective = Objective(settings.training.label_smoothing)
    if neighbours is not None:
        objective = InkObjective(objective.label_smoothing, {"alpha": 0.2, "beta": 0.2})
    training = AdapterTraining(domain, settings, 1, objective)
    if neighbours is not None:
        training.run.objective.neighbours = neighbours()
    run = training.run
    while True:
        batches = run.iterator.next_epoch_itr(fix_batches_to_gpus=False, shuffle=True)
        run.trainer.begin_epoch(run.iterator.epoch)
        for samples in GroupedIterator(batches, run.config.optimization.update_freq[0]):
            start = time.process_time()
            run.whole_updates(samples)
            yield time.process_time() - start


def passes(domain: Domain, settings: InkRoundSettings) -> Iterator[float]:
    """Pass over training text as a datastore is built, and yield the CPU seconds of each batch."""
    model = domain.load_model(settings)
    dataset = model.parallel_text(domain.data, "train")
    options = {"with_log_probs": True, "description": "pass"}
    for _ in repeat(None):
        start = time.process_time()
        batches = teacher_forced(model, dataset, "decoder_output", settings.datastore.batch_tokens, **options)
        for _found in batches:
            yield time.process_time() - start
            start = time.process_time()


def searches(domain: Domain, settings: InkRoundSettings, sentences: int) -> Iterator[float]:
    """Decode the same dev sentences again and again, and yield the CPU seconds of beam search."""
    model = domain.load_model(settings)
    dataset = model.parallel_text(domain.data, "dev")
    first = dataset.part(range(min(sentences, len(dataset))))
    for _ in repeat(None):
        yield generate(model, first, settings.decoding).cpu_seconds


def compare(domain: Domain, settings: AdapterSettings, epochs: int, folder: Path) -> None:
    """Train the same Adapter in both precisions; print losses, dev BLEU, and dev BLEU of the base model."""
    shortened = settings.model_copy(update={"adapter": settings.adapter.model_copy(update={"max_epochs": epochs})})
    for precision in PRECISIONS:
        own = shortened.model_copy(update={"precision": precision})
        model = domain.load_model(own)
        beam = own.decoding.beam
        scorer = DevBleu(model, domain, own, beam=beam)
        base = scorer(model)
        start = time.process_time()
        train_adapter(domain, own, 1, folder / precision)
        spent = time.process_time() - start
        record = read_json(folder / precision / "record.json")
        for name in ("loss", "dev_bleu"):
            curve = " ".join(f"{entry[name]:.3f}" for entry in record["history"])
            print(f"Adapter in {precision}: {name} of each epoch {curve}")
        print(f"Adapter in {precision}: dev BLEU of the average {record['dev_bleu']:.2f} (base model {base:.2f}),")
        print(f"  {spent:.0f} CPU seconds with dev")


if __name__ == "__main__":
    main()
