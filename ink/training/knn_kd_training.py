"""Training kNN-KD: a model of the base's architecture, from scratch on the domain, taught by the base's neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ink.config.slices.training_slices import KnnKdSettings
from ink.datastore.knn_graph import open_neighbours
from ink.datastore.storage import open_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.distributed import is_first
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.hub_record import hub_origin
from ink.nmt.training_run import Optimisation
from ink.training.checkpoints import WholeModels
from ink.training.early_stopping import Stopping, select_rounds
from ink.training.fit import Training, fit
from ink.training.knn_kd_objective import KnnKdObjective, Teacher
from ink.training.launcher import EpochReport, ignore_epoch
from ink.training.unfinished import unfinished


@dataclass(frozen=True)
class TeacherFiles:
    """The base model's datastore of the domain, and the neighbours stored of its entries."""

    datastore: Path
    neighbours: Path


def train_knn_kd(
    domain: Domain,
    settings: KnnKdSettings,
    seed: int,
    taught_by: TeacherFiles,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
) -> None:
    """Train kNN-KD (Yang et al. 2022) and write the folder `output`.

    It holds model.pt, the average of the last epochs and the one with the best dev BLEU, and record.json with the
    curves. `on_epoch` is told of each epoch, after an interruption of those before it as well.

    Raises InkError where datastore or neighbours belong to another model, corpus or datastore.
    """
    chosen = settings.knn_kd
    base = domain.load_model(settings)
    base_model = base.base_fingerprint
    store = open_datastore(taught_by.datastore, model=base_model, corpus=domain.data.fingerprint, key="decoder_output")
    stored = open_neighbours(taught_by.neighbours, store)
    optimisation = Optimisation.from_settings(settings, "knn_kd", seed)
    dropouts = {name: getattr(chosen, name) for name in ("dropout", "attention_dropout", "activation_dropout")}
    model = domain.backend.untrained_like(domain.base_model, base, domain.data, dropouts, seed)
    del base  # its weights teach by the neighbours that were found with them
    dev_bleu = DevBleu(model, domain, settings, beam=settings.training.dev_beam)
    identity = {
        "seed": seed,
        "base_model": base_model,
        "corpus": domain.data.fingerprint,
        "neighbours": {"stored": stored.meta.stored, "index": dict(stored.meta.index)},
        "settings": settings.that_matter(),
    }
    average_last, patience = settings.training.average_last, settings.training.patience
    with unfinished(output, identity) as folder:
        objective = KnnKdObjective.from_settings(chosen)
        objective.teacher = Teacher(store, stored, chosen.k, chosen.own_entry)
        run = model.train_on(domain.data, optimisation, objective)
        run.checkpoint_in(folder, settings.training.checkpoint_updates)
        kept = WholeModels(run, folder)

        def keep(number: int) -> None:
            # an epoch that would not be averaged now never will be
            kept.keep(number, select_rounds(run.history, average_last).averaged)

        history = fit(Training(run, "kNN-KD, epoch", Stopping(chosen.max_epochs, patience), keep, dev_bleu), on_epoch)
        if not is_first():
            return
        selected = select_rounds(history, average_last)
        from_hub = hub_origin(domain.base_model)
        kept.finish(
            selected.averaged, settings.precision, lambda final: {**selected.record(dev_bleu(final)), **from_hub}
        )
