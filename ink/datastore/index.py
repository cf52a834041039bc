"""The FAISS index over a datastore's keys: IVF-PQ for use, exact search for tests and for measuring recall."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from ink.config.sections.base_system import BITS, Index, codes_of
from ink.datastore import faiss_gpu
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import write_atomically

ADD_AT_ONCE = 65536


def set_threads(threads: int) -> None:
    """Let FAISS use as many cores as the job was given."""
    faiss.omp_set_num_threads(threads)


class Keys(Protocol):
    """Keys (entries, dimension) fp16 on disk, which are read in parts."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, wanted: Any, /) -> NDArray[np.float16]: ...


def build_index(
    keys: Keys, settings: Index, path: Path, trained: Path | None = None, *, datastore: Path | None = None
) -> None:
    """Index `keys` (entries, dimension) by squared L2 distance and write the index to `path`.

    `trained` names an index whose centroids and codebooks are kept and refilled. Keys pass through memory
    ADD_AT_ONCE at a time. With a GPU as index.device it is trained and filled there. Raises InkError where the settings
    cannot hold for these keys, a key is not finite, or there is no such GPU; it then names `datastore`.
    """
    device = faiss_gpu.gpu_of(settings)
    if trained is not None:
        index = read_index(trained)
        if index.d != keys.shape[1]:
            raise InkError(
                f"index {trained} is for keys of dimension {index.d}, but these have {keys.shape[1]}; build the "
                "datastore again",
                code="datastore/damaged",
            )
        index.reset()
    else:
        index = _train(keys, settings, datastore or path.parent)
    if device is not None:
        index = faiss_gpu.on_gpu(index, device)
    starts = range(0, len(keys), ADD_AT_ONCE)
    for start in progress(starts, description="indexing", unit=f"{ADD_AT_ONCE} keys"):
        part = keys[start : start + ADD_AT_ONCE]
        check_keys(part, start, datastore or path.parent)
        index.add(np.asarray(part, dtype=np.float32))
    if device is not None:
        index = faiss_gpu.on_cpu(index)
    # through Python's file: what FAISS's own only notices on closing, such as a full disk, it prints and passes over
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]


def check_keys(keys: NDArray[np.float16], first: int, place: Path, numbers: NDArray[np.int64] | None = None) -> None:
    """Raise InkError where one of `keys` (entries, dimension) is not finite: FAISS would say neither which nor whose.

    They are the entries from `first` on, or those of `numbers` (entries,), of the datastore `place`.
    """
    # a sum is finite only if all that it adds up are; in fp32 no sum of numbers in half precision overflows
    finite = np.isfinite(keys.sum(axis=1, dtype=np.float32))
    if finite.all():
        return
    row = int(np.flatnonzero(~finite)[0])
    entry = first + row if numbers is None else int(numbers[row])
    kind, more_entries = "NaN" if np.isnan(keys[row]).any() else "infinite", int((~finite).sum()) - 1
    more = f", and {more_entries} others of {len(keys)} looked at are no numbers" if more_entries else ""
    raise InkError(
        f"datastore {place}: the key of entry {entry} is {kind}{more}; its file is damaged, or its model gave no "
        "numbers: build the datastore again",
        code="datastore/not-finite",
    )


def check_settings_fit(entries: int, dimension: int, settings: Index) -> None:
    """Raise InkError where an index with these settings cannot be made of so many keys of this dimension."""
    if settings.type == "exact":
        return
    lists, code_bytes, bits = (
        settings.lists,
        settings.code_bytes,
        BITS if settings.code_bits is None else settings.code_bits,
    )
    if dimension % codes_of(code_bytes, bits):
        fitting = max(number for number in range(1, code_bytes) if dimension % codes_of(number, bits) == 0)
        raise InkError(
            f"index.code_bytes is {code_bytes}, which does not divide the keys' dimension {dimension}; {fitting} does"
            if bits == BITS
            else f"index.code_bytes is {code_bytes}, {codes_of(code_bytes, bits)} codes of {bits} bits, which do not "
            f"divide the keys' dimension {dimension}; {fitting} bytes do",
            code="index/impossible-settings",
        )
    if entries < 2**bits:
        raise InkError(
            f"index.type ivfpq has {bits}-bit codes, which need {2**bits} entries or more, but the datastore has "
            f"{entries}; set index.type to exact",
            code="index/impossible-settings",
        )
    if entries < lists:
        raise InkError(
            f"index.lists is {lists}, but the datastore has {entries} entries; lower index.lists to {entries} or less, "
            "or set index.type to exact",
            code="index/impossible-settings",
        )


def _train(keys: Keys, settings: Index, datastore: Path) -> Any:
    entries, dimension = keys.shape
    check_settings_fit(entries, dimension, settings)
    if settings.type == "exact":
        return faiss.IndexFlatL2(dimension)
    bits = BITS if settings.code_bits is None else settings.code_bits
    # np: no polysemous training, which reorders codes for a filter that is not used here and takes 1.5 s for each byte;
    # fsr: fast scan of residuals, as codes of 8 bits are of
    kind = "np" if bits == BITS else "fsr"
    codes = codes_of(settings.code_bytes, bits)
    index: Any = faiss.index_factory(dimension, f"IVF{settings.lists},PQ{codes}x{bits}{kind}")
    index.cp.seed = index.pq.cp.seed = settings.seed
    # the sample is drawn here, so FAISS has no reason to complain about it or to draw its own
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = index.pq.cp.max_points_per_centroid = settings.training_sample
    size = min(entries, settings.training_sample)
    sample = np.sort(np.random.default_rng(settings.seed).choice(entries, size, replace=False))
    drawn = keys[sample]
    check_keys(drawn, 0, datastore, sample)
    learned_from = np.asarray(drawn, dtype=np.float32)
    device = faiss_gpu.gpu_of(settings)
    if device is None:
        index.train(learned_from)
    else:
        faiss_gpu.train(index, learned_from, device)
    index.nprobe = settings.probes
    return index


def read_index(path: Path, *, mapped: bool = False) -> Any:
    """Read an index; InkError where the file is absent or cut short.

    `mapped`: codes, ids and centroids stay in the file, whose pages processes share; such an index is only searched.
    """
    if not Path(path).is_file():
        raise InkError(f"index {path} does not exist; build the datastore again", code="datastore/incomplete")
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    except RuntimeError as error:
        reason = str(error).splitlines()[0][:200]
        raise InkError(
            f"index {path} cannot be read ({reason}); build the datastore again", code="datastore/damaged"
        ) from None
