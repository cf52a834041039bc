"""The refresh of a round's datastore: the model as the round before left it passes over the training set again."""

from __future__ import annotations

from pathlib import Path

from ink.config.slices.training_slices import InkRoundSettings
from ink.corpus.prepared import PreparedCorpus
from ink.datastore.build import build_datastore
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.distributed import in_first
from ink.nmt.translation_model import TranslationModel


def refresh(
    model: TranslationModel, data: PreparedCorpus, settings: InkRoundSettings, first: Datastore, output: Path
) -> Datastore:
    """Write the datastore of `model` as it stands, without dropout and without an output layer, and open it.

    `first`, the base model's datastore, gives its index's centroids and codebooks
    where ink.refresh_index is `reuse`. There is an index only where training searches one: neighbours found once a
    round come from lists of the search's own (ink/datastore/blocks.py). One that `output` holds already is of the same
    model and is kept. Of processes that train together the first one writes it, and all open it.
    """
    chosen = settings.ink

    def write() -> None:
        if output.exists():
            return
        searched = chosen.neighbours == "per_batch" or settings.index.type == "exact"
        build_datastore(
            model,
            model.parallel_text(data, "train"),
            data.fingerprint,
            output,
            key="decoder_output",
            batch_tokens=settings.datastore.batch_tokens,
            index=settings.index if searched else None,
            log_probs=False,
            trained_index=first.index_path if searched and chosen.refresh_index == "reuse" else None,
        )

    in_first(write)
    return open_datastore(output, model=model.fingerprint, corpus=data.fingerprint, key="decoder_output")
