"""INK's rounds: each a refresh of the datastore and the epoch that trains on it, then the final adapter.

In a refresh the model as the round before left it passes over the training set again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.config.slices.training_slices import InkAverageSettings, InkRoundSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import find_once
from ink.datastore.storage import Datastore, open_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.adapter_file import read_metadata
from ink.nmt.distributed import in_first, is_first, wait_for_first
from ink.nmt.domain_files import Domain
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, remove, write_atomically, write_json
from ink.training.adapter_training import AdapterTraining, Origin, finish
from ink.training.early_stopping import Stopping, select_rounds
from ink.training.fit import Training, fit
from ink.training.ink_objective import InkObjective
from ink.training.launcher import EpochReport, ignore_epoch
from ink.training.training_neighbours import IndexLookup, PrecomputedLookup, Source, TrainingNeighbours
from ink.training.unfinished import unfinished

FOUND = "neighbours.npy"
REFRESHED = "datastore"
SPENT = "seconds.json"
STATE = "state.pt"
RECORD = "record.json"
WORK = "working"


@dataclass(frozen=True)
class Rounds:
    """The rounds `numbers`, which follow one another, and where their files are.

    datastore: the base model's. previous: the folder of the rounds before these, None before round 1.
    """

    numbers: Sequence[int]
    datastore: Path
    previous: Path | None
    output: Path


def adapter_of_round(folder: Path, number: int) -> Path:
    """Return where the folder of rounds trained together has the adapter of one of them."""
    return folder / "adapters" / f"{number}.safetensors"


def train_rounds(
    domain: Domain,
    settings: InkRoundSettings,
    seed: int,
    rounds: Rounds,
    on_epoch: EpochReport = ignore_epoch,
    origin: Origin | None = None,
) -> None:
    """Train some rounds, or as many of them as patience lets it.

    Every round refreshes the datastore with the model as the round before has left it; round 1 trains on the base
    model's, as all rounds do where ink.refresh is `never`. Writes the folder `rounds.output`:

    - adapters/N.safetensors of every round
    - record.json with these rounds and the history so far
    - state.pt (optimiser, schedule, place in the data), from which later rounds go on

    `on_epoch` is told of each round, after an interruption of those before it as well; `origin` is what the files say
    of it. Raises InkError where `rounds.previous` is not of the rounds before.
    """
    chosen, numbers, previous = settings.ink, rounds.numbers, rounds.previous
    first = numbers[0]
    objective = InkObjective.from_settings(chosen, settings.training.label_smoothing)
    training = AdapterTraining(domain, settings, seed, objective, origin or Origin("ink"))
    run = training.run
    if previous is not None:
        run.restore(previous / STATE)
    _check_follows(first, len(run.history), previous)
    base = training.model.base_fingerprint
    store = None
    if objective.weighs:
        store = open_datastore(rounds.datastore, model=base, corpus=domain.data.fingerprint, key="decoder_output")
    begun_from = base if previous is None else training.model.fingerprint
    identity = training.identity(rounds=[first, numbers[-1]], begun_from=begun_from)
    stopping = Stopping(numbers[-1], settings.training.patience, chosen.variant)
    with unfinished(rounds.output, identity) as folder:
        if (folder / STATE).exists():
            run.restore(folder / STATE)
            print(f"going on after round {len(run.history)}", flush=True)
        steps = _Steps(training, settings, objective, store, folder)
        whole = Training(run, "INK, round", stopping, steps.keep, training.dev_bleu, steps.prepare)
        history = fit(whole, on_epoch, first)
        if not is_first():
            return
        stop = stopping.has_run_out(history)
        for name in [WORK, FOUND, *([STATE] if stop else [])]:
            remove(folder / name)
        trained = list(range(first, len(history) + 1))
        write_json(folder / RECORD, {"rounds": trained, "status": "trained", "stop": stop, "history": history})


def _check_follows(first: int, trained: int, previous: Path | None) -> None:
    if first == trained + 1:
        return
    found = "none is given" if previous is None else f"{previous} ends with round {trained}"
    raise InkError(
        f"round {first} follows round {first - 1}, but of the rounds before {found}; give their folders with --round",
        code="training/wrong-candidates",
    )


class _Steps:
    """What comes before the epoch of a round, and what is kept after it: its adapter, and the state after it.

    A round that an interrupted job has begun is resumed, and files that only the round needs are removed with it.
    store: the base model's datastore, None where no term needs neighbours. folder: that of the training.
    """

    def __init__(
        self,
        training: AdapterTraining,
        settings: InkRoundSettings,
        objective: InkObjective,
        store: Datastore | None,
        folder: Path,
    ) -> None:
        self.training, self.settings, self.objective = training, settings, objective
        self.store, self.folder = store, folder
        self.refreshes = settings.ink.refresh == "every_round"

    def prepare(self, number: int) -> dict[str, float]:
        """Refresh the datastore, and find the neighbours in it; returns the seconds of either."""
        work, store = self._work(number), self.store
        if is_first():
            work.mkdir(parents=True, exist_ok=True)
            # a round may have ended just before an earlier job was interrupted
            for other in {*work.parent.iterdir()} - {work}:
                remove(other)
        wait_for_first()
        seconds = read_json(work / SPENT) if (work / SPENT).exists() else {}
        if store is not None and self.refreshes and number > 1:
            # before the weights move on to where an interrupted job has left them
            with _timed("refresh", seconds, work):
                training = self.training
                store = refresh(training.model, training.domain.data, self.settings, store, work / REFRESHED)
        self.training.train_in(work)
        if store is not None:
            with _timed("neighbours", seconds, work):
                # without refreshes every round has the same ones
                source = _source(store, self.settings, work if self.refreshes else self.folder)
            self.objective.neighbours = TrainingNeighbours(store, source)
        return dict(seconds)

    def keep(self, number: int) -> None:
        """Write the adapter of the round that has ended, and the state to resume from."""
        self.training.write_adapter(adapter_of_round(self.folder, number))
        self.training.run.save(self.folder / STATE)
        remove(self._work(number))

    def _work(self, number: int) -> Path:
        return self.folder / WORK / str(number)


@contextmanager
def _timed(name: str, seconds: dict[str, float], folder: Path) -> Iterator[None]:
    """Note how long the block takes; a job that goes on in the folder keeps what the first one needed."""
    start = time.perf_counter()
    yield
    if name not in seconds:
        seconds[name] = time.perf_counter() - start
        if is_first():
            write_json(folder / SPENT, seconds)


def _source(store: Datastore, settings: InkRoundSettings, folder: Path) -> Source:
    chosen, index = settings.ink, settings.index
    if chosen.neighbours == "per_batch":
        return IndexLookup(store, index, chosen.k, chosen.variant)

    def find() -> None:
        if not (folder / FOUND).exists():  # else an interrupted job has left it here, whole
            exact = chosen.neighbours == "per_round_exact"
            find_once(store, index, chosen.k, settings.device, folder / FOUND, exact=exact)

    in_first(find)
    return PrecomputedLookup(folder / FOUND, store, chosen.k, chosen.variant)


def finish_rounds(
    domain: Domain, settings: InkAverageSettings, rounds: Sequence[Path], output: Path, command: str | None = None
) -> None:
    """Write the folder `output` with INK's final adapter, averaged over rounds, from the folders of all of them.

    Its file says that it was trained as the rounds were, and with `command`, what a person would type.
    """
    records = {folder: read_json(folder / RECORD, "rounds", "history") for folder in rounds}
    trained = {number: folder for folder, record in records.items() for number in record["rounds"]}
    history = records[trained[max(trained)]]["history"]

    def adapter(number: int) -> Path:
        return adapter_of_round(trained[number], number)

    last = adapter(max(trained))
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        model = domain.load_model(settings, adapter=last)
        dev_bleu = DevBleu(model, domain, settings, beam=settings.training.dev_beam)
        metadata = read_metadata(last)
        origin: dict[str, Any] = {
            name: metadata[name] for name in ("system", "domain", "seed", "hub") if name in metadata
        }
        if command is not None:
            origin["command"] = command
        selected = select_rounds(history, settings.training.average_last, settings.ink.variant)
        finish(model, dev_bleu, selected, adapter, folder, origin)


def refresh(
    model: TranslationModel, data: PreparedCorpus, settings: InkRoundSettings, first: Datastore, output: Path
) -> Datastore:
    """Write the datastore of `model` as it stands, without dropout and without an output layer, and open it.

    `first`, the base model's datastore, gives its index's centroids and codebooks
    where ink.refresh_index is `reuse`. There is an index only where training searches one: neighbours found once a
    round come from lists of the search's own (ink/datastore/knn_graph_search.py). One that `output` holds already is
    of the same model and is kept. Of processes that train together the first one writes it, and all open it.
    """
    chosen = settings.ink

    def write() -> None:
        if output.exists():
            return
        index, trained = None, None
        if chosen.neighbours == "per_batch" or settings.index.type == "exact":
            index, trained = settings.index, first.index_path if chosen.refresh_index == "reuse" else None
        text, batch_tokens = model.parallel_text(data, "train"), settings.datastore.batch_tokens
        extraction = Extraction(model, text, data.fingerprint, "decoder_output", batch_tokens)
        build_datastore(extraction, output, index, log_probs=False, trained_index=trained)

    in_first(write)
    return open_datastore(output, model=model.fingerprint, corpus=data.fingerprint, key="decoder_output")
