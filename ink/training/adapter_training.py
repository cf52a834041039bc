"""Training an adapter on a frozen base model: the frame that Adapter and INK share."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ink.domain import Domain
from ink.evaluation.dev_bleu import DevBleu, dev_bleu_of
from ink.files import write_atomically, write_json
from ink.nmt.adapter import read_adapter, write_adapter
from ink.nmt.translation_model import TranslationModel
from ink.training.averaging import average
from ink.training.stopping import OnEpoch, best_round, patience_has_run_out, rounds_to_average, unwatched
from ink.training.trainer import TrainingRun, fairseq_config


class AdapterTraining:
    """A base model with fresh adapters, the Trainer that updates them, and the dev set that judges them.

    settings: device, text, decoding, evaluation, training and adapter, resolved for the domain.
    """

    def __init__(
        self, domain: Domain, settings: Mapping[str, Any], seed: int, criterion: Sequence[str], scratch: Path
    ) -> None:
        chosen = settings["training"]
        self.domain = domain
        self.model = domain.load_model(settings, dropout=chosen["dropout"])
        smoothing = ["--label-smoothing", str(chosen["label_smoothing"])]
        config = fairseq_config(
            domain.data, chosen, seed=seed, device=settings["device"], criterion=[*criterion, *smoothing]
        )
        # the adapters' start depends on the seed alone, not on what was drawn before
        torch.manual_seed(seed)
        self.model.network.attach_adapters(
            settings["adapter"]["inner_dimension"], chosen["dropout"], settings["adapter"]["initialisation"]
        )
        task = self.model.task
        self.criterion = task.build_criterion(config.criterion)
        self.dev_bleu = dev_bleu_of(task, domain.corpus, domain.vocabulary, domain.data, settings)
        self.run = TrainingRun(config, task, self.model.network, self.criterion, scratch)

    def epoch(self, number: int, description: str) -> dict[str, Any]:
        """Train one epoch, score the dev set, and return the entry for the history."""
        means = self.run.epoch(f"{description} {number}")
        start = time.perf_counter()
        bleu = self.dev_bleu(self.model.network)
        print(f"{description} {number}: dev BLEU {bleu:.2f}", flush=True)
        seconds = {"training": means.pop("seconds"), "dev": time.perf_counter() - start}
        return {"round": number, "updates": self.run.updates, **means, "dev_bleu": bleu, "seconds": seconds}

    def write_adapter(self, path: Path) -> None:
        write_adapter(path, self.model.network.adapter_weights(), base_model=self.model.base_fingerprint)


def train_adapter(
    domain: Domain, settings: Mapping[str, Any], seed: int, output: Path, on_epoch: OnEpoch = unwatched
) -> None:
    """Train the Adapter baseline (Bapna and Firat 2019) and write the folder `output`.

    It holds adapter.safetensors, the average that is used; epochs/N.safetensors; record.json with the curves.
    """
    with write_atomically(output) as folder:
        training = AdapterTraining(domain, settings, seed, ["--criterion", "label_smoothed_cross_entropy"], folder)
        history: list[dict[str, Any]] = []
        for epoch in range(1, settings["adapter"]["max_epochs"] + 1):
            history.append(training.epoch(epoch, "adapter, epoch"))
            training.write_adapter(folder / "epochs" / f"{epoch}.safetensors")
            on_epoch(history[-1])
            if patience_has_run_out(history, settings["training"]["patience"]):
                break
        epochs = {entry["round"]: folder / "epochs" / f"{entry['round']}.safetensors" for entry in history}
        finish(training.model, training.dev_bleu, history, epochs, settings["training"]["average_last"], folder)


def finish(
    model: TranslationModel,
    dev_bleu: DevBleu,
    history: Sequence[Mapping[str, Any]],
    adapters: Mapping[int, Path],
    average_last: int,
    folder: Path,
) -> None:
    """Average the last rounds' adapters and the best one's, score the average on dev, and write both down in `folder`.

    `adapters` gives each round's file. `model` is left with the average attached.
    """
    averaged = rounds_to_average(history, average_last)
    weights = average([read_adapter(adapters[number])[0] for number in averaged])
    model.network.load_adapter_weights(weights)
    write_adapter(folder / "adapter.safetensors", weights, base_model=model.base_fingerprint, averaged=averaged)
    best = best_round(history)
    record = {
        "best_round": best,
        "best_dev_bleu": next(entry["dev_bleu"] for entry in history if entry["round"] == best),
        "averaged_rounds": averaged,
        "dev_bleu": dev_bleu(model.network),
        "history": list(history),
    }
    write_json(folder / "record.json", record)
