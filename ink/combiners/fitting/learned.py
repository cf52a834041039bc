"""Training a combiner on the dev set, the base model frozen: both the training set and what the best is chosen by."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ink.combiners.combiner import Combiner
from ink.combiners.combiner_file import DESCRIPTION, write_combiner
from ink.combiners.fitting.dev_queries import DevQueries
from ink.combiners.fitting.grid import grid
from ink.combiners.fitting.mixture_loss import smoothed_loss, target_log_probs
from ink.combiners.known_combiners import find_combiner
from ink.combiners.positions import TrainingContext
from ink.config.sections import retrieval_systems
from ink.config.slices.training_slices import CombinerSettings
from ink.datastore.search import Searcher
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.nmt.device import torch_device
from ink.nmt.domain_files import Domain
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_atomically, write_json
from ink.systems.systems_of_experiment import retrieval_settings, section_of

NO_SETTINGS_OF_THE_COMBINER = ("combiner", "key")


def train_combiner(
    domain: Domain, datastore: ModelDatastore, system: str, settings: CombinerSettings, seed: int, output: Path
) -> None:
    """Train the combiner of a system on the domain's dev set and write the folder `output`, whole or not at all.

    The datastore's model makes the queries. Raises InkError where the datastore is of another one.

    It holds combiner.json, weights.safetensors if it learns any, and record.json with the curves. A setting of the
    combiner that is a list is a grid: one is trained with each, and that of the lowest dev loss is kept.
    """
    start = time.perf_counter()
    described = retrieval_settings(settings.plain(), system)
    kind = find_combiner(described["combiner"])
    model = domain.load_model(settings, adapter=datastore.adapter)
    fingerprints = {"model": model.fingerprint, "corpus": domain.data.fingerprint}
    store = open_datastore(datastore.path, **fingerprints, key=described["key"])
    searcher = Searcher(store, settings.index)
    text = model.parallel_text(domain.data, "dev")
    how = settings.combiner_training
    batch_tokens = settings.datastore.batch_tokens
    queried_for: tuple[Any, ...] = ()
    best: tuple[float, Combiner, dict[str, Any]] | None = None
    tried = []
    points = grid({name: value for name, value in described.items() if name not in NO_SETTINGS_OF_THE_COMBINER})
    if kind.needs_dimension:
        points = [{**own, "dimension": store.meta.dimension} for own in points]
    for own in points:
        untrained = kind.from_settings(own)
        untrained.check_vocabulary(len(model.target_vocabulary), section_of(system))
        untrained.check_datastore(store)
    for own in points:
        torch.manual_seed(seed)
        combiner = kind.from_settings(own)
        # with another temperature the same is asked of model and datastore, and need not be asked again
        needs = (
            combiner.k + combiner.spare_neighbours,
            combiner.needs_keys,
            combiner.needs_log_probs,
            combiner.top_probabilities,
            combiner.needs_entropy,
        )
        if needs != queried_for:
            queried_for, queries = needs, DevQueries(model, text, searcher, combiner, how.base_dropout, batch_tokens)
        generator = torch.Generator().manual_seed(seed)
        record = CombinerTraining(combiner, queries, how, settings.device, generator).train()
        chosen = {name: own[name] for name in own if isinstance(described.get(name), list)}
        tried.append({**chosen, "dev_loss": record["best_dev_loss"]})
        if best is None or record["best_dev_loss"] < best[0]:
            best = record["best_dev_loss"], combiner, {"settings": own, "chosen": chosen, **record}
    assert best is not None
    _, combiner, record = best
    with write_atomically(output) as folder:
        write_combiner(
            folder / DESCRIPTION,
            described["combiner"],
            record["settings"],
            chosen=record["chosen"],
            tried=tried,
            network=combiner.network,
            model=model.fingerprint,
        )
        record["seconds"]["all"] = time.perf_counter() - start
        write_json(folder / "record.json", {"system": system, **record, "tried": tried})


def _not_finite(problem: str) -> InkError:
    return InkError(
        f"training a combiner: {problem}; nothing has been written. Lower combiner_training.learning_rate, or set "
        "combiner_training.clip_norm",
        code="training/not-finite",
    )


class CombinerTraining:
    """One combiner, the positions that it learns from, and the optimiser that updates it.

    settings: the config's combiner_training. Validation sees the dev set in eval mode, as it is.
    """

    def __init__(
        self,
        combiner: Combiner,
        queries: DevQueries,
        settings: retrieval_systems.CombinerTraining,
        device: str,
        generator: torch.Generator,
    ) -> None:
        self.combiner, self.queries, self.settings = combiner, queries, settings
        self.context = TrainingContext(generator, queries.keys, queries.log_probs)
        if combiner.network is not None:
            combiner.network.to(torch_device(device))

    def train(self) -> dict[str, Any]:
        """Train, leave the combiner with its best weights, and return the record: curves, best check, seconds.

        Raises InkError where a loss or gradient is not finite.
        """
        start = time.perf_counter()
        history = [{"update": 0, **self.validate()}]
        network = self.combiner.network
        if network is None:
            return self._record(history, history[0], start)
        best, weights = None, copy.deepcopy(network.state_dict())
        settings = self.settings
        optimiser = torch.optim.Adam(
            network.parameters(),
            lr=settings.learning_rate,
            betas=(settings.betas[0], settings.betas[1]),
            eps=settings.epsilon,
        )
        losses: list[float] = []
        since_best = 0
        for update, sentences in zip(range(1, settings.max_updates + 1), self._batches(), strict=False):
            losses.append(self._update(network, optimiser, sentences, update))
            if update % settings.check_every and update != settings.max_updates:
                continue
            check = {"update": update, "training_loss": sum(losses) / len(losses), **self.validate()}
            if not math.isfinite(check["dev_loss"]):
                raise _not_finite(f"the loss of dev is not finite after update {update}")
            history.append(check)
            losses = []
            if update < settings.best_from:
                continue
            since_best += 1
            if best is None or check["dev_loss"] < best["dev_loss"]:
                best, weights, since_best = check, copy.deepcopy(network.state_dict()), 0
            if since_best >= settings.patience:
                break
        assert best is not None
        network.load_state_dict(weights)
        return self._record(history, best, start)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the loss per token of dev, log p of its targets, and lambda, the mean share that p_NMT gives up."""
        if self.combiner.network is not None:
            self.combiner.network.eval()
        stored = self.queries.stored
        loss = likelihood = given = 0.0
        size = self.queries.at_once
        for begin in range(0, len(stored), size):
            positions = self.queries.complete(stored.at(slice(begin, begin + size)).nearest(self.combiner.k))
            weights = self.combiner.votes(positions)
            loss += float(smoothed_loss(weights, positions, self.settings.label_smoothing))
            likelihood += float(target_log_probs(weights, positions).sum())
            given += float((1 - weights.model.exp()).sum())
        count = len(stored)
        return {"dev_loss": loss / count, "dev_log_likelihood": likelihood / count, "lambda": given / count}

    def _update(self, network: nn.Module, optimiser: torch.optim.Optimizer, sentences: list[int], update: int) -> float:
        batch = self.queries.complete(self.queries.batch(sentences))
        positions = self.combiner.training_batch(batch, update - 1, self.context)
        network.train()
        weights = self.combiner.votes(positions)
        loss = smoothed_loss(weights, positions, self.settings.label_smoothing) / len(positions)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), self.settings.clip_norm or math.inf)
        if not (loss.isfinite() and norm.isfinite()):
            raise _not_finite(f"loss or gradient is not finite at update {update}")
        optimiser.step()
        return float(loss.detach())

    def _batches(self) -> Any:
        """Yield the sentences of each update: the dev set in a new order every epoch."""
        size = self.settings.batch_sentences
        while True:
            order = torch.randperm(self.queries.sentences, generator=self.context.generator).tolist()
            yield from (order[begin : begin + size] for begin in range(0, len(order), size))

    def _record(self, history: list[dict[str, Any]], best: Mapping[str, Any], start: float) -> dict[str, Any]:
        return {
            "best_update": best["update"],
            "best_dev_loss": best["dev_loss"],
            "start_dev_loss": history[0]["dev_loss"],
            "history": history,
            "seconds": {"training": time.perf_counter() - start},
        }
