"""Training an adapter on a frozen base model: the frame that Adapter and INK share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ink.config.slices.training_slices import AdapterSettings, InkRoundSettings
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.adapter import read_adapter, write_adapter
from ink.nmt.distributed import is_first
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.hub_record import hub_origin
from ink.nmt.training_run import Optimisation
from ink.nmt.translation_model import TranslationModel
from ink.runtime.whole_files import write_json
from ink.training.checkpoints import average
from ink.training.early_stopping import Selection, Stopping, select_rounds
from ink.training.fit import Training, fit
from ink.training.launcher import EpochReport, ignore_epoch
from ink.training.objective import Objective
from ink.training.unfinished import unfinished


@dataclass(frozen=True)
class Origin:
    """What is trained, and the command, as a person would type it, that trains it; None where there was none."""

    system: str
    command: str | None = None

    def metadata(self, domain: str, seed: int) -> dict[str, Any]:
        """Return what an adapter's file says of its training."""
        known = {"system": self.system, "domain": domain, "seed": seed}
        return known if self.command is None else {**known, "command": self.command}


class AdapterTraining:
    """A base model with fresh adapters, the Trainer that updates them, and the dev set that judges them.

    `objective` and `origin` are the Adapter baseline's where there are none.
    """

    def __init__(
        self,
        domain: Domain,
        settings: AdapterSettings | InkRoundSettings,
        seed: int,
        objective: Objective | None = None,
        origin: Origin | None = None,
    ) -> None:
        chosen = settings.training
        self.domain = domain
        self.settings = settings
        self.seed = seed
        self.origin = {**(origin or Origin("adapter")).metadata(domain.name, seed), **hub_origin(domain.base_model)}
        self.model = domain.load_model(settings, dropout=chosen.dropout)
        optimisation = Optimisation.from_settings(settings, "training", seed)
        # the adapters' start depends on the seed alone, not on what was drawn before
        torch.manual_seed(seed)
        self.model.attach_adapters(settings.adapter.inner_dimension, chosen.dropout, settings.adapter.initialisation)
        self.dev_bleu = DevBleu(self.model, domain, settings, beam=chosen.dev_beam)
        objective = objective or Objective(chosen.label_smoothing)
        self.run = self.model.train_on(domain.data, optimisation, objective)
        self.model.take_adapter_weights_from(self.run.weights)

    def identity(self, **more: Any) -> dict[str, Any]:
        """Return what the trained adapter depends on, by which an interrupted training is known again."""
        base, corpus = self.model.base_fingerprint, self.domain.data.fingerprint
        system, settings = self.origin["system"], self.settings.that_matter()
        return {"seed": self.seed, "base_model": base, "corpus": corpus, "settings": settings, "system": system, **more}

    def train_in(self, folder: Path) -> None:
        """Keep checkpoints in `folder`, and resume from the one that an interrupted job has left there."""
        self.run.checkpoint_in(folder, self.settings.training.checkpoint_updates)

    def write_adapter(self, path: Path) -> None:
        """Write the adapters as they are."""
        write_adapter(path, self.model.adapter_weights(), base_model=self.model.base_fingerprint, **self.origin)


def train_adapter(
    domain: Domain,
    settings: AdapterSettings,
    seed: int,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
    origin: Origin | None = None,
) -> None:
    """Train the Adapter baseline (Bapna and Firat 2019) and write the folder `output`.

    It holds adapter.safetensors, the average that is used; epochs/N.safetensors; record.json with the curves.
    `on_epoch` is told of each epoch's entry of the history, after an interruption of those before it as well.
    `origin` is what the files say of it.
    """
    training = AdapterTraining(domain, settings, seed, origin=origin)
    chosen = settings.training
    with unfinished(output, training.identity()) as folder:
        training.train_in(folder)

        def adapter(number: int) -> Path:
            return folder / "epochs" / f"{number}.safetensors"

        def keep(number: int) -> None:
            training.write_adapter(adapter(number))
            training.run.checkpoint()

        stopping = Stopping(settings.adapter.max_epochs, chosen.patience)
        history = fit(Training(training.run, "adapter, epoch", stopping, keep, training.dev_bleu), on_epoch)
        if not is_first():
            return
        selected = select_rounds(history, chosen.average_last)
        finish(training.model, training.dev_bleu, selected, adapter, folder, training.origin)


def finish(
    model: TranslationModel,
    dev_bleu: DevBleu,
    selected: Selection,
    adapter: Callable[[int], Path],
    folder: Path,
    origin: Mapping[str, Any],
) -> None:
    """Average the adapters of the selected rounds, score the average on dev, and write both down in `folder`.

    `adapter` gives each round's file, `origin` what the average's file says of its training. `model` is left with the
    average attached.
    """
    weights = average([read_adapter(adapter(number))[0] for number in selected.averaged])
    model.load_adapter_weights(weights)
    path = folder / "adapter.safetensors"
    write_adapter(path, weights, base_model=model.base_fingerprint, **origin, averaged=selected.averaged)
    from_hub = {name: value for name, value in origin.items() if name == "hub"}
    write_json(folder / "record.json", {**selected.record(dev_bleu(model)), **from_hub})
