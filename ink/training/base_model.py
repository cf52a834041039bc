"""Training the off-the-shelf model on the general domain, where none is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq import tasks
from torch import Tensor

from ink.corpus.prepared import PreparedCorpus
from ink.evaluation.dev_bleu import dev_bleu_of
from ink.files import write_atomically, write_json
from ink.training.averaging import average
from ink.training.stopping import OnEpoch, unwatched
from ink.training.trainer import TrainingRun, fairseq_config


def train_base_model(
    data: PreparedCorpus,
    corpus: Path,
    vocabulary: Path,
    settings: Mapping[str, Any],
    seed: int,
    output: Path,
    on_epoch: OnEpoch = unwatched,
) -> None:
    """Write the folder `output` with model.pt, the average of the last epochs, and record.json with its curves.

    settings: device, text, decoding, evaluation, training.dev_sentences and base_model.train.
    """
    chosen = settings["base_model"]["train"]
    optimisation = {"betas": [0.9, 0.98], "weight_decay": 0.0, "clip_norm": 0.0, "update_frequency": 1, **chosen}
    criterion = ["--criterion", "label_smoothed_cross_entropy", "--label-smoothing", str(chosen["label_smoothing"])]
    config = fairseq_config(
        data, optimisation, seed=seed, device=settings["device"], criterion=criterion, model=_architecture(chosen)
    )
    task = tasks.setup_task(config.task)
    model = task.build_model(config.model)
    with write_atomically(output) as folder:
        run = TrainingRun(config, task, model, task.build_criterion(config.criterion), folder)
        history: list[dict[str, Any]] = []
        last: list[dict[str, Tensor]] = []
        for epoch in range(1, chosen["max_epochs"] + 1):
            means = run.epoch(f"base model, epoch {epoch}")
            history.append({"round": epoch, "updates": run.updates, **means})
            on_epoch(history[-1])
            weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
            last = [*last, weights][-chosen["average_last"] :]
        model.load_state_dict(average(last))
        config.checkpoint.no_save_optimizer_state = True
        run.save(folder / "model.pt")
        dev_bleu = dev_bleu_of(task, corpus, vocabulary, data, settings)
        record = {"seed": seed, "dev_bleu": dev_bleu(model), "history": history}
        write_json(folder / "record.json", record)


def _architecture(chosen: Mapping[str, Any]) -> list[str]:
    options = ["--arch", "transformer", "--share-all-embeddings", "--dropout", str(chosen["dropout"])]
    for side in ("encoder", "decoder"):
        options += [f"--{side}-layers", str(chosen[f"{side}_layers"])]
        options += [f"--{side}-embed-dim", str(chosen["dimension"])]
        options += [f"--{side}-ffn-embed-dim", str(chosen["ffn_dimension"])]
        options += [f"--{side}-attention-heads", str(chosen["attention_heads"])]
    return options
