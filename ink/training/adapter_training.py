"""Training an adapter on a frozen base model: the frame that Adapter and INK share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ink.domain import Domain
from ink.evaluation.dev_bleu import DevBleu, dev_bleu_of
from ink.files import write_json
from ink.nmt.adapter import read_adapter, write_adapter
from ink.nmt.translation_model import TranslationModel
from ink.settings import without_effect_removed
from ink.training.averaging import average
from ink.training.distributed import is_first
from ink.training.report import EpochReport, ignore_epoch
from ink.training.scored_epoch import record_of, scored_epoch
from ink.training.stopping import Selection, patience_has_run_out, select_rounds
from ink.training.trainer import TrainingRun, fairseq_config
from ink.training.unfinished import unfinished


class AdapterTraining:
    """A base model with fresh adapters, the Trainer that updates them, and the dev set that judges them.

    settings: device, precision, text, decoding, evaluation, training and adapter, resolved for the domain. `system`
    and `command` are what its files say that they were trained as, and with.
    """

    def __init__(
        self,
        domain: Domain,
        settings: Mapping[str, Any],
        seed: int,
        criterion: Sequence[str],
        *,
        system: str = "adapter",
        command: str | None = None,
    ) -> None:
        chosen = settings["training"]
        self.domain = domain
        self.settings = settings
        self.seed = seed
        self.origin = origin(system, domain.name, seed, command)
        self.model = domain.load_model(settings, dropout=chosen["dropout"])
        smoothing = ["--label-smoothing", str(chosen["label_smoothing"])]
        config = fairseq_config(
            domain.data,
            chosen,
            seed=seed,
            device=settings["device"],
            precision=settings["precision"],
            criterion=[*criterion, *smoothing],
        )
        # the adapters' start depends on the seed alone, not on what was drawn before
        torch.manual_seed(seed)
        self.model.network.attach_adapters(
            settings["adapter"]["inner_dimension"], chosen["dropout"], settings["adapter"]["initialisation"]
        )
        task = self.model.task
        self.criterion = task.build_criterion(config.criterion)
        self.dev_bleu = dev_bleu_of(
            task, domain.corpus, domain.vocabulary, domain.data, settings, beam=settings["training"]["dev_beam"]
        )
        self.run = TrainingRun(config, task, self.model.network, self.criterion, section="training")
        self.model.network.take_adapter_weights_from(self.run.weights)

    def identity(self, **more: Any) -> dict[str, Any]:
        """Return what the trained adapter depends on, by which an interrupted training is known again."""
        base, corpus = self.model.base_fingerprint, self.domain.data.fingerprint
        settings = without_effect_removed(self.settings)
        return {"seed": self.seed, "base_model": base, "corpus": corpus, "settings": settings, **more}

    def train_in(self, folder: Path) -> None:
        """Keep checkpoints in `folder`, and go on from the one that an interrupted job has left there."""
        self.run.checkpoint_in(folder, self.settings["training"]["checkpoint_updates"])

    def epoch(
        self, description: str, on_epoch: EpochReport, seconds: Mapping[str, float] | None = None
    ) -> dict[str, Any]:
        """Train one epoch, score the dev set, and return the history's new entry, of which `on_epoch` is told."""
        return scored_epoch(self.run, self.model.network, self.dev_bleu, description, on_epoch, seconds)

    def write_adapter(self, path: Path) -> None:
        if not is_first():
            return
        write_adapter(path, self.model.network.adapter_weights(), base_model=self.model.base_fingerprint, **self.origin)


def origin(system: str, domain: str, seed: int, command: str | None) -> dict[str, Any]:
    """Return what an adapter's file says of its training; a training that no command ran names none."""
    known = {"system": system, "domain": domain, "seed": seed}
    return known if command is None else {**known, "command": command}


def train_adapter(
    domain: Domain,
    settings: Mapping[str, Any],
    seed: int,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
    command: str | None = None,
    system: str = "adapter",
) -> None:
    """Train the Adapter baseline (Bapna and Firat 2019) and write the folder `output`.

    It holds adapter.safetensors, the average that is used; epochs/N.safetensors; record.json with the curves.
    `on_epoch` is told of each epoch's entry of the history, after an interruption of those before it as well.
    `command` is what a person would type, and `system` what is trained, for the files to say.
    """
    criterion = ["--criterion", "label_smoothed_cross_entropy"]
    training = AdapterTraining(domain, settings, seed, criterion, system=system, command=command)
    with unfinished(output, training.identity(system=system)) as folder:
        training.train_in(folder)
        history = training.run.history
        for entry in history:
            on_epoch(entry)
        while len(history) < settings["adapter"]["max_epochs"]:
            if patience_has_run_out(history, settings["training"]["patience"]):
                break
            entry = training.epoch("adapter, epoch", on_epoch)
            training.write_adapter(folder / "epochs" / f"{entry['round']}.safetensors")
            training.run.checkpoint()
        if not is_first():
            return
        epochs = {entry["round"]: folder / "epochs" / f"{entry['round']}.safetensors" for entry in history}
        selected = select_rounds(history, settings["training"]["average_last"])
        finish(training.model, training.dev_bleu, history, epochs, selected, folder, training.origin)


def finish(
    model: TranslationModel,
    dev_bleu: DevBleu,
    history: Sequence[Mapping[str, Any]],
    adapters: Mapping[int, Path],
    selected: Selection,
    folder: Path,
    origin: Mapping[str, Any],
) -> None:
    """Average the adapters of the selected rounds, score the average on dev, and write both down in `folder`.

    `adapters` gives each round's file, `origin` what the average's file says of its training. `model` is left with the
    average attached.
    """
    weights = average([read_adapter(adapters[number])[0] for number in selected.averaged])
    model.network.load_adapter_weights(weights)
    path = folder / "adapter.safetensors"
    write_adapter(path, weights, base_model=model.base_fingerprint, **origin, averaged=selected.averaged)
    write_json(folder / "record.json", record_of(history, selected, dev_bleu(model.network)))
