"""Mean kNN accuracy (Table 3): how many of a dev position's neighbours have the token that the reference has there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ink.config.sections.measurements import AccuracyMeasure
from ink.config.slices.result_slices import AccuracySettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.build import teacher_forced
from ink.datastore.search import Searcher
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.nmt.batches import ParallelText
from ink.nmt.model_loading import BaseModelFiles
from ink.nmt.translation_model import TranslationModel
from ink.runtime.whole_files import write_json

KEY = "decoder_output"
PART = "dev"
GATHERED_AT_ONCE = 2**24  # numbers of the keys that one search brings into memory

Edges = Sequence[int | None]


@dataclass
class Tally:
    """Counts that do not depend on the order of the positions.

    hits: (ks, buckets), neighbours with the target token among the first k; positions: (buckets,). beyond: positions
    past the last edge; special: those whose target is a special symbol, by symbol; missing: neighbours that the index
    did not return, which count as wrong.
    """

    hits: NDArray[np.int64]
    positions: NDArray[np.int64]
    beyond: int = 0
    missing: int = 0
    special: dict[str, int] = field(default_factory=dict)

    def accuracy(self, ks: Sequence[int]) -> dict[str, list[float | None]]:
        """Return, by k, the mean share of each bucket; None where no target is in it."""
        return {
            str(k): [
                int(hits) / (k * int(count)) if count else None for hits, count in zip(row, self.positions, strict=True)
            ]
            for k, row in zip(ks, self.hits, strict=True)
        }


@dataclass(frozen=True)
class Tallies:
    """What was counted of a dev set: by bucket, and of all positions but ends of sentence as one bucket."""

    by_bucket: Tally
    without_end: Tally


def empty_tally(ks: Sequence[int], edges: Edges) -> Tally:
    """Make a tally in which nothing has been counted yet."""
    return Tally(np.zeros((len(ks), len(edges) - 1), np.int64), np.zeros(len(edges) - 1, np.int64))


def ranks(targets: NDArray[np.int64], special: int) -> NDArray[np.int64]:
    """Return the targets' ranks in a dictionary whose first `special` ids are special symbols and have no frequency.

    The token after them has rank 0. Special symbols themselves, of which end of sentence is a target, count as rank 0:
    what stands in every sentence is among the most frequent.
    """
    return np.maximum(targets - special, 0)


def buckets(ranks: NDArray[np.int64], edges: Edges) -> NDArray[np.int64]:
    """Return the bucket of each rank, [edges[b], edges[b + 1]), and len(edges) - 1 beyond the last edge.

    A last edge None is the end of the dictionary, beyond which there is nothing.
    """
    ends = [np.inf if edge is None else edge for edge in edges[1:]]
    return np.searchsorted(np.asarray(ends), ranks, side="right")


def count(
    tally: Tally,
    values: NDArray[np.int64],
    present: NDArray[np.bool_],
    targets: NDArray[np.int64],
    buckets: NDArray[np.int64],
    ks: Sequence[int],
) -> None:
    """Add positions to `tally`.

    values, present: (positions, neighbours), nearest first, the tokens of the neighbours and whether there is one;
    targets, buckets: (positions,).
    """
    within = len(tally.positions)
    found = np.cumsum((values == targets[:, None]) & present, axis=1, dtype=np.int64)
    tally.missing += int((~present).sum())
    tally.beyond += int((buckets == within).sum())
    tally.positions += np.bincount(buckets, minlength=within + 1)[:within]
    for row, k in enumerate(ks):
        np.add.at(tally.hits[row], buckets[buckets < within], found[buckets < within, k - 1])


def tally_of(
    model: TranslationModel,
    text: ParallelText,
    searcher: Searcher,
    measure: AccuracyMeasure,
    batch_tokens: int,
    description: str,
) -> Tallies:
    """Query with every target position of `text`, teacher forced, without dropout and padding.

    The neighbours are those that the index finds at the largest k, in the order of distances recomputed from the keys.
    """
    vocabulary, ks, edges = model.target_vocabulary, measure.k, measure.bucket_edges
    most = max(ks)
    tally, without_end = empty_tally(ks, edges), empty_tally(ks, [0, None])
    at_once = max(1, GATHERED_AT_ONCE // (most * searcher.datastore.meta.dimension))
    passes = teacher_forced(model, text, KEY, batch_tokens, with_log_probs=False, description=description)
    for _, keys, targets, _ in passes:
        tokens = _array(targets)
        for symbol in range(vocabulary.special):
            if occurrences := int((tokens == symbol).sum()):
                name = vocabulary.token(symbol)
                tally.special[name] = tally.special.get(name, 0) + occurrences
        for start in range(0, len(keys), at_once):
            part = slice(start, start + at_once)
            found = searcher.search(keys[part], most, keys=True)
            values, present, of_part = _array(found.values), _array(found.ids) >= 0, tokens[part]
            count(tally, values, present, of_part, buckets(ranks(of_part, vocabulary.special), edges), ks)
            # a full stop gives the end of a sentence away
            not_end = of_part != vocabulary.end
            count(without_end, values[not_end], present[not_end], of_part[not_end], np.zeros_like(of_part[not_end]), ks)
    return Tallies(tally, without_end)


def measure_knn_accuracy(
    base_model: BaseModelFiles,
    data: PreparedCorpus,
    datastores: Mapping[str, ModelDatastore],
    seed: int,
    settings: AccuracySettings,
    output: Path,
) -> None:
    """Write to `output` the mean kNN accuracy on the domain's dev set of each system, in the datastore of its model.

    seed: of the run that has the adapters. Raises InkError where a datastore belongs to another model or corpus, or
    holds fewer entries than the largest k.
    """
    ks = settings.knn_accuracy.k
    models: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    for system, datastore in datastores.items():
        model = base_model.load(settings.device, settings.precision, adapter=datastore.adapter)
        store = open_datastore(datastore.path, model=model.fingerprint, corpus=data.fingerprint, key=KEY)
        text, searcher = model.parallel_text(data, PART), Searcher(store, settings.index)
        description, batch_tokens = f"neighbours of {PART}, {system}", settings.datastore.batch_tokens
        tallies = tally_of(model, text, searcher, settings.knn_accuracy, batch_tokens, description)
        tally, without_end = tallies.by_bucket, tallies.without_end
        models[system] = {
            "accuracy": tally.accuracy(ks),
            "accuracy_without_end_of_sentence": {k: share for k, (share,) in without_end.accuracy(ks).items()},
            "missing_neighbours": tally.missing,
            "model": model.fingerprint,
            "entries": store.meta.entries,
        }
        shared = {
            "positions": {
                "buckets": tally.positions.tolist(),
                "beyond_the_last_edge": tally.beyond,
                "without_end_of_sentence": int(without_end.positions[0]),
                "special_symbols": tally.special,
            },
            "dictionary": {
                "types": len(model.target_vocabulary) - model.target_vocabulary.special,
                "special_symbols": model.target_vocabulary.special,
            },
        }
    write_json(
        output,
        {
            "domain": data.domain,
            "seed": seed,
            "k": list(ks),
            "bucket_edges": list(settings.knn_accuracy.bucket_edges),
            **shared,
            "models": models,
            "measured": {
                "part": PART,
                "key": KEY,
                "languages": list(data.languages),
                "corpus": data.fingerprint,
                "index": settings.index.plain(),
                "distances": "recomputed from the keys",
            },
        },
    )


def _array(tensor: Tensor) -> NDArray[np.int64]:
    return np.asarray(tensor.cpu().numpy(), dtype=np.int64)
