"""Throughput of the paper's architecture with random weights on a device: what a machine can do, without any download.

python benchmarks/throughput.py --device cuda --precision bf16
python benchmarks/throughput.py --tokens 512 --updates 1 --sentences 8 --batch 8 --length 20     # on a CPU

Timed are a datastore's pass (keys and log-probabilities, brought to the CPU as they are stored, not written), updates
of Adapter and of INK (k neighbours out of a random datastore, found before), beam search, whose hypotheses are as long
as the sources, and a combiner's part of a step of it, without any search. Each has a run to warm up and `--repeats`
more. The GPU's queue is empty whenever a clock is read. Prints a table, and last a line of JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from random_experiment import Size

    from ink.corpus.prepared_corpus import PreparedCorpus
    from ink.nmt.translation_model import TranslationModel

COMBINERS: dict[str, dict[str, Any]] = {
    "vanilla": {"k": 8, "lambda": 0.5, "temperature": 10},
    "adaptive": {"max_k": 8, "temperature": 10, "hidden": 32, "dropout": 0.0},
    "robust": {
        "max_k": 8,
        "hidden_calibration": 4,
        "hidden_weight": 32,
        "top_probabilities": 8,
        "sigma": 0.01,
        "alpha0": 1.0,
        "decay": 1000,
    },
}
STEPS = 20  # of a combiner in one run


class Measurements:
    """Runs what it is given once to warm up and then `repeats` times, and keeps both clocks' seconds of each run."""

    def __init__(self, device: str, repeats: int) -> None:
        self.device = device
        self.repeats = repeats
        self.found: dict[str, dict[str, Any]] = {}

    def take(self, name: str, unit: str, work: Callable[[], int]) -> None:
        """Time `work`, which returns how many `unit` it did."""
        runs = [self._timed(work) for _ in range(1 + self.repeats)][1:]
        wall = [count / seconds for count, seconds, _ in runs]
        self.found[name] = {
            "unit": unit,
            "a_second": sum(wall) / len(wall),
            "lowest": min(wall),
            "highest": max(wall),
            "a_cpu_second": sum(count for count, _, _ in runs) / sum(spent for _, _, spent in runs),
            "wall_seconds": [seconds for _, seconds, _ in runs],
            "cpu_seconds": [spent for _, _, spent in runs],
        }
        click.echo(f"{name}: {self.found[name]['a_second']:.4g} {unit} a second", err=True)

    def table(self) -> Iterator[str]:
        """Yield the rows of a table in Markdown."""
        yield "| what | unit | a second: mean (lowest-highest) | a CPU second |"
        yield "| --- | --- | --- | --- |"
        for name, one in self.found.items():
            spread = f"{one['a_second']:.4g} ({one['lowest']:.4g}-{one['highest']:.4g})"
            yield f"| {name} | {one['unit']} | {spread} | {one['a_cpu_second']:.4g} |"

    def _timed(self, work: Callable[[], int]) -> tuple[int, float, float]:
        self._empty_queue()
        start, cpu_start = time.perf_counter(), time.process_time()
        count = work()
        self._empty_queue()
        return count, time.perf_counter() - start, time.process_time() - cpu_start

    def _empty_queue(self) -> None:
        import torch

        if torch.device(self.device).type == "cuda":
            torch.cuda.synchronize(self.device)


def datastore_pass(model: TranslationModel, dataset: Any, batch_tokens: int) -> int:
    """Pass over `dataset` as building a datastore does; returns its target tokens."""
    import torch

    from ink.datastore.build import teacher_forced

    count = 0
    for entries, keys, targets, log_probs in teacher_forced(
        model, dataset, "decoder_output", batch_tokens, with_log_probs=True, description="datastore"
    ):
        assert log_probs is not None
        keys.to(torch.float16).cpu()
        log_probs.gather(-1, targets.unsqueeze(-1)).float().cpu()
        count += len(entries)
    return count


def updates_of(run: Any, count: int) -> Callable[[], int]:
    """Make a function that trains `count` updates further, epoch after epoch, and returns their target tokens."""
    from fairseq.data.iterators import GroupedIterator

    def batches() -> Iterator[Any]:
        while True:
            run.trainer.begin_epoch(run.iterator.epoch)
            yield from GroupedIterator(run.iterator.next_epoch_itr(fix_batches_to_gpus=False, shuffle=True), 1)

    endless = batches()

    def train() -> int:
        tokens = 0
        for samples in itertools.islice(endless, count):
            run.whole_updates(samples)
            tokens += sum(int(sample["ntokens"]) for sample in samples)
        return tokens

    return train


def beam_search(model: TranslationModel, dataset: Any, sentences: int, batch: int, beam: int) -> int:
    """Translate the first sentences, `batch` at once, and return how many."""
    from ink.config.sections.base_system import Decoding
    from ink.nmt.generation import generate

    decoding = Decoding(beam=beam, length_penalty=0.6, max_len_a=1.0, max_len_b=0, batch_sentences=batch)
    found = generate(model, dataset.part(range(sentences)), decoding)
    return len(found.hypotheses)


def combiner_steps(name: str, rows: int, size: Size, device: str) -> Callable[[], int]:
    """Make a function that combines the distributions of `rows` beams with random neighbours; returns its steps."""
    import torch

    from ink.combiners.known_combiners import find_combiner
    from ink.datastore.search import Neighbours

    combiner = find_combiner(name).from_settings(COMBINERS[name])
    if combiner.network is not None:
        combiner.network.to(device)
    own = torch.log_softmax(torch.randn(rows, 1, size.types, device=device), dim=-1)
    distances = torch.rand(rows, 1, combiner.k, device=device).sort(dim=-1).values * 100
    values = torch.randint(size.types, distances.shape, device=device)
    neighbours = Neighbours(distances, values, values, torch.log(torch.rand_like(distances)))
    queries = torch.randn(rows, 1, size.dimension, device=device)

    @torch.no_grad()
    def combine() -> int:
        for _ in range(STEPS):
            combiner(neighbours, queries, own)
        return STEPS

    return combine


def take_all(measurements: Measurements, folder: Path, size: Size, how: Mapping[str, Any]) -> int:
    """Take every measurement with a model of `size` and a corpus in `folder`; returns the model's parameters."""
    import torch
    from random_experiment import random_corpus, random_model, random_neighbours

    from ink.nmt.training_run import Optimisation
    from ink.training.ink_objective import InkObjective
    from ink.training.objective import Objective

    device, precision, tokens, batches = how["device"], how["precision"], how["tokens"], how["batches"]
    sentences_a_batch = max(1, tokens // how["length"])
    # four batches of training, all alike: fairseq's have a multiple of 8 sentences, or fewer than 8
    sentences = {
        "train": 4 * (sentences_a_batch - sentences_a_batch % 8 if sentences_a_batch > 8 else sentences_a_batch),
        "test": max(*batches, how["sentences"]),
    }
    corpus: PreparedCorpus = random_corpus(folder / "corpus", size.types, sentences, how["length"])

    optimisation = Optimisation(
        "training",
        seed=1,
        device=device,
        learning_rate=5e-4,
        warmup_updates=4000,
        batch_tokens=tokens,
        weight_decay=1e-4,
        precision=precision,
    )
    options = [*size.options, "--dropout", "0.1"]
    model = random_model(corpus, options, device, precision)
    parameters = sum(weights.numel() for weights in model.network.parameters())
    train, test = model.parallel_text(corpus, "train"), model.parallel_text(corpus, "test")
    measurements.take("datastore pass", "target tokens", partial(datastore_pass, model, train, tokens))
    for batch in batches:
        # whole batches, so that each is as large as it says
        count = max(1, how["sentences"] // batch) * batch
        work = partial(beam_search, model, test, count, batch, how["beam"])
        measurements.take(f"beam search, batch {batch}", "sentences", work)
    rows = batches[-1] * how["beam"]
    for name in COMBINERS:
        measurements.take(f"{name} combiner, {rows} beams", "steps", combiner_steps(name, rows, size, device))
    model.attach_adapters(how["adapter"], 0.1)
    model.network.to(next(model.network.parameters()))
    objectives = {"Adapter update": Objective(0.1), "INK update": InkObjective(0.1, {"alpha": 0.1, "beta": 0.1})}
    for name, objective in objectives.items():
        run = model.train_on(corpus, optimisation, objective)
        if isinstance(objective, InkObjective):
            place = folder / "datastore"
            objective.neighbours = random_neighbours(place, train, size.types, size.dimension, how["k"])
        measurements.take(name, "target tokens", updates_of(run, how["updates"]))
        del run
        if torch.device(device).type == "cuda":
            torch.cuda.empty_cache()
    return parameters


@click.command(help=__doc__)
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "bf16"]), default="fp32", show_default=True)
@click.option("--layers", default=6, show_default=True, help="On either side.")
@click.option("--dimension", default=1024, show_default=True)
@click.option("--encoder-ffn", default=8192, show_default=True)
@click.option("--decoder-ffn", default=4096, show_default=True)
@click.option("--heads", default=16, show_default=True)
@click.option("--types", default=42_024, show_default=True, help="Tokens of the dictionary, special ones included.")
@click.option("--adapter", default=4096, show_default=True, help="The adapters' inner dimension.")
@click.option("--k", default=32, show_default=True, help="INK's neighbours.")
@click.option("--tokens", default=4096, show_default=True, help="Target tokens of an update, and of a batch of a pass.")
@click.option("--updates", default=5, show_default=True, help="Updates of one run.")
@click.option("--length", default=30, show_default=True, help="Tokens of a sentence, its end included.")
@click.option("--sentences", default=128, show_default=True, help="Sentences of one run of beam search, about.")
@click.option("--batch", "batches", default="8,32,128", show_default=True, help="Sentences decoded together.")
@click.option("--beam", default=4, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--threads", default=2, show_default=True, help="Of the CPU.")
def main(
    layers: int,
    dimension: int,
    encoder_ffn: int,
    decoder_ffn: int,
    heads: int,
    types: int,
    batches: str,
    repeats: int,
    threads: int,
    **how: Any,
) -> None:
    """Measure, and print the table and the line of JSON."""
    # as `ink --threads` does, before numerical libraries are imported
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    import torch
    from random_experiment import Size

    from ink.cli.threads import use_machine
    from ink.metrics.speed import hardware
    from ink.runtime.errors import InkError

    use_machine()
    size = Size(layers, dimension, encoder_ffn, decoder_ffn, heads, types)
    how["batches"] = [int(batch) for batch in batches.split(",")]
    measurements = Measurements(how["device"], repeats)
    try:
        with tempfile.TemporaryDirectory() as folder:
            parameters = take_all(measurements, Path(folder), size, how)
    except InkError as error:
        raise click.ClickException(str(error)) from None
    on_gpu = torch.device(how["device"]).type == "cuda"
    measured = {
        "hardware": hardware(how["device"]),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpu_bytes": torch.cuda.max_memory_allocated(how["device"]) if on_gpu else None,
        "model": vars(size),
        "parameters": parameters,
        "settings": how,
        "repeats": repeats,
        "measured": measurements.found,
    }
    click.echo("\n".join(measurements.table()))
    click.echo(json.dumps(measured))


if __name__ == "__main__":
    main()
