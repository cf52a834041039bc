"""Writing a reduced datastore: the entries that a reduction leaves, and an index of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ink.config.sections.base_system import Index
from ink.config.sections.reductions import POSSIBLE, Reduction
from ink.datastore.index import ADD_AT_ONCE, build_index, check_settings_fit
from ink.datastore.reductions.known_reductions import METHODS
from ink.datastore.reductions.reduction import Original, Reduced
from ink.datastore.storage import Datastore, DatastoreMeta, ReducedFrom, create_datastore, open_datastore, seal
from ink.nmt.device import device_of
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import write_atomically

KEY = "decoder_output"  # of which a model can say what it predicts there
FURTHER = [method for method, settings in POSSIBLE.items() if "of" in settings]


def reduce_datastore(
    datastore: Path,
    settings: Reduction,
    index: Index,
    output: Path,
    *,
    model: TranslationModel | None = None,
    batch_tokens: int = ADD_AT_ONCE,
    as_many_as: Path | None = None,
) -> DatastoreMeta:
    """Write the datastore made small, whole or not at all.

    - settings: the method and what it needs
    - index: the settings of both datastores' indexes
    - model: that of the datastore, where the method asks for its predictions, at `batch_tokens` keys at a time
    - as_many_as: the reduced datastore whose control this one is

    Raises InkError where the datastore is a reduced one that the method cannot reduce further, or of another model, or
    the index's settings cannot hold for what is left.
    """
    whole = open_datastore(datastore, model=None if model is None else model.fingerprint)
    if whole.meta.reduced is not None and (whole.projection is not None or settings.method not in FURTHER):
        raise InkError(
            f"datastore {datastore} is reduced already, by {whole.meta.reduced.method}, and {settings.method} cannot "
            "reduce it further; name the whole one",
            code="datastore/not-reducible",
        )
    as_many = None if as_many_as is None else open_datastore(as_many_as, corpus=whole.meta.corpus).meta.entries

    def predictions() -> NDArray[np.int64]:
        if model is None:
            raise ValueError(f"the method {settings.method} needs a model")
        return predicted(model, open_datastore(datastore, key=KEY), batch_tokens)

    method = METHODS[settings.method].from_settings(settings)
    reduced = method.reduce(Original(whole, index, predictions, as_many))
    own = {"lists": settings.lists, "code_bytes": settings.code_bytes}
    fitting = index.model_copy(update={name: value for name, value in own.items() if value is not None})
    return write_reduced(whole, reduced, settings.method, fitting, output)


def write_reduced(whole: Datastore, reduced: Reduced, method: str, index: Index, output: Path) -> DatastoreMeta:
    """Write what is left of a datastore, which may be a reduced one itself, with an index of its own."""
    projection, numbers = reduced.projection, reduced.numbers
    counts = whole.counts[numbers] if reduced.counts is None and whole.counts is not None else reduced.counts
    dimension = whole.meta.dimension if projection is None else len(projection)
    hidden = 0 if reduced.hidden is None else len(reduced.hidden)
    entries = whole.meta.entries if whole.meta.reduced is None else whole.meta.reduced.entries
    origin = ReducedFrom(method, entries, whole.meta.dimension, counts is not None, hidden)
    meta = replace(whole.meta, entries=len(numbers), dimension=dimension, reduced=origin)
    check_settings_fit(meta.entries, dimension, index)
    with write_atomically(output) as temporary:
        store = create_datastore(temporary, meta)
        store.offsets[:], store.values[:] = whole.offsets, whole.values[numbers]
        in_whole = numbers if whole.numbers is None else whole.numbers[numbers]
        arrays = {"numbers": in_whole, "counts": counts, "projection": projection, "hidden": reduced.hidden}
        for name, found in arrays.items():
            if found is not None:
                getattr(store, name)[:] = found
        if store.log_probs is not None and whole.log_probs is not None:
            store.log_probs[:] = whole.log_probs[numbers]
        keys, kept = whole.keys, store.keys
        starts = range(0, len(numbers), ADD_AT_ONCE)
        for start in progress(starts, description="reducing", unit=f"{ADD_AT_ONCE} keys"):
            part = slice(start, start + ADD_AT_ONCE)
            kept[part] = projected(keys[numbers[part]], projection, reduced.hidden)
        build_index(kept, index, store.index_path, datastore=output)
        seal(store)
    return meta


def projected(
    keys: NDArray[np.float16], projection: NDArray[np.float32] | None, hidden: NDArray[np.float32] | None = None
) -> NDArray:
    """Return keys (entries, whole dimension) as the reduced datastore has them, (entries, dimension)."""
    if projection is None:
        return keys
    before = keys.astype(np.float32)
    if hidden is not None:
        before = np.tanh(before @ hidden[:, :-1].T + hidden[:, -1])
    return before @ projection[:, :-1].T + projection[:, -1]


@torch.no_grad()
def predicted(model: TranslationModel, datastore: Datastore, at_once: int) -> NDArray[np.int64]:
    """Return the model's most probable token at every key, (entries,), of a datastore keyed on decoder_output."""
    keys, device = datastore.keys, device_of(model.network)
    found = np.empty(len(keys), np.int64)
    for start in progress(range(0, len(keys), at_once), description="predicting", unit=f"{at_once} keys"):
        part = torch.from_numpy(np.array(keys[start : start + at_once])).to(device)
        found[start : start + at_once] = model.log_probs(part).argmax(dim=-1).cpu().numpy()
    return found
