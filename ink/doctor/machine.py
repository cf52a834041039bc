"""The device that the config names, cores and memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, trained_sections
from ink.disk import in_words
from ink.doctor.extent import Extent
from ink.doctor.finding import Finding, error, ok, warning
from ink.doctor.space import datastore_bytes
from ink.errors import InkError

JOB_BYTES = 1.0e9  # torch, fairseq and a small model; measured on the embedded experiment


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def device(config: Config) -> Finding:
    """Check that torch has the device; torch is imported for this."""
    from ink.nmt.device import torch_device

    name = config["device"]
    try:
        found = torch_device(name)
    except (InkError, RuntimeError) as problem:
        return error("device", " ".join(str(problem).split()))
    if found.type == "cuda":
        import torch

        wanted, there = processes(config), torch.cuda.device_count()
        if wanted > there:
            return error("device", f"{name}: {there} GPUs, and {wanted} processes that train together take one each")
        described = torch.cuda.get_device_properties(found)
        return ok("device", f"{name}: {described.name}, {in_words(described.total_memory)}")
    return ok("device", f"{name}: {processor()}")


def processes(config: Config) -> int:
    """Return how many processes of one job train together at most."""
    return max(section["processes"] for section in trained_sections(config).values())


def processor() -> str:
    """Return the processor's name as the kernel knows it."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    names = re.findall(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return names[0] if names else os.uname().machine


def threads(config: Config) -> Finding:
    """Compare the cores with those that the config gives to one job."""
    sections = trained_sections(config)
    base_model = sections.pop("base_model.train", {"processes": 1})["processes"]
    together = {"base_model": base_model, "training": max(section["processes"] for section in sections.values())}
    most = max(cores * together.get(kind, 1) for kind, cores in config["threads"].items())
    text = f"{cores()} cores; a job takes up to {most} (threads)"
    if most > cores():
        return warning("cores", f"{text}: Snakemake gives it {cores()}")
    return ok("cores", text)


def memory(extent: Extent) -> Iterator[Finding]:
    """Compare the memory that is free with what jobs that run beside one another take."""
    fields = dict(
        re.findall(r"^(\w+):\s+(\d+) kB$", Path("/proc/meminfo").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    available = int(fields["MemAvailable"]) * 1024
    sizes = [extent.text[domain].tokens.get("train", 0) for domain in extent.domains] or [0]
    # at worst all of the largest datastore is in use, and the model with its gradients and moments
    job = JOB_BYTES + datastore_bytes(extent, max(sizes)) + 16.0 * extent.model.parameters
    beside = max(1, cores() // min(extent.config["threads"].values()))
    text = f"{in_words(available)} available; a job takes about {in_words(job)}, {beside} may run at once"
    if job > available:
        yield error("memory", text)
    elif job * beside > available:
        yield warning("memory", f"{text}: give snakemake fewer --cores, or jobs more threads")
    else:
        yield ok("memory", text)
