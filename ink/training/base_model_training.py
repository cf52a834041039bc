"""Training the off-the-shelf model on the general domain, where none is given."""

from __future__ import annotations

from pathlib import Path

from ink.config.slices.training_slices import BaseModelSettings
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.distributed import is_first
from ink.nmt.domain_files import Domain
from ink.nmt.training_run import Optimisation
from ink.training.checkpoints import WholeModels
from ink.training.early_stopping import Stopping
from ink.training.fit import Training, fit
from ink.training.launcher import EpochReport, ignore_epoch
from ink.training.objective import Objective
from ink.training.unfinished import unfinished


def train_base_model(
    domain: Domain, settings: BaseModelSettings, seed: int, output: Path, on_epoch: EpochReport = ignore_epoch
) -> None:
    """Write the folder `output` with model.pt, the average of the last epochs, and record.json with its curves.

    domain: the general one, whose base model this will be. `on_epoch` is told of each epoch, after an interruption of
    those before it as well.
    """
    chosen = settings.base_model.train
    optimisation = Optimisation.from_settings(settings, "base_model.train", seed)
    model = domain.backend.untrained(domain.data, chosen, seed)
    epochs = chosen.max_epochs
    last = range(max(1, epochs - chosen.average_last + 1), epochs + 1)
    identity = {"seed": seed, "corpus": domain.data.fingerprint, "settings": settings.that_matter()}
    with unfinished(output, identity) as folder:
        run = model.train_on(domain.data, optimisation, Objective(chosen.label_smoothing))
        run.checkpoint_in(folder, settings.training.checkpoint_updates)
        kept = WholeModels(run, folder)
        training = Training(run, "base model, epoch", Stopping(epochs), lambda number: kept.keep(number, last))
        history = fit(training, on_epoch)
        if not is_first():
            return
        dev_bleu = DevBleu(model, domain, settings, beam=settings.decoding.beam)
        precision = settings.precision
        kept.finish(last, precision, lambda final: {"seed": seed, "dev_bleu": dev_bleu(final), "history": history})
