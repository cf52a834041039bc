"""Choosing V-kNN's k, lambda and T on a domain's dev set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ink.combiners.combiner_file import write_combiner
from ink.combiners.fitting.grid import choose_by_bleu, choose_by_likelihood, vanilla_grid
from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.vanilla import VanillaCombiner
from ink.config.slices.training_slices import TuningSettings
from ink.datastore.build import teacher_forced
from ink.datastore.search import Neighbours, Searcher
from ink.datastore.storage import open_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.nmt.domain_files import Domain


def tune_vanilla(domain: Domain, datastore: Path, settings: TuningSettings, output: Path) -> None:
    """Choose from the grid in settings.v_knn and write combiner.json with the choice and everything tried."""
    chosen = settings.v_knn
    choices = vanilla_grid(chosen)
    model = domain.load_model(settings)
    store = open_datastore(datastore, model=model.fingerprint, corpus=domain.data.fingerprint)
    searcher = Searcher(store, settings.index)

    if len(choices) == 1:
        best, tried = choices[0], choices
    elif chosen.select_by == "likelihood":
        text = model.parallel_text(domain.data, "dev")
        largest = max(choice["k"] for choice in choices)

        def batches() -> Iterator[tuple[Neighbours, Tensor, Tensor]]:
            passes = teacher_forced(
                model,
                text,
                store.meta.key,
                settings.datastore.batch_tokens,
                with_log_probs=True,
                description="choosing k, lambda, T on dev",
            )
            for _, keys, targets, log_probs in passes:
                assert log_probs is not None
                own = log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
                yield searcher.search(keys, largest), own, targets

        with torch.no_grad():
            best, tried = choose_by_likelihood(batches(), choices)
    else:
        scorer = DevBleu(model, domain, settings, beam=settings.decoding.beam)

        def dev_bleu(choice: Mapping[str, Any]) -> float:
            return scorer(model, KnnMixture(searcher, VanillaCombiner.from_settings(choice)))

        best, tried = choose_by_bleu(dev_bleu, choices)
    write_combiner(output, "vanilla", best, chosen=best, tried=tried, selected_by=chosen.select_by)
