"""Training kNN-KD: a model of the base's architecture, from scratch on the domain, taught by the base's neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ink.datastore.storage import open_datastore
from ink.datastore.stored_neighbours import open_neighbours
from ink.domain import Domain
from ink.evaluation.dev_bleu import dev_bleu_of
from ink.files import remove, write_json
from ink.nmt.checkpoint import read_architecture
from ink.nmt.precision import torch_dtype
from ink.settings import without_effect_removed
from ink.training import knn_kd_criterion as _registers_the_criterion  # noqa: F401
from ink.training.averaging import average
from ink.training.distributed import is_first
from ink.training.report import EpochReport, ignore_epoch
from ink.training.scored_epoch import record_of, scored_epoch
from ink.training.stopping import patience_has_run_out, select_rounds
from ink.training.teacher import Teacher
from ink.training.trainer import TrainingRun, fairseq_config
from ink.training.unfinished import unfinished
from ink.training.weights import read_weights, save_weights


def train_knn_kd(
    domain: Domain,
    settings: Mapping[str, Any],
    seed: int,
    datastore: Path,
    neighbours: Path,
    output: Path,
    on_epoch: EpochReport = ignore_epoch,
) -> None:
    """Train kNN-KD (Yang et al. 2022) and write the folder `output`.

    It holds model.pt, the average of the last epochs and the one with the best dev BLEU, and record.json with the
    curves. datastore: the base model's; neighbours: those stored of its entries. settings: device, precision, text,
    decoding, evaluation, training.{dev_sentences, dev_beam, patience, average_last, checkpoint_updates} and knn_kd,
    resolved for the domain. `on_epoch` is told of each epoch, after an interruption of those before it as well.

    Raises InkError where datastore or neighbours belong to another model, corpus or datastore.
    """
    chosen = settings["knn_kd"]
    base_model, task = _base(domain, settings)
    store = open_datastore(datastore, model=base_model, corpus=domain.data.fingerprint, key="decoder_output")
    stored = open_neighbours(neighbours, store)
    config = fairseq_config(
        domain.data,
        {"betas": [0.9, 0.98], "weight_decay": 0.0, "clip_norm": 0.0, **chosen},
        seed=seed,
        device=settings["device"],
        precision=settings["precision"],
        criterion=_criterion(chosen),
        architecture=read_architecture(domain.base_model, _dropouts(chosen)),
    )
    torch.manual_seed(seed)
    model = task.build_model(config.model)
    criterion = task.build_criterion(config.criterion)
    criterion.teacher = Teacher(store, stored, chosen["k"], chosen["own_entry"])
    dev_bleu = dev_bleu_of(
        task, domain.corpus, domain.vocabulary, domain.data, settings, beam=settings["training"]["dev_beam"]
    )
    identity = {
        "seed": seed,
        "base_model": base_model,
        "corpus": domain.data.fingerprint,
        "neighbours": {"stored": stored.meta.stored, "index": dict(stored.meta.index)},
        "settings": without_effect_removed(settings),
    }
    average_last = settings["training"]["average_last"]
    with unfinished(output, identity) as folder:
        run = TrainingRun(config, task, model, criterion, section="knn_kd")
        run.checkpoint_in(folder, settings["training"]["checkpoint_updates"])
        for entry in run.history:
            on_epoch(entry)
        while len(run.history) < chosen["max_epochs"]:
            if patience_has_run_out(run.history, settings["training"]["patience"]):
                break
            entry = scored_epoch(run, model, dev_bleu, "kNN-KD, epoch", on_epoch)
            if not is_first():
                continue
            save_weights(run.weights(), _weights(folder, entry["round"]))
            run.checkpoint()
            # an epoch that would not be averaged now never will be
            for number in {earlier["round"] for earlier in run.history} - {
                *select_rounds(run.history, average_last).averaged
            }:
                remove(_weights(folder, number))
        if not is_first():
            return
        selected = select_rounds(run.history, average_last)
        model.float().load_state_dict(average([read_weights(_weights(folder, number)) for number in selected.averaged]))
        config.checkpoint.no_save_optimizer_state = True
        run.save(folder / "model.pt")
        model.to(torch_dtype(settings["precision"]))
        write_json(folder / "record.json", record_of(run.history, selected, dev_bleu(model)))
        remove(folder / "epochs")


def _base(domain: Domain, settings: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the base model's fingerprint and its task, set to the domain's text; the model itself is let go."""
    model = domain.load_model(settings)
    model.task.cfg.data = str(domain.data.path)
    return model.base_fingerprint, model.task


def _criterion(chosen: Mapping[str, Any]) -> list[str]:
    options = ["--criterion", "knn_kd", "--label-smoothing", str(chosen["label_smoothing"])]
    return [*options, "--weight", str(chosen["weight"]), "--temperature", str(chosen["temperature"])]


def _dropouts(chosen: Mapping[str, Any]) -> dict[str, float]:
    names = ("dropout", "attention_dropout", "activation_dropout")
    # fairseq's old name for the last of them, which counts where that is 0
    return {"relu_dropout": 0.0, **{name: chosen[name] for name in names}}


def _weights(folder: Path, number: int) -> Path:
    return folder / "epochs" / f"{number}.pt"
