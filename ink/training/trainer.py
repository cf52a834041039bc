"""fairseq's Trainer, set up from the config's sections, and one epoch of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairseq import options
from fairseq.data.iterators import EpochBatchIterator, GroupedIterator
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from fairseq.trainer import Trainer

from ink.corpus.prepared import PreparedCorpus
from ink.nmt.checkpoint import allow_fairseq_types
from ink.nmt.device import torch_device
from ink.progress import progress


def fairseq_config(
    data: PreparedCorpus,
    optimisation: Mapping[str, Any],
    *,
    seed: int,
    device: str,
    criterion: Sequence[str],
    model: Sequence[str] = ("--arch", "transformer"),
) -> Any:
    """Return fairseq's configuration for a training run.

    optimisation: learning_rate, warmup_updates, betas, weight_decay, clip_norm, batch_tokens, update_frequency.
    criterion and model: fairseq's own options.
    """
    arguments = [
        str(data.path),
        *("--task", "translation"),
        *("--source-lang", data.source_language, "--target-lang", data.target_language),
        *model,
        *criterion,
        *("--optimizer", "adam", "--adam-betas", str(tuple(optimisation["betas"]))),
        *("--lr", str(optimisation["learning_rate"]), "--lr-scheduler", "inverse_sqrt"),
        *("--warmup-updates", str(optimisation["warmup_updates"]), "--warmup-init-lr", "1e-7"),
        *("--weight-decay", str(optimisation["weight_decay"]), "--clip-norm", str(optimisation["clip_norm"])),
        *("--max-tokens", str(optimisation["batch_tokens"]), "--update-freq", str(optimisation["update_frequency"])),
        *("--seed", str(seed), "--num-workers", "0", "--log-format", "none"),
    ]
    if torch_device(device).type == "cpu":
        arguments.append("--cpu")
    parser = options.get_training_parser()
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, input_args=arguments))


class TrainingRun:
    """A fairseq Trainer with its data iterator: runs epochs, saves and restores the whole state of training."""

    def __init__(self, config: Any, task: Any, model: Any, criterion: Any, scratch: Path) -> None:
        allow_fairseq_types()
        scratch.mkdir(parents=True, exist_ok=True)
        config.checkpoint.save_dir = str(scratch)
        self.config = config
        self.trainer = Trainer(config, task, model, criterion)
        self.iterator: EpochBatchIterator = self.trainer.get_train_iterator(epoch=1)
        self.trainer.lr_step(self.iterator.epoch)

    @property
    def updates(self) -> int:
        return int(self.trainer.get_num_updates())

    def epoch(self, description: str) -> dict[str, float]:
        """Train one epoch in fairseq's order for its number; return means of what the criterion logs, and seconds."""
        update_frequency = self.config.optimization.update_freq[0]
        batches = self.iterator.next_epoch_itr(fix_batches_to_gpus=False, shuffle=True)
        updates = GroupedIterator(batches, update_frequency)
        self.trainer.begin_epoch(self.iterator.epoch)
        start = time.perf_counter()
        with metrics.aggregate(new_root=True) as meters:
            for samples in progress(updates, description=description, unit="update", total=len(updates)):
                self.trainer.train_step(samples)
        self.trainer.lr_step(self.iterator.epoch)
        wanted = {name: value for name, value in meters.get_smoothed_values().items() if name in CURVES}
        print(f"{description}: {', '.join(f'{name} {value:.4g}' for name, value in wanted.items())}", flush=True)
        return {**wanted, "seconds": time.perf_counter() - start}

    def save(self, path: Path) -> None:
        """Write model (the adapters alone, if that is what trains), optimiser, schedule and place in the data."""
        self.trainer.consolidate_optimizer()
        self.trainer.save_checkpoint(str(path), {"train_iterator": self.iterator.state_dict()})

    def restore(self, path: Path) -> None:
        """Go on from a saved state: the next epoch, update count and data order are those of an unbroken run."""
        extra = self.trainer.load_checkpoint(str(path))
        self.iterator.load_state_dict(extra["train_iterator"])


# What criteria log, by the names under which it is recorded.
CURVES = ("loss", "nll_loss", "loss_a", "loss_i", "loss_r", "share_with_target", "cosine_same_value")
