"""How often the neighbours of dev positions are right, before and after adapting, and which of them exp(cos) heeds.

python benchmarks/neighbour_votes.py results/EXPERIMENT/config.yaml DOMAIN

Needs the experiment's prepared data, base model, and final adapters of Adapter and INK. Each model's training positions
are its datastore, made anew in memory and searched exactly; L_i's teacher p_kNN is that of the first `--k` neighbours.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import faiss
import numpy as np
import pandas as pd
import torch

from ink.combiners.combiner import log_shares
from ink.config import load
from ink.config.languages import LanguagePair
from ink.config.slices.commands import settings_for
from ink.config.slices.training_slices import InkRoundSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.build import teacher_forced
from ink.datastore.index import set_threads
from ink.nmt.domain_files import Domain
from ink.nmt.translation_model import TranslationModel
from ink.systems.layout import Layout
from ink.training.losses import cosines

KS = (8, 16, 32, 64)
EDGES = (0, 100, 500, 1000, 2000, 4000, 10**9)
POSITIONS_AT_ONCE = 1024


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, path_type=Path))
@click.argument("domain")
@click.option("--seed", default=1, show_default=True)
@click.option("--k", default=16, show_default=True, help="Neighbours of p_kNN.")
@click.option("--threads", default=1, show_default=True)
def main(config: Path, domain: str, seed: int, k: int, threads: int) -> None:
    """Measure the base model, Adapter and INK."""
    torch.set_num_threads(threads)
    set_threads(threads)
    described = load(config)
    layout, languages = Layout(described), LanguagePair.of(described["data"])
    data = PreparedCorpus(Path(layout.data(domain)), languages)
    files = Domain(Path(layout.base_model), Path(layout.vocabulary), Path(layout.corpus(domain)), data)
    settings = settings_for(described, InkRoundSettings, domain)
    adapters = {name: Path(layout.adapter(name, domain, seed)) for name in ("adapter", "ink")}
    found = {
        name: votes(files.load_model(settings, adapter=adapter), data, settings.datastore.batch_tokens, k)
        for name, adapter in {"base": None, **adapters}.items()
    }
    click.echo(pd.DataFrame(found).to_string(float_format=lambda value: f"{value:.3f}"))


def votes(model: TranslationModel, data: PreparedCorpus, batch_tokens: int, k: int) -> dict[str, float]:
    """Measure one model; shares in percent, cross-entropy in bits."""
    keys, values, _ = positions(model, data, "train", batch_tokens, with_log_probs=False)
    queries, targets, log_probs = positions(model, data, "dev", batch_tokens, with_log_probs=True)
    index: Any = faiss.IndexFlatL2(keys.shape[1])
    index.add(keys.float().numpy())
    ids = torch.from_numpy(index.search(queries.numpy(), max(KS))[1])
    right = values[ids] == targets.unsqueeze(-1)
    similarities = torch.cat(
        [
            cosines(queries[part], keys[ids[part, :k]].float())
            for part in torch.arange(len(queries)).split(POSITIONS_AT_ONCE)
        ]
    )
    shares = log_shares(similarities, torch.ones_like(similarities, dtype=torch.bool)).exp()
    ranks = targets - model.target_vocabulary.special
    measured = {
        "entries": float(len(keys)),
        "dev positions": float(len(queries)),
        "cross-entropy of the target": float(-log_probs.mean() / np.log(2)),
        "p of the model of the target": float(log_probs.exp().mean()),
        "p_kNN of the target": float((shares * right[:, :k]).sum(-1).mean()),
        f"a right one among {k}, %": 100 * float(right[:, :k].any(-1).float().mean()),
        "cosine": float(similarities.mean()),
        "largest less smallest cosine": float((similarities.amax(-1) - similarities.amin(-1)).mean()),
        "heaviest neighbour over the mean": float(k * shares.amax(-1).mean()),
    }
    for count in KS:
        measured[f"right among {count}, %"] = 100 * float(right[:, :count].float().mean())
    for low, high in pairwise(EDGES):
        inside = (ranks >= low) & (ranks < high)
        measured[f"rank from {low}: positions"] = float(inside.sum())
        measured[f"rank from {low}: right among {k}, %"] = 100 * float(right[inside, :k].float().mean())
    return measured


def positions(
    model: TranslationModel, data: PreparedCorpus, part: str, batch_tokens: int, *, with_log_probs: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return keys (positions, dimension), those of train rounded as a datastore's, targets and log p of the targets."""
    found: list[tuple[torch.Tensor, ...]] = []
    passes = teacher_forced(
        model,
        model.parallel_text(data, part),
        "decoder_output",
        batch_tokens,
        with_log_probs=with_log_probs,
        description=f"keys of {part}",
    )
    for _, keys, targets, log_probs in passes:
        own = torch.zeros(0) if log_probs is None else log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        found.append((keys.cpu().half() if part == "train" else keys.cpu().float(), targets.cpu(), own.cpu()))
    keys, targets, own = (torch.cat(tensors) for tensors in zip(*found, strict=True))
    return keys, targets, own


if __name__ == "__main__":
    main()
