"""fairseq's Trainer, set up for an objective, and epochs of it that can be resumed at any checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from fairseq import options as command_line
from fairseq.data.iterators import EpochBatchIterator, GroupedIterator
from fairseq.dataclass.utils import convert_namespace_to_omegaconf, omegaconf_no_object_check
from fairseq.logging import metrics
from fairseq.trainer import Trainer
from torch import Tensor
from torch.optim import Optimizer

from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.device import torch_device, torch_dtype
from ink.nmt.distributed import count, from_all, is_first
from ink.nmt.fairseq import data_parallel
from ink.nmt.fairseq.checkpoint import allow_fairseq_types
from ink.nmt.fairseq.criterion import criterion_of
from ink.nmt.fairseq.fairseq_model import FairseqModel
from ink.nmt.fairseq.master_weights import full_weights, half_precision_state, restore_half_precision
from ink.nmt.fairseq.whole_updates import WholeUpdates
from ink.nmt.training_run import CHECKPOINT, Objective, Optimisation, TrainingRun
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import write_atomically

SENTENCES_NAMED = 8
# where torch keeps what it calls in a method's place, once its compiler is loaded
_LEFT_ALONE = "__dynamo_disable"


def configuration(data: PreparedCorpus, options: Sequence[str]) -> Any:
    """Return fairseq's configuration for a Transformer on `data`; `options` are fairseq's own."""
    arguments = [
        str(data.path),
        *("--task", "translation", "--arch", "transformer"),
        *("--source-lang", data.languages.source, "--target-lang", data.languages.target),
        *options,
    ]
    parser = command_line.get_training_parser()
    return convert_namespace_to_omegaconf(command_line.parse_args_and_arch(parser, input_args=arguments))


def configuration_for_training(data: PreparedCorpus, optimisation: Optimisation, architecture: Any = None) -> Any:
    """Return fairseq's configuration for a training run of a model; architecture: what it was built from."""
    chosen = optimisation
    options = [
        *("--optimizer", "adam", "--adam-betas", str(tuple(chosen.betas))),
        *("--lr", str(chosen.learning_rate), "--lr-scheduler", "inverse_sqrt"),
        *("--warmup-updates", str(chosen.warmup_updates), "--warmup-init-lr", "1e-7"),
        *("--weight-decay", str(chosen.weight_decay), "--clip-norm", str(chosen.clip_norm)),
        *("--max-tokens", str(chosen.batch_tokens), "--update-freq", str(chosen.update_frequency)),
        *data_parallel.fairseq_options(chosen.processes),
        *("--seed", str(chosen.seed), "--num-workers", "0", "--log-format", "none"),
    ]
    if torch_device(chosen.device).type == "cpu":
        options.append("--cpu")
    torch_dtype(chosen.precision)
    if chosen.precision != "fp32":
        # not in one flat tensor, which fairseq makes on a GPU alone
        options += [f"--{chosen.precision}", "--fp16-no-flatten-grads"]
    config = configuration(data, options)
    # fairseq takes bf16 for a sign of a TPU
    config.common.tpu = False
    if architecture is not None:
        # an older architecture is a plain namespace, which omegaconf takes only when told so
        with omegaconf_no_object_check():
            config.model = architecture
    return config


def leave_compiler_unloaded() -> None:
    """Let an optimiser's methods run as they are.

    torch has some of them ask its compiler, which nothing here uses, to leave them alone, and so loads it, and sympy,
    for a second of CPU time.
    """
    for method in vars(Optimizer).values():
        if isinstance(method, FunctionType) and method.__code__.co_filename.endswith("_compile.py"):
            plain = getattr(method, "__wrapped__", None)
            if plain is not None:
                setattr(plain, _LEFT_ALONE, plain)


class FairseqRun(TrainingRun):
    """A fairseq Trainer with its data iterator; fairseq seeds dropout by the number of the update."""

    def __init__(
        self, model: FairseqModel, data: PreparedCorpus, optimisation: Optimisation, objective: Objective
    ) -> None:
        allow_fairseq_types()
        leave_compiler_unloaded()
        config = configuration_for_training(data, optimisation, model.architecture)
        config.criterion = objective.described()
        self.config = config
        self.section = section = optimisation.section
        self.model: FairseqModel = model
        self.objective = objective
        self.trainer = Trainer(config, model.task, model.network, criterion_of(objective, model.task))
        data_parallel.send_trained_weights_alone(self.trainer)
        self.iterator: EpochBatchIterator = self.trainer.get_train_iterator(epoch=1)
        self.trainer.lr_step(self.iterator.epoch)
        self.whole_updates = WholeUpdates(self.trainer, self.iterator.dataset, section=section)
        self.history: list[dict[str, Any]] = []
        self._checkpoint: Path | None = None
        self._every = 0
        self._meters_so_far: Any = None
        self._seconds_so_far = 0.0

    @property
    def updates(self) -> int:
        return int(self.trainer.get_num_updates())

    def weights(self) -> dict[str, Tensor]:
        return full_weights(self.trainer)

    def checkpoint_in(self, folder: Path, every: int) -> None:
        self.config.checkpoint.save_dir = str(folder)
        self._checkpoint, self._every = folder / CHECKPOINT, every
        if self._checkpoint.exists():
            self.restore(self._checkpoint)
            print(f"resuming after update {self.updates}, epoch {len(self.history) + 1}", flush=True)

    def epoch(self, description: str) -> dict[str, float]:
        batches = self.iterator.next_epoch_itr(fix_batches_to_gpus=False, shuffle=True)
        updates = GroupedIterator(batches, self.config.optimization.update_freq[0])
        self.trainer.begin_epoch(self.iterator.epoch)
        start = time.perf_counter() - self._seconds_so_far
        with metrics.aggregate(new_root=True) as meters:
            if self._meters_so_far is not None:
                meters.load_state_dict(self._meters_so_far)
            self._meters_so_far, self._seconds_so_far = None, 0.0
            bar = updates
            if is_first():
                bar = progress(updates, description=description, unit="update", total=len(updates), initial=updates.n)
            for samples in bar:
                self._update(data_parallel.without_fillers(samples), description)
                if self._every and updates.has_next() and self.updates % self._every == 0:
                    self.checkpoint(meters=meters.state_dict(), seconds=time.perf_counter() - start)
        self.trainer.lr_step(self.iterator.epoch)
        wanted = {
            name: float(value) for name, value in meters.get_smoothed_values().items() if name in self.objective.curves
        }
        print(f"{description}: {', '.join(f'{name} {value:.4g}' for name, value in wanted.items())}", flush=True)
        return {**wanted, "seconds": time.perf_counter() - start}

    def checkpoint(self, **inside_epoch: Any) -> None:
        """Write the state where `checkpoint_in` named a folder; between two epochs, unless `inside_epoch` says more."""
        if self._checkpoint is not None:
            self.save(self._checkpoint, **inside_epoch)

    def save(self, path: Path, **extra: Any) -> None:
        """Write model (the adapters alone, if that is what trains), optimiser, schedule, history, place in the data."""
        if not is_first():
            return
        self.trainer.consolidate_optimizer()
        state = {"train_iterator": self.iterator.state_dict(), "history": self.history, "processes": count(), **extra}
        state |= {"most_tokens": self.whole_updates.batches.most, **half_precision_state(self.trainer)}
        with write_atomically(path) as temporary:
            self.trainer.save_checkpoint(str(temporary), state)

    def save_model(self, path: Path) -> None:
        self.config.checkpoint.no_save_optimizer_state = True
        self.save(path)

    def restore(self, path: Path) -> None:
        try:
            extra = self.trainer.load_checkpoint(str(path))
            restore_half_precision(self.trainer, extra)
        except Exception as error:  # fairseq wraps whatever torch found in a bare Exception
            reason = str(error.__cause__ or error).splitlines()[0][:200]
            raise InkError(
                f"training state {path} cannot be read ({reason}); delete it and train again",
                code="training/state-unusable",
            ) from None
        data_parallel.check_resumable(path, extra)
        self.iterator.load_state_dict(extra["train_iterator"])
        self.history = list(extra["history"])
        self.whole_updates.batches.most = extra.get("most_tokens")
        self._meters_so_far = extra.get("meters")
        self._seconds_so_far = extra.get("seconds", 0.0)

    def _update(self, samples: Sequence[Any], description: str) -> None:
        try:
            logged = self.whole_updates(samples)
        except Exception as error:
            # the gradient was not finite and nothing has been updated; fairseq then looks for the place with hooks
            # that torch may refuse, which is an error on top of it
            if FloatingPointError in (type(error), type(error.__context__)):
                raise self._not_finite(samples, description) from None
            raise
        if logged is None:
            scale = self.trainer.optimizer.scaler.loss_scale
            print(f"{description}: gradient beyond fp16, this batch left out; loss scaled by {scale} now", flush=True)
        elif not math.isfinite(float(logged.get("loss", 0.0))):
            raise self._not_finite(samples, description)

    def _not_finite(self, samples: Sequence[Any], description: str) -> InkError:
        if is_first():  # fairseq's dump of the state that has just failed
            (Path(self.config.checkpoint.save_dir) / "crash.pt").unlink(missing_ok=True)
        # it is not finite in any process, once gradients and sums are those of all
        found = from_all([number for sample in samples if sample for number in sample["id"].tolist()])
        sentences = sorted(int(number) for numbers in found for number in numbers)
        named = ", ".join(map(str, sentences[:SENTENCES_NAMED])) + (", ..." if len(sentences) > SENTENCES_NAMED else "")
        kept = self._checkpoint if self._checkpoint is not None and self._checkpoint.exists() else None
        good = (
            f"the last good state is kept in {kept}" if kept is not None else "there is no checkpoint of this epoch yet"
        )
        # the gradients of whole models are not clipped
        clip = ", set training.clip_norm" if self.section == "training" else ""
        return InkError(
            f"{description}: loss or gradient is not finite at update {self.updates + 1}, in the batch of the "
            f"{len(sentences)} training sentences {named} (counted from 0 in train.bpe.*); {good}. "
            f"Lower {self.section}.learning_rate{clip}, or look at these sentences",
            code="training/not-finite",
        )
