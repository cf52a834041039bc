"""The GPU that the config names: is it there, what can it do, and does the largest job fit into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config
from ink.runtime.disk import bytes_in_words
from ink.runtime.errors import InkError
from ink.runtime.hardware import processor
from ink.tools.costs import operations, rules
from ink.tools.costs.workload import Workload
from ink.tools.doctor.finding import Finding, error, ok, warning
from ink.tools.doctor.machine import processes

NO_GPU = "device/no-gpu"  # the code of the error that a job would end with
DRIVER_FILE = Path("/proc/driver/nvidia/version")
RESERVED = 1.0e9  # CUDA's context and libraries, and what torch's allocator keeps in between


def devices(config: Config) -> Iterator[Finding]:
    """Check that torch has the device, and say what it is; torch is imported for this."""
    from ink.nmt.device import torch_device

    name = config["device"]
    try:
        found = torch_device(name)
    except (InkError, RuntimeError) as problem:
        yield error("device", f"{' '.join(str(problem).split())} ({builds()})", NO_GPU)
        return
    if found.type != "cuda":
        yield ok("device", f"{name}: {processor()}; no GPU is used")
        return
    import torch

    needed, gpus = processes(config), torch.cuda.device_count()
    if needed > gpus:
        yield error("device", f"{name}: {gpus} GPUs, and {needed} processes that train together take one each", NO_GPU)
        return
    described = torch.cuda.get_device_properties(found)
    free, total = torch.cuda.mem_get_info(found)
    known = half_precisions(described.major)
    yield ok(
        "device",
        f"{name}: {described.name}, {bytes_in_words(free)} of {bytes_in_words(total)} free, compute capability "
        f"{described.major}.{described.minor}, half precision {' and '.join(known) or 'none'} ({builds()})",
    )
    if config["precision"] not in ("fp32", *known):
        yield warning(
            "precision",
            f"{config['precision']} is slow on {described.name}, which does not compute in it; set precision to "
            f"{' or '.join(['fp32', *known])}",
        )


def index_device(config: Config) -> Iterator[Finding]:
    """Check that FAISS has the GPU that index.device names; silent where that is the CPU."""
    name = config["index"]["device"]
    if name == "cpu":
        return
    import faiss
    import torch

    if not hasattr(faiss, "StandardGpuResources"):
        yield error(
            "index device",
            f"index.device is {name}, but the FAISS installed here searches on the CPU alone: make environment "
            "FAISS=gpu, or set index.device to cpu",
            NO_GPU,
        )
        return
    found = faiss.get_num_gpus()
    if (torch.device(name).index or 0) < found:
        yield ok("index device", f"{name}: FAISS finds {found} GPUs")
    else:
        yield error("index device", f"index.device is {name}, but FAISS finds {found} GPUs here; set it to cpu", NO_GPU)


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


def memory(workload: Workload) -> Iterator[Finding]:
    """Compare the GPU's memory with what the largest job takes of it; silent where there is no GPU to compare with."""
    import torch

    device = torch.device(workload.config["device"])
    needed = job_bytes(workload)
    if device.type != "cuda" or (device.index or 0) >= torch.cuda.device_count() or not needed:
        return
    total = torch.cuda.get_device_properties(device).total_memory
    largest = max(needed, key=lambda job: needed[job])
    taken = bytes_in_words(needed[largest] + RESERVED)
    text = f"{bytes_in_words(total)} in all; the largest job, {largest}, takes about {taken}"
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


def job_bytes(workload: Workload) -> dict[str, float]:
    """Estimate the GPU memory of the jobs that take most of it, by rule: weights, gradients, moments, activations."""
    domains = list(map(workload.of, workload.domains))
    large = [rules.build_datastore, rules.train_knn_kd, rules.train_adapter, rules.train_ink_round]
    large += [rules.evaluate] if any(map(operations.index_on_gpu_bytes, domains)) else []
    cards = {rule.__name__: [cost.card for cost in map(rule, domains) if cost.jobs] for rule in large}
    return {name: max(of_domains) for name, of_domains in cards.items() if of_domains}
