"""FAISS and a datastore's small arrays on a GPU: all that faiss-gpu is needed for is in this module.

It has run on no GPU yet: what is tested are its refusals, and that indexes take torch tensors as they take arrays.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import faiss
import faiss.contrib.torch_utils  # lets indexes take tensors, on the device that they are on
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ink.config.sections.base_system import Index
from ink.runtime.errors import InkError

MOST = 2048  # neighbours of a search, and lists that it looks into, which FAISS's kernels for GPUs can sort


def gpu_of(settings: Index) -> torch.device | None:
    """Return the GPU that index.device names, None where it is the CPU.

    Raises InkError where FAISS has no support for GPUs, or this machine no such one.
    """
    name = settings.device
    if name == "cpu":
        return None
    install = "install faiss-gpu and torch's CUDA build (docs/installation.md), or set index.device to cpu"
    if not hasattr(faiss, "StandardGpuResources"):
        raise InkError(
            f"index.device is {name}, but the FAISS installed here is faiss-cpu; {install}", code="device/no-gpu"
        )
    device = torch.device(name)
    found = min(torch.cuda.device_count(), faiss.get_num_gpus())
    number = device.index or 0
    if number >= found:
        raise InkError(
            f"index.device is {name}, but torch and FAISS find {found} GPUs here; {install}", code="device/no-gpu"
        )
    return torch.device("cuda", number)


def on_gpu(index: Any, device: torch.device) -> Any:
    """Return a copy of an index on a GPU."""
    options = faiss.GpuClonerOptions()
    # tables of 64 codes of 8 bits take 64 kB in fp32, more than the shared memory that a block has
    options.useFloat16 = isinstance(index, faiss.IndexIVFPQ)
    options.useFloat16CoarseQuantizer = False
    options.use_cuvs = False  # another implementation, with other kernels and other results
    return faiss.index_cpu_to_gpu(_resources(), device.index, index, options)


@cache
def _resources() -> Any:
    """Memory for FAISS's temporary results, a share of the GPU's: once, however many indexes are searched."""
    return faiss.StandardGpuResources()


def on_cpu(index: Any) -> Any:
    """Return a copy of an index that is on a GPU, as it is written."""
    return faiss.index_gpu_to_cpu(index)


def train(index: Any, sample: NDArray[np.float32], device: torch.device) -> None:
    """Train an IVF-PQ index on the CPU that leaves finding the nearest centroids and codes to a GPU."""
    lists, codes = (on_gpu(faiss.IndexFlatL2(dimension), device) for dimension in (index.d, index.pq.dsub))
    index.clustering_index, index.pq.assign_index = lists, codes
    try:
        index.train(sample)
    finally:
        index.clustering_index = index.pq.assign_index = None


def search(index: Any, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return distances and ids (queries, k) on the GPU that index and queries (queries, dimension) fp32 are on."""
    # FAISS orders its work after that of the current device's stream
    with torch.cuda.device(queries.device):
        distances, ids = index.search(queries, k)
    return distances, ids


def gathered(keys: NDArray[np.float16], ids: NDArray[np.int64], device: torch.device) -> Tensor:
    """Bring keys[ids] to a GPU through pinned memory, without waiting for the copy: (*ids.shape, dimension) fp16."""
    # torch gives out a pinned block again only when the copies from it have ended
    pinned = torch.empty((*ids.shape, keys.shape[1]), dtype=torch.float16, pin_memory=True)
    # clip: numbers are in range, and numpy would buffer what it has to check
    np.take(keys, ids, axis=0, out=pinned.numpy(), mode="clip")
    return pinned.to(device, non_blocking=True)
