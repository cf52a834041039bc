"""Training a Hugging Face model in plain torch: Adam with warm-up, and epochs that can be resumed at any checkpoint.

Schedule and clipping are those of fairseq's Trainer. The gradients of an update's batches are summed and divided by
their target tokens, and dropout is drawn from the number of the update.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.batches import batches_by_length
from ink.nmt.device import torch_device, torch_dtype
from ink.nmt.huggingface.huggingface_model import HuggingFaceModel
from ink.nmt.oom import FittingBatches, is_out_of_memory
from ink.nmt.training_run import CHECKPOINT, Objective, Optimisation, TrainingPass, TrainingRun
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import write_atomically

WARMUP_START = 1e-7  # learning rate of the first update
SENTENCES_NAMED = 8


class TrainingLoop(TrainingRun):
    """Epochs over a corpus; what trains is kept in fp32, whatever the network computes in."""

    def __init__(
        self, model: HuggingFaceModel, data: PreparedCorpus, optimisation: Optimisation, objective: Objective
    ) -> None:
        _check_supported(optimisation)
        self.model: HuggingFaceModel = model
        self.objective, self.how = objective, optimisation
        self.text = model.parallel_text(data, "train")
        self.batches = batches_by_length(self.text, optimisation.batch_tokens)
        self.fitting = FittingBatches(
            self.text.longer_sides, task="training", setting=f"{optimisation.section}.batch_tokens"
        )
        self.device = torch_device(optimisation.device)
        trained = {name: value for name, value in self._module.named_parameters() if value.requires_grad}
        # rounded into the network after every update, where it computes in half precision
        full = {name: value.detach().float().to(self.device) for name, value in trained.items()}
        model.network.to(device=self.device, dtype=torch_dtype(optimisation.precision))
        self.parameters = {name: value for name, value in self._module.named_parameters() if name in trained}
        self.half = torch_dtype(optimisation.precision) != torch.float32
        self.full: dict[str, Tensor] = full if self.half else dict(self.parameters)
        self.optimiser = torch.optim.AdamW(
            [self.full[name].requires_grad_() for name in self.full],
            lr=WARMUP_START,
            betas=(optimisation.betas[0], optimisation.betas[1]),
            weight_decay=optimisation.weight_decay,
        )
        self.history: list[dict[str, Any]] = []
        self.done = 0
        self._folder: Path | None = None
        self._every = 0
        self._epoch = _Epoch()

    @property
    def _module(self) -> torch.nn.Module:
        """What trains: the adapters where there are any, else the network."""
        module: torch.nn.Module = self.model.network if self.model.adapters is None else self.model.adapters
        return module

    @property
    def updates(self) -> int:
        return self.done

    def weights(self) -> dict[str, Tensor]:
        full = {id(self.parameters[name]): value for name, value in self.full.items()}
        found = self._module.state_dict(keep_vars=True)
        return {name: _widened(full.get(id(value), value).detach()) for name, value in found.items()}

    def checkpoint_in(self, folder: Path, every: int) -> None:
        self._folder, self._every = folder, every
        if (folder / CHECKPOINT).exists():
            self.restore(folder / CHECKPOINT)
            print(f"resuming after update {self.updates}, epoch {len(self.history) + 1}", flush=True)

    def epoch(self, description: str) -> dict[str, float]:
        state, number = self._epoch, len(self.history) + 1
        start = time.perf_counter() - state.seconds
        order = np.random.default_rng([self.how.seed, number]).permutation(len(self.batches)).tolist()
        size = self.how.update_frequency
        updates = [order[first : first + size] for first in range(0, len(order), size)]
        left = updates[state.updates :]
        self.model.network.train()
        bar = progress(left, description=description, unit="update", total=len(updates), initial=state.updates)
        for group in bar:
            self._update([self.batches[place] for place in group], description)
            state.updates += 1
            if self._every and state.updates < len(updates) and self.done % self._every == 0:
                state.seconds = time.perf_counter() - start
                self.checkpoint()
        means = self.objective.means(state.sums, state.tokens)
        digits, curves = self.objective.digits, self.objective.curves
        wanted = {name: round(float(mean), digits) for name, (mean, _) in means.items() if name in curves}
        print(f"{description}: {', '.join(f'{name} {value:.4g}' for name, value in wanted.items())}", flush=True)
        self._epoch = _Epoch()
        return {**wanted, "seconds": time.perf_counter() - start}

    def checkpoint(self) -> None:
        if self._folder is not None:
            self.save(self._folder / CHECKPOINT)

    def save(self, path: Path) -> None:
        state = {
            "weights": {name: value.detach().cpu() for name, value in self.weights().items()},
            "optimiser": self.optimiser.state_dict(),
            "history": self.history,
            "updates": self.done,
            "most_tokens": self.fitting.most,
            "epoch": vars(self._epoch),
        }
        with write_atomically(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self._module.load_state_dict(state["weights"])
            with torch.no_grad():
                for name, value in self.full.items():
                    value.copy_(state["weights"][name])
            self.optimiser.load_state_dict(state["optimiser"])
            self.history, self.done = list(state["history"]), int(state["updates"])
            self.fitting.most, self._epoch = state["most_tokens"], _Epoch(**state["epoch"])
        except Exception as error:  # bytes of any kind can end in any error
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise InkError(
                f"training state {path} cannot be read ({reason}); delete it and train again",
                code="training/state-unusable",
            ) from None

    def save_model(self, path: Path) -> None:
        with write_atomically(path) as temporary:
            self.model.write(temporary)

    def _update(self, batches: Sequence[Sequence[int]], description: str) -> None:
        """Do one update whole, in smaller batches where these do not fit."""
        while True:
            parts = [part for batch in batches for part in self.fitting.parts(batch)]
            try:
                sums, tokens = self._gradients(parts)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                break
            self.fitting.halve(parts)
        self._step(parts, sums, tokens, description)

    def _gradients(self, parts: Sequence[Sequence[int]]) -> tuple[dict[str, float], int]:
        """Sum the gradients of batches; returns what was logged, summed as well, and the target tokens."""
        self._clear_gradients()
        torch.manual_seed(self.how.seed + self.done)
        sums: dict[str, float] = {}
        tokens = 0
        for part in parts:
            batch = self.text.batch(part).to(self.device)
            begun = self.objective.begin(batch)
            passed = self.model.teacher_forced(batch, "decoder_output")
            forward = TrainingPass(passed.log_probs().flatten(0, 1), passed.keys)
            loss, logged = self.objective.loss(forward, batch, begun)
            loss.backward()
            tokens += int(batch.real.sum())
            for name, value in logged.items():
                sums[name] = sums.get(name, 0.0) + float(value)
        return sums, tokens

    def _step(self, parts: Sequence[Sequence[int]], sums: dict[str, float], tokens: int, description: str) -> None:
        for name, value in self.full.items():
            found = self.parameters[name].grad
            value.grad = torch.zeros_like(value) if found is None else found.float() / tokens
        clip = self.how.clip_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_([*self.full.values()], clip)
        if not math.isfinite(sums.get("loss", 0.0)) or not math.isfinite(float(norm)):
            raise self._not_finite(parts, description)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.optimiser.step()
        self._clear_gradients()
        if self.half:
            with torch.no_grad():
                for name, value in self.full.items():
                    self.parameters[name].copy_(value)
        self.done += 1
        self._epoch.tokens += tokens
        for name, logged in sums.items():
            self._epoch.sums[name] = self._epoch.sums.get(name, 0.0) + logged

    def _clear_gradients(self) -> None:
        for parameter in (*self.parameters.values(), *self.full.values()):
            parameter.grad = None

    def _learning_rate(self) -> float:
        """Return that of the next update: warmed up evenly, then falling with the root of the updates."""
        highest, warmup = self.how.learning_rate, self.how.warmup_updates
        if self.done < warmup:
            return WARMUP_START + (highest - WARMUP_START) * self.done / warmup
        return highest * math.sqrt(max(warmup, 1) / max(self.done, 1))

    def _not_finite(self, parts: Sequence[Sequence[int]], description: str) -> InkError:
        sentences = sorted(number for part in parts for number in part)
        named = ", ".join(map(str, sentences[:SENTENCES_NAMED])) + (", ..." if len(sentences) > SENTENCES_NAMED else "")
        kept = None if self._folder is None else self._folder / CHECKPOINT
        good = (
            f"the last good state is kept in {kept}"
            if kept is not None and kept.exists()
            else "there is no checkpoint of this epoch yet"
        )
        return InkError(
            f"{description}: loss or gradient is not finite at update {self.done + 1}, in the batch of the "
            f"{len(sentences)} training sentences {named} (counted from 0 in train.bpe.*); {good}. "
            f"Lower {self.how.section}.learning_rate, or look at these sentences",
            code="training/not-finite",
        )


class _Epoch:
    """How far the epoch is: its updates, and of these what was logged, summed, the target tokens and the seconds."""

    def __init__(
        self, updates: int = 0, tokens: int = 0, seconds: float = 0.0, sums: dict[str, float] | None = None
    ) -> None:
        self.updates, self.tokens, self.seconds, self.sums = updates, tokens, seconds, sums or {}


def _check_supported(optimisation: Optimisation) -> None:
    if (processes := optimisation.processes) > 1:
        raise InkError(
            f"{optimisation.section}.processes is {processes}, and a Hugging Face model is trained by one; set it to 1",
            code="training/not-for-hugging-face",
        )
    if optimisation.precision == "fp16":
        raise InkError(
            "precision is fp16, in which a Hugging Face model is not trained; set it to bf16 or fp32",
            code="training/not-for-hugging-face",
        )


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
