"""Speed and memory of one model as fairseq's and as FSMT: every part of the work by turns.

ink convert model.pt fsmt
python benchmarks/backends.py model.pt fsmt --source train.de --target train.en --plain

Each backend is a process of its own, so that its memory can be told; only one of them works at a time. Timed are a
datastore's pass, beam search of the off-the-shelf model, V-kNN, R-kNN and INK, an epoch of the Adapter and a round of
INK: refresh, neighbours of all entries, epoch. The weights of adapters and of R-kNN's networks are fresh: speed does
not ask for better ones. Seconds are CPU seconds; every ratio compares two of one repeat. Prints a table in Markdown.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ink.config.languages import LanguagePair

BACKENDS = ("fairseq", "FSMT")
KEY, K = "decoder_output", 8
WARM_UP = -1


@dataclass(frozen=True)
class Given:
    """What a worker is told. base_model, vocabulary: of its backend. text: settings; sizes: numbers of the options."""

    base_model: Path
    vocabulary: Path
    corpus: Path
    folder: Path
    languages: LanguagePair
    text: Mapping[str, Any]
    sizes: Mapping[str, int]


class Worker:
    """One backend with its text, its datastore and its models; `works` are its parts of the work by name."""

    def __init__(self, given: Given) -> None:
        from throughput import COMBINERS

        from ink.combiners.knn_mixture import KnnMixture
        from ink.combiners.known_combiners import find_combiner
        from ink.config.sections.base_system import Index
        from ink.config.sections.parallel_text import Text
        from ink.corpus.preparation import prepare
        from ink.corpus.prepared_corpus import PreparedCorpus
        from ink.datastore.search import Searcher
        from ink.datastore.storage import open_datastore
        from ink.nmt.domain_files import Domain
        from ink.nmt.model_loading import backend_of
        from ink.nmt.text_loading import load_text

        self.given = given
        settings = Text(**given.text)
        text = load_text(given.vocabulary, settings, given.languages, split_unknown=settings.split_unknown_subwords)
        prepare(given.corpus, given.vocabulary, settings, given.languages, given.folder / "data", text)
        data = PreparedCorpus(given.folder / "data", given.languages)
        self.domain = Domain(given.base_model, given.vocabulary, given.corpus, data, backend_of(given.vocabulary))
        self.base, self.adapted = self._load(), self._load()
        self.adapted.attach_adapters(self.adapted.layers()["decoder_0"].dimension // 4, dropout=0.1)
        self.start = {name: weights.clone() for name, weights in self.adapted.adapter_weights().items()}
        self.train = self.base.parallel_text(data, "train")
        self.test = self.base.parallel_text(data, "test")
        self.loaded_bytes = peak_bytes()
        sizes = given.sizes
        self.index = Index(type="ivfpq", lists=sizes["lists"], code_bytes=sizes["code_bytes"], probes=sizes["probes"])
        self._build(self.base, given.folder / "datastore")
        store = open_datastore(given.folder / "datastore")
        mixtures = {"off-the-shelf": None}
        for label, name in (("V-kNN", "vanilla"), ("R-kNN", "robust")):
            combiner = find_combiner(name).from_settings(COMBINERS[name])
            mixtures[label] = KnnMixture(Searcher(store, self.index), combiner)
        self.works: dict[str, Callable[[], int]] = {"datastore pass": self._pass}
        for batch in (sizes["small_batch"], sizes["large_batch"]):
            for label, mixture in mixtures.items():
                self.works[f"{label}, batch {batch}"] = partial(self._decode, self.base, mixture, batch)
            self.works[f"INK, batch {batch}"] = partial(self._decode, self.adapted, None, batch)
        self._prepare_training()

    def _load(self) -> Any:
        from ink.nmt.model_loading import BaseModelFiles

        files = self.domain
        return BaseModelFiles(files.base_model, files.vocabulary, self.given.languages, files.backend).load()

    def _build(self, model: Any, place: Path) -> None:
        from ink.datastore.build import Extraction, build_datastore

        extraction = Extraction(model, self.train, self.domain.data.fingerprint, KEY, self.given.sizes["tokens"])
        build_datastore(extraction, place, self.index)

    def _pass(self) -> int:
        from throughput import datastore_pass

        return datastore_pass(self.base, self.train, self.given.sizes["tokens"])

    def _decode(self, model: Any, mixture: Any, batch: int) -> int:
        from ink.config.sections.base_system import Decoding
        from ink.nmt.generation import generate

        found = generate(model, self.test, Decoding(batch_sentences=batch), mixture=mixture)
        return len(found.hypotheses)

    def _prepare_training(self) -> None:
        from ink.nmt.training_run import Optimisation
        from ink.training.ink_objective import InkObjective
        from ink.training.objective import Objective

        how = Optimisation("training", 1, "cpu", 5e-4, 4000, self.given.sizes["tokens"])
        data = self.domain.data
        # a Trainer reads text where its model has read some
        self.adapted.parallel_text(data, "train")
        self.ink_objective = InkObjective(0.1, {"alpha": 0.1, "beta": 0.1})
        trainings = (("Adapter", Objective(0.1)), ("INK", self.ink_objective))
        self.runs = {name: self.adapted.train_on(data, how, objective) for name, objective in trainings}
        self.works["epoch of the Adapter"] = partial(self._epoch, "Adapter")
        self.works["round of INK"] = self._round

    def _epoch(self, name: str) -> int:
        run = self.runs[name]
        run.history.append(run.epoch(name))
        # what comes after decodes with the same adapters as before
        self.adapted.load_adapter_weights(self.start)
        self.adapted.network.eval()
        return int(self.train.offsets[-1])

    def _round(self) -> int:
        from ink.datastore.knn_graph import find_once
        from ink.datastore.storage import open_datastore
        from ink.training.training_neighbours import PrecomputedLookup, TrainingNeighbours

        place, found = self.given.folder / "refreshed", self.given.folder / "neighbours.npy"
        self._build(self.adapted, place)
        store = open_datastore(place)
        find_once(store, self.index, K, "cpu", found)
        self.ink_objective.neighbours = TrainingNeighbours(store, PrecomputedLookup(found, store, K, "paper"))
        return self._epoch("INK")


_worker: list[Worker] = []


def begin(given: Given, threads: int) -> tuple[list[str], int]:
    """Make this process's worker; return what it can do, and its bytes with both models loaded."""
    import torch

    from ink.cli.log import quieten_libraries
    from ink.datastore.index import set_threads

    quieten_libraries()
    torch.set_num_threads(threads)
    set_threads(threads)
    torch.manual_seed(1)
    _worker.append(Worker(given))
    return list(_worker[0].works), _worker[0].loaded_bytes


def work(name: str) -> tuple[int, float]:
    """Do a part of the work; return how much it was, sentences or target tokens, and its CPU seconds."""
    start = time.process_time()
    return _worker[0].works[name](), time.process_time() - start


def peak_bytes() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(found: Mapping[tuple[str, str], list[tuple[int, float]]], names: list[str]) -> list[str]:
    """Return the rows of a table: what a CPU second does of each work, and the seconds of FSMT to those of fairseq."""
    rows = ["| work | fairseq, a CPU second | FSMT | CPU seconds, FSMT to fairseq |", "|---|---|---|---|"]
    for name in names:
        sides = [found[name, backend] for backend in BACKENDS]
        ratios = [other[1] / one[1] for one, other in zip(*sides, strict=True)]
        done = [sum(count for count, _ in side) / sum(seconds for _, seconds in side) for side in sides]
        unit = "sentences" if ", batch" in name else "target tokens"
        mean = sum(ratios) / len(ratios)
        spread = f"{mean:.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        rows.append(f"| {name} | {done[0]:.4g} {unit} | {done[1]:.4g} | {spread} |")
    return rows


def measured(givens: Mapping[str, Given], repeats: int, threads: int) -> list[str]:
    """Let both backends do everything by turns, once to warm up and `repeats` times; return the lines of the report."""
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(1) as one, spawning.Pool(1) as other:
        pools = dict(zip(BACKENDS, (one, other), strict=True))
        begun = {name: pool.apply(begin, (givens[name], threads)) for name, pool in pools.items()}
        names: list[str] = begun[BACKENDS[0]][0]
        found: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for repeat, name, backend in itertools.product(range(WARM_UP, repeats), names, BACKENDS):
            took = pools[backend].apply(work, (name,))
            click.echo(f"{repeat} {name}, {backend}: {took[0]} in {took[1]:.2f} CPU s", err=True)
            if repeat != WARM_UP:
                found.setdefault((name, backend), []).append(took)
        lines = table(found, names)
        for name, pool in pools.items():
            loaded, most = begun[name][1] / 1e6, pool.apply(peak_bytes) / 1e6
            lines.append(f"{name}: {loaded:.0f} MB with both models loaded, {most:.0f} MB at most")
    return lines


@click.command(help=__doc__)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("fsmt", type=click.Path(path_type=Path))
@click.option("--vocabulary", type=click.Path(path_type=Path), help="Default: the checkpoint's folder.")
@click.option("--source", type=click.Path(path_type=Path), required=True, help="Raw lines.")
@click.option("--target", type=click.Path(path_type=Path), required=True, help="Their translations.")
@click.option("--source-language", default="de", show_default=True)
@click.option("--target-language", default="en", show_default=True)
@click.option("--lines", default=600, show_default=True, help="Of the text, to train on and for the datastore.")
@click.option("--sentences", default=96, show_default=True, help="Lines after those, to translate.")
@click.option("--small-batch", default=8, show_default=True)
@click.option("--large-batch", default=32, show_default=True)
@click.option("--tokens", default=2500, show_default=True, help="Of a batch of the pass and of an update.")
@click.option("--lists", default=32, show_default=True)
@click.option("--code-bytes", default=32, show_default=True)
@click.option("--probes", default=8, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--escaped/--plain", "escape", default=True, show_default=True, help="Whether text has & as &amp;.")
@click.option("--threads", default=1, show_default=True)
def main(
    checkpoint: Path,
    fsmt: Path,
    vocabulary: Path | None,
    source: Path,
    target: Path,
    source_language: str,
    target_language: str,
    lines: int,
    sentences: int,
    repeats: int,
    escape: bool,
    threads: int,
    **sizes: int,
) -> None:
    """Measure, and print what was found."""
    # as `ink --threads` does, before numerical libraries are imported
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    from ink.config.languages import LanguagePair
    from ink.corpus.own_text import read_parallel, write_corpus
    from ink.nmt.huggingface.tokenisers import Languages
    from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
    from ink.runtime.errors import InkError
    from ink.runtime.hardware import processor

    languages = LanguagePair(source_language, target_language)
    # FSMT leaves unknown subwords unknown
    text = {
        "source_tokeniser_language": source_language,
        "target_tokeniser_language": target_language,
        "escape": escape,
        "split_unknown_subwords": False,
        "max_length": 100,
    }
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            pairs = read_parallel(source, target)[: lines + sentences]
            splits = {"train": pairs[:-sentences], "test": pairs[-sentences:]}
            write_corpus(place / "corpus", "measured", splits, languages, "files")
            make_vocabulary(fsmt, languages, Languages(), place / "vocabulary")
            files = ((checkpoint, vocabulary or checkpoint.parent), (fsmt, place / "vocabulary"))
            givens = {
                name: Given(*of_model, place / "corpus", place / name, languages, text, sizes)
                for name, of_model in zip(BACKENDS, files, strict=True)
            }
            lines = measured(givens, repeats, threads)
    except InkError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{processor()}, {threads} threads, {len(pairs) - sentences} lines, {sentences} translated")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
