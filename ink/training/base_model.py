"""Training the off-the-shelf model on the general domain, where none is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq import tasks

from ink.corpus.prepared import PreparedCorpus
from ink.evaluation.dev_bleu import dev_bleu_of
from ink.files import remove, write_json
from ink.nmt.precision import torch_dtype
from ink.settings import without_effect_removed
from ink.training.averaging import average
from ink.training.distributed import is_first
from ink.training.report import EpochReport, ignore_epoch
from ink.training.trainer import TrainingRun, fairseq_config
from ink.training.unfinished import unfinished
from ink.training.weights import read_weights, save_weights


def train_base_model(
    data: PreparedCorpus,
    corpus: Path,
    vocabulary: Path,
    settings: Mapping[str, Any],
    seed: int,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
) -> None:
    """Write the folder `output` with model.pt, the average of the last epochs, and record.json with its curves.

    settings: device, precision, text, decoding, evaluation, training.dev_sentences, training.checkpoint_updates and
    base_model.train. `on_epoch` is told of each epoch, after an interruption of those before it as well.
    """
    chosen = settings["base_model"]["train"]
    optimisation = {"betas": [0.9, 0.98], "weight_decay": 0.0, "clip_norm": 0.0, "update_frequency": 1, **chosen}
    criterion = ["--criterion", "label_smoothed_cross_entropy", "--label-smoothing", str(chosen["label_smoothing"])]
    config = fairseq_config(
        data,
        optimisation,
        seed=seed,
        device=settings["device"],
        precision=settings["precision"],
        criterion=criterion,
        model=_architecture(chosen),
    )
    task = tasks.setup_task(config.task)
    torch.manual_seed(seed)
    model = task.build_model(config.model)
    last = range(max(1, chosen["max_epochs"] - chosen["average_last"] + 1), chosen["max_epochs"] + 1)
    identity = {"seed": seed, "corpus": data.fingerprint, "settings": without_effect_removed(settings)}
    with unfinished(output, identity) as folder:
        run = TrainingRun(config, task, model, task.build_criterion(config.criterion), section="base_model.train")
        run.checkpoint_in(folder, settings["training"]["checkpoint_updates"])
        for entry in run.history:
            on_epoch(entry)
        while len(run.history) < chosen["max_epochs"]:
            epoch = len(run.history) + 1
            means = run.epoch(f"base model, epoch {epoch}")
            seconds = {"training": means.pop("seconds")}
            entry = {"round": epoch, "updates": run.updates, **means, "seconds": seconds}
            run.history.append(entry)
            on_epoch(entry)
            if epoch in last and is_first():
                save_weights(run.weights(), folder / "epochs" / f"{epoch}.pt")
            run.checkpoint()
        if not is_first():
            return
        weights = [read_weights(folder / "epochs" / f"{epoch}.pt") for epoch in last]
        model.float().load_state_dict(average(weights))
        config.checkpoint.no_save_optimizer_state = True
        run.save(folder / "model.pt")
        dev_bleu = dev_bleu_of(task, corpus, vocabulary, data, settings, beam=settings["decoding"]["beam"])
        model.to(torch_dtype(settings["precision"]))
        record = {"seed": seed, "dev_bleu": dev_bleu(model), "history": run.history}
        write_json(folder / "record.json", record)
        remove(folder / "epochs")


def _architecture(chosen: Mapping[str, Any]) -> list[str]:
    options = ["--arch", "transformer", "--share-all-embeddings", "--dropout", str(chosen["dropout"])]
    for side in ("encoder", "decoder"):
        options += [f"--{side}-layers", str(chosen[f"{side}_layers"])]
        options += [f"--{side}-embed-dim", str(chosen["dimension"])]
        options += [f"--{side}-ffn-embed-dim", str(chosen["ffn_dimension"])]
        options += [f"--{side}-attention-heads", str(chosen["attention_heads"])]
    return options
