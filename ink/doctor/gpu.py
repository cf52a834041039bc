"""The GPU that the config names: is it there, what can it do, and does the largest job fit into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, for_domain
from ink.disk import in_words
from ink.doctor.extent import Extent
from ink.doctor.finding import Finding, error, ok, warning
from ink.doctor.machine import processes, processor
from ink.doctor.space import index_bytes
from ink.errors import InkError

DRIVER_FILE = Path("/proc/driver/nvidia/version")
ENTRY_BYTES = 4 + 4  # of an entry beside an index: its value and its log-probability
RESERVED = 1.0e9  # CUDA's context and libraries, and what torch's allocator keeps in between


def devices(config: Config) -> Iterator[Finding]:
    """Check that torch has the device, and say what it is; torch is imported for this."""
    from ink.nmt.device import torch_device

    name = config["device"]
    try:
        found = torch_device(name)
    except (InkError, RuntimeError) as problem:
        yield error("device", f"{' '.join(str(problem).split())} ({builds()})")
        return
    if found.type != "cuda":
        yield ok("device", f"{name}: {processor()}; no GPU is used")
        return
    import torch

    wanted, there = processes(config), torch.cuda.device_count()
    if wanted > there:
        yield error("device", f"{name}: {there} GPUs, and {wanted} processes that train together take one each")
        return
    described = torch.cuda.get_device_properties(found)
    free, total = torch.cuda.mem_get_info(found)
    known = half_precisions(described.major)
    yield ok(
        "device",
        f"{name}: {described.name}, {in_words(free)} of {in_words(total)} free, compute capability "
        f"{described.major}.{described.minor}, half precision {' and '.join(known) or 'none'} ({builds()})",
    )
    if config["precision"] not in ("fp32", *known):
        yield warning(
            "precision",
            f"{config['precision']} is not what {described.name} multiplies in, and is slow on it; set precision to "
            f"{' or '.join(['fp32', *known])}",
        )


def index_device(config: Config) -> Iterator[Finding]:
    """Check that FAISS has the GPU that index.device names; silent where that is the CPU."""
    name = config["index"]["device"]
    if name == "cpu":
        return
    import faiss

    if not hasattr(faiss, "StandardGpuResources"):
        yield error(
            "index device",
            f"index.device is {name}, but the FAISS installed here searches on the CPU alone: make environment "
            "FAISS=gpu, or set index.device to cpu",
        )
        return
    found = faiss.get_num_gpus()
    if _number(name) < found:
        yield ok("index device", f"{name}: FAISS finds {found} GPUs")
    else:
        yield error("index device", f"index.device is {name}, but FAISS finds {found} GPUs here; set it to cpu")


def _number(name: str) -> int:
    import torch

    return torch.device(name).index or 0


def half_precisions(major: int) -> list[str]:
    """Name the half precisions that GPUs of compute capability `major` multiply in: fp16 from 7, bf16 from 8 on."""
    return [name for name, since in (("fp16", 7), ("bf16", 8)) if major >= since]


def builds() -> str:
    """Say which CUDA torch was built for, and which driver the kernel has."""
    import torch

    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a CPU build"
    driver = "no NVIDIA driver is loaded"
    if DRIVER_FILE.is_file():
        version = re.search(r"Module.*?\s(\d+(?:\.\d+)+)\s", DRIVER_FILE.read_text(encoding="utf-8", errors="replace"))
        driver = f"NVIDIA driver {version[1] if version else 'of unknown version'}"
    return f"torch {torch.__version__} is {built}, {driver}"


def memory(extent: Extent) -> Iterator[Finding]:
    """Compare the GPU's memory with what the largest job takes of it; silent where there is no GPU to compare with."""
    import torch

    device = torch.device(extent.config["device"])
    needed = job_bytes(extent)
    if device.type != "cuda" or (device.index or 0) >= torch.cuda.device_count() or not needed:
        return
    total = torch.cuda.get_device_properties(device).total_memory
    largest = max(needed, key=lambda job: needed[job])
    text = f"{in_words(total)} in all; the largest job, {largest}, takes about {in_words(needed[largest] + RESERVED)}"
    if needed[largest] + RESERVED > total:
        divided = "batches will be divided until they fit, which takes longer; or lower"
        advice = {
            "evaluate": "set index.device to cpu",
            "build_datastore": f"{divided} datastore.batch_tokens",
            "train_knn_kd": f"{divided} knn_kd.batch_tokens and raise knn_kd.update_frequency",
        }.get(largest, f"{divided} training.batch_tokens and raise training.update_frequency")
        yield warning("GPU memory", f"{text}: {advice}")
    else:
        yield ok("GPU memory", text)


def job_bytes(extent: Extent) -> dict[str, float]:
    """Estimate the GPU memory of the jobs that take most of it, by rule: weights, gradients, moments, activations.

    Attention's own products and padding are left out, as in docs/scale.md.
    """
    config, model = extent.config, extent.model
    number, trained = bytes_of(config["precision"])
    weights = number * model.parameters
    found: dict[str, float] = {}
    if extent.keys:
        # log-probabilities of all target tokens, and the logits before them
        found["build_datastore"] = weights + 2 * 4.0 * config["datastore"]["batch_tokens"] * model.types
    name = config["index"]["device"]
    if extent.keys and name != "cpu" and _number(name) == _number(config["device"]):
        # a search holds the index with values and log-probabilities
        entries = max(extent.text[domain].tokens.get("train", 0) for domain in extent.domains)
        found["evaluate"] = weights + index_bytes(extent, entries) + ENTRY_BYTES * entries
    if "train-knn-kd" in extent.commands:
        batch = config["knn_kd"]["batch_tokens"]
        found["train_knn_kd"] = trained * model.parameters + batch * activation_bytes(extent)
    for system, rule in (("adapter", "train_adapter"), ("ink", "train_ink_round")):
        for training in extent.trainings(system) if system in extent.trained else []:
            batch = config["training"]["batch_tokens"]
            size = weights + trained * training.adapter + batch * activation_bytes(extent, training.adapter)
            if system == "ink":
                k = for_domain(config["ink"], training.domain, config["domains"])["k"]
                # neighbours' keys: as stored, in single precision, sorted anew, their differences and products
                size += 6 * 4.0 * batch * k * model.dimension
            found[rule] = max(found.get(rule, 0.0), size)
    return found


def bytes_of(precision: str) -> tuple[int, int]:
    """Return the bytes of a weight, and of one that is trained with its gradient and two moments.

    In half precision it has itself and its gradient in single precision besides.
    """
    return (4, 4 + 4 + 8) if precision == "fp32" else (2, 2 + 2 + 4 + 4 + 8)


def activation_bytes(extent: Extent, adapter: int = 0) -> float:
    """Estimate what a training step keeps of each token: of every layer, and four times the output layer's scores.

    Of a layer on average 16 vectors of its width, twice its feed-forward network's inner ones, and twice the adapter's.
    Scores are in single precision, or twice in either.
    """
    model = extent.model
    # 6 width^2 weights a layer are attention's, so that the rest are the feed-forward networks' two matrices
    feed_forward = model.inner / model.dimension - 6 * model.layers * model.dimension
    vectors = 16 * model.layers * model.dimension + feed_forward + adapter / model.dimension
    return bytes_of(extent.config["precision"])[0] * vectors + 4.0 * 4 * model.types
