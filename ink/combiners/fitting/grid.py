"""Grids of settings, and choosing V-kNN's k, lambda and T from one on the dev set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ink.combiners.combiner import counted
from ink.combiners.vanilla import vanilla_log_shares
from ink.config.sections.retrieval_systems import VKnn
from ink.datastore.search import Neighbours

GRID = ("k", "lambda", "temperature")


def grid(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every combination of settings of which some are lists; the last one changes fastest."""
    lists = [value if isinstance(value, list) else [value] for value in settings.values()]
    return [dict(zip(settings, values, strict=True)) for values in itertools.product(*lists)]


def vanilla_grid(settings: VKnn) -> list[dict[str, Any]]:
    """Return every combination of V-kNN's settings k, lambda and temperature, each one value or a list of them."""
    named = settings.plain()
    return grid({name: named[name] for name in GRID})


def likelihood_of_target(
    neighbours: Neighbours, log_probs: Tensor, targets: Tensor, choices: Sequence[Mapping[str, Any]]
) -> Tensor:
    """Return the summed log-likelihood of `targets` under V-kNN for each choice: (choices,), float64.

    neighbours: (positions, largest k); log_probs: (positions,) of the model for the targets; targets: (positions,).
    """
    sums = torch.zeros(len(choices), dtype=torch.float64)
    own = log_probs.double()
    for number, choice in enumerate(choices):
        k = choice["k"]
        shares = vanilla_log_shares(neighbours.distances[..., :k], choice["temperature"])
        if neighbours.log_counts is not None:
            shares = counted(shares, neighbours.log_counts[..., :k])
        weights = shares.double().exp()
        retrieved = (weights * (neighbours.values[..., :k] == targets.unsqueeze(-1))).sum(-1)
        share = choice["lambda"] * weights.sum(-1).round()
        sums[number] = torch.logaddexp(own + torch.log1p(-share), (share * retrieved).log()).sum()
    return sums


def choose_by_likelihood(
    batches: Iterable[tuple[Neighbours, Tensor, Tensor]], choices: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Choose by mean log-likelihood of the dev references, teacher forced, over one pass of stored neighbours.

    batches: neighbours, log-probabilities of the targets, targets, as in `likelihood_of_target`. Returns the best
    choice (the first of equals) and every choice with its "log_likelihood" per token.
    """
    sums, positions = torch.zeros(len(choices), dtype=torch.float64), 0
    for neighbours, log_probs, targets in batches:
        sums += likelihood_of_target(neighbours, log_probs, targets, choices)
        positions += targets.numel()
    tried = [
        {**choice, "log_likelihood": float(value) / positions} for choice, value in zip(choices, sums, strict=True)
    ]
    return _best(tried, "log_likelihood"), tried


def choose_by_bleu(
    dev_bleu: Callable[[Mapping[str, Any]], float], choices: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Choose by dev BLEU of beam search: `dev_bleu` translates the dev set with one choice and scores it."""
    tried = [{**choice, "dev_bleu": dev_bleu(choice)} for choice in choices]
    return _best(tried, "dev_bleu"), tried


def _best(tried: Sequence[Mapping[str, Any]], measure: str) -> dict[str, Any]:
    best = max(tried, key=lambda choice: choice[measure])
    return {name: best[name] for name in GRID}
