"""INK's rounds: one refresh of the datastore and the epoch that trains on it, then the final adapter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ink.datastore.storage import Datastore, open_datastore
from ink.domain import Domain
from ink.evaluation.dev_bleu import dev_bleu_of
from ink.files import read_json, remove, write_atomically, write_json
from ink.nmt.adapter_file import read_metadata
from ink.training import criterion as _registers_the_criterion  # noqa: F401
from ink.training.adapter_training import AdapterTraining, finish
from ink.training.neighbours import EveryBatch, OncePerRound, Source, TrainingNeighbours, find_once
from ink.training.processes import in_first, is_first
from ink.training.refresh import refresh
from ink.training.report import EpochReport, ignore_epoch
from ink.training.stopping import patience_has_run_out, select_rounds
from ink.training.unfinished import unfinished

FOUND = "neighbours.npy"
REFRESHED = "datastore"
SPENT = "seconds.json"


def train_round(
    domain: Domain,
    settings: Mapping[str, Any],
    seed: int,
    number: int,
    first_datastore: Path,
    previous: Path | None,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
    command: str | None = None,
    system: str = "ink",
) -> None:
    """Refresh the datastore with `previous`, the round before, and train round `number` on it.

    Round 1 has no round before it and trains on `first_datastore`, the base model's; where ink.refresh is `never`, so
    does every other. Writes the folder `output`: adapter.safetensors, state.pt (optimiser, schedule, place in the data)
    and record.json with the history so far. settings: as for an adapter, and datastore, index and ink. `on_epoch` is
    told of the round; `command` is what a person would type, for the file to say, and `system` what is trained.
    """
    chosen = settings["ink"]
    options = ["--criterion", "ink", "--alpha", str(chosen["alpha"]), "--beta", str(chosen["beta"])]
    options += ["--variant", chosen["variant"]]
    training = AdapterTraining(domain, settings, seed, options, system=system, command=command)
    if previous is not None:
        training.run.restore(previous / "state.pt")
    # round 1 trains on the base model's datastore; adapters that start at zero do not change its keys
    refreshes = previous is not None and chosen["refresh"] == "every_round"
    base = training.model.base_fingerprint
    owner = training.model.fingerprint if refreshes else base
    store = None
    if chosen["alpha"] or chosen["beta"]:
        store = open_datastore(first_datastore, model=base, corpus=domain.data.fingerprint, key="decoder_output")
    with unfinished(output, training.identity(system=system, round=number, keys_of=owner)) as folder:
        seconds = read_json(folder / SPENT) if (folder / SPENT).exists() else {}
        if store is not None and refreshes:
            # before the weights move on to where an interrupted job has left them
            with _timed("refresh", seconds, folder):
                store = refresh(training.model, domain.data, settings, store, folder / REFRESHED)
        training.train_in(folder)
        if store is not None:
            with _timed("neighbours", seconds, folder):
                source = _source(store, settings, folder)
            training.criterion.neighbours = TrainingNeighbours(store, source)
        training.epoch("INK, round", on_epoch, seconds)
        if not is_first():
            return
        for name in (FOUND, REFRESHED, SPENT):
            remove(folder / name)
        training.write_adapter(folder / "adapter.safetensors")
        training.run.save(folder / "state.pt")
        history = training.run.history
        stop = patience_has_run_out(history, settings["training"]["patience"], chosen["variant"])
        write_json(folder / "record.json", {"round": number, "status": "trained", "stop": stop, "history": history})


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
        return EveryBatch(store, index, chosen["k"], chosen["variant"])

    def find() -> None:
        if not (folder / FOUND).exists():  # else an interrupted job has left it here, whole
            find_once(store, index, chosen["k"], settings["device"], folder / FOUND)

    in_first(find)
    return OncePerRound(folder / FOUND, store, chosen["k"], chosen["variant"])


def finish_rounds(
    domain: Domain, settings: Mapping[str, Any], rounds: Sequence[Path], output: Path, command: str | None = None
) -> None:
    """Write the folder `output` with INK's final adapter, averaged over rounds, from the folders of all rounds.

    Its file says that it was trained as the rounds were, and with `command`, what a person would type.
    """
    records = {folder: read_json(folder / "record.json") for folder in rounds}
    trained = {record["round"]: folder for folder, record in records.items() if record["status"] == "trained"}
    history = read_json(trained[max(trained)] / "record.json")["history"]
    adapters = {number: folder / "adapter.safetensors" for number, folder in trained.items()}
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        model = domain.load_model(settings, adapter=adapters[max(adapters)])
        dev_bleu = dev_bleu_of(model.task, domain.corpus, domain.vocabulary, domain.data, settings)
        said = read_metadata(adapters[max(adapters)])
        origin: dict[str, Any] = {name: said[name] for name in ("system", "domain", "seed") if name in said}
        if command is not None:
            origin["command"] = command
        selected = select_rounds(history, settings["training"]["average_last"], settings["ink"]["variant"])
        finish(model, dev_bleu, history, adapters, selected, folder, origin)
