"""INK's rounds: each a refresh of the datastore and the epoch that trains on it, then the final adapter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ink.datastore.storage import Datastore, open_datastore
from ink.datastore.stored_neighbours import find_once
from ink.domain import Domain
from ink.errors import InkError
from ink.evaluation.dev_bleu import dev_bleu_of
from ink.files import read_json, remove, write_atomically, write_json
from ink.nmt.adapter_file import read_metadata
from ink.training import criterion as _registers_the_criterion  # noqa: F401
from ink.training.adapter_training import AdapterTraining, finish
from ink.training.distributed import in_first, is_first, wait_for_first
from ink.training.neighbours import IndexLookup, PrecomputedLookup, Source, TrainingNeighbours
from ink.training.refresh import refresh
from ink.training.report import EpochReport, ignore_epoch
from ink.training.stopping import patience_has_run_out, select_rounds
from ink.training.unfinished import unfinished

FOUND = "neighbours.npy"
REFRESHED = "datastore"
SPENT = "seconds.json"
STATE = "state.pt"
RECORD = "record.json"
WORK = "working"


def adapter_of_round(folder: Path, number: int) -> Path:
    """Return where the folder of rounds trained together has the adapter of one of them."""
    return folder / "adapters" / f"{number}.safetensors"


def train_rounds(
    domain: Domain,
    settings: Mapping[str, Any],
    seed: int,
    numbers: Sequence[int],
    first_datastore: Path,
    previous: Path | None,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
    command: str | None = None,
    system: str = "ink",
) -> None:
    """Train the rounds `numbers`, which follow one another, or as many of them as patience lets it.

    Every round refreshes the datastore with the model as the round before has left it; round 1 trains on
    `first_datastore`, the base model's, as all rounds do where ink.refresh is `never`. `previous` is the folder of the
    rounds before these, None before round 1. Writes the folder `output`: adapters/N.safetensors of every round;
    record.json with these rounds and the history so far; and state.pt (optimiser, schedule, place in the data), from
    which later rounds go on. settings: as for an adapter, and datastore, index and ink. `on_epoch` is told of each
    round, after an interruption of those before it as well; `command` is what a person would type, for the files to
    say, and `system` what is trained. Raises InkError where `previous` is not of the rounds before.
    """
    chosen, patience = settings["ink"], settings["training"]["patience"]
    options = ["--criterion", "ink", "--alpha", str(chosen["alpha"]), "--beta", str(chosen["beta"])]
    options += ["--variant", chosen["variant"]]
    training = AdapterTraining(domain, settings, seed, options, system=system, command=command)
    if previous is not None:
        training.run.restore(previous / STATE)
    _check_follows(numbers[0], len(training.run.history), previous)
    base = training.model.base_fingerprint
    store = None
    if chosen["alpha"] or chosen["beta"]:
        store = open_datastore(first_datastore, model=base, corpus=domain.data.fingerprint, key="decoder_output")
    begun_from = base if previous is None else training.model.fingerprint
    identity = training.identity(system=system, rounds=[numbers[0], numbers[-1]], begun_from=begun_from)
    with unfinished(output, identity) as folder:
        if (folder / STATE).exists():
            training.run.restore(folder / STATE)
            print(f"going on after round {len(training.run.history)}", flush=True)
        if is_first():
            _remove_other_work(folder, len(training.run.history) + 1)
        for entry in training.run.history[numbers[0] - 1 :]:
            on_epoch(entry)
        stop = patience_has_run_out(training.run.history, patience, chosen["variant"])
        while len(training.run.history) < numbers[-1] and not stop:
            _train_next(training, store, folder, on_epoch)
            stop = patience_has_run_out(training.run.history, patience, chosen["variant"])
        if not is_first():
            return
        history = training.run.history
        for name in [WORK, FOUND, *([STATE] if stop else [])]:
            remove(folder / name)
        trained = list(range(numbers[0], len(history) + 1))
        write_json(folder / RECORD, {"rounds": trained, "status": "trained", "stop": stop, "history": history})


def _check_follows(first: int, trained: int, previous: Path | None) -> None:
    if first == trained + 1:
        return
    found = "none is given" if previous is None else f"{previous} ends with round {trained}"
    raise InkError(f"round {first} follows round {first - 1}, but of the rounds before {found}; give their folder")


def _train_next(training: AdapterTraining, store: Datastore | None, folder: Path, on_epoch: EpochReport) -> None:
    """Train the round after those in the history, and leave its adapter and the state after it in `folder`.

    What an interrupted job has left of the round is gone on with, and what only the round needs goes with it.
    """
    number, settings = len(training.run.history) + 1, training.settings
    refreshes = number > 1 and settings["ink"]["refresh"] == "every_round"
    work = folder / WORK / str(number)
    if is_first():
        work.mkdir(parents=True, exist_ok=True)
    wait_for_first()
    seconds = read_json(work / SPENT) if (work / SPENT).exists() else {}
    if store is not None and refreshes:
        # before the weights move on to where an interrupted job has left them
        with _timed("refresh", seconds, work):
            store = refresh(training.model, training.domain.data, settings, store, work / REFRESHED)
    training.train_in(work)
    if store is not None:
        with _timed("neighbours", seconds, work):
            # without refreshes every round has the same ones
            source = _source(store, settings, folder if settings["ink"]["refresh"] == "never" else work)
        training.criterion.neighbours = TrainingNeighbours(store, source)
    training.epoch("INK, round", on_epoch, seconds)
    if not is_first():
        return
    training.write_adapter(adapter_of_round(folder, number))
    training.run.save(folder / STATE)
    remove(work)


def _remove_other_work(folder: Path, number: int) -> None:
    """Remove what is not of round `number`: of one that ended just before the job was interrupted."""
    for other in (folder / WORK).glob("*"):
        if other.name != str(number):
            remove(other)


@contextmanager
def _timed(what: str, seconds: dict[str, float], folder: Path) -> Iterator[None]:
    """Note how long the block takes; a job that goes on in the folder keeps what the first one needed."""
    start = time.perf_counter()
    yield
    if what not in seconds:
        seconds[what] = time.perf_counter() - start
        if is_first():
            write_json(folder / SPENT, seconds)


def _source(store: Datastore, settings: Mapping[str, Any], folder: Path) -> Source:
    chosen, index = settings["ink"], settings["index"]
    if chosen["neighbours"] == "per_batch":
        return IndexLookup(store, index, chosen["k"], chosen["variant"])

    def find() -> None:
        if not (folder / FOUND).exists():  # else an interrupted job has left it here, whole
            exact = chosen["neighbours"] == "per_round_exact"
            find_once(store, index, chosen["k"], settings["device"], folder / FOUND, exact=exact)

    in_first(find)
    return PrecomputedLookup(folder / FOUND, store, chosen["k"], chosen["variant"])


def finish_rounds(
    domain: Domain, settings: Mapping[str, Any], rounds: Sequence[Path], output: Path, command: str | None = None
) -> None:
    """Write the folder `output` with INK's final adapter, averaged over rounds, from the folders of all of them.

    Its file says that it was trained as the rounds were, and with `command`, what a person would type.
    """
    records = {folder: read_json(folder / RECORD, "rounds", "history") for folder in rounds}
    trained = {number: folder for folder, record in records.items() for number in record["rounds"]}
    history = records[trained[max(trained)]]["history"]
    adapters = {number: adapter_of_round(folder, number) for number, folder in trained.items()}
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        model = domain.load_model(settings, adapter=adapters[max(adapters)])
        dev_bleu = dev_bleu_of(
            model.task, domain.corpus, domain.vocabulary, domain.data, settings, beam=settings["training"]["dev_beam"]
        )
        said = read_metadata(adapters[max(adapters)])
        origin: dict[str, Any] = {name: said[name] for name in ("system", "domain", "seed") if name in said}
        if command is not None:
            origin["command"] = command
        selected = select_rounds(history, settings["training"]["average_last"], settings["ink"]["variant"])
        finish(model, dev_bleu, history, adapters, selected, folder, origin)
