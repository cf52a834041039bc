"""Processor, cores and memory."""

from __future__ import annotations

from collections.abc import Iterator

from ink.config import Config, trained_sections
from ink.runtime.disk import bytes_in_words
from ink.runtime.hardware import available_memory, cores
from ink.tools.costs.file_sizes import datastore_bytes, index_bytes
from ink.tools.costs.workload import Workload
from ink.tools.doctor.finding import Finding, error, ok, warning

JOB_BYTES = 1.0e9  # torch, fairseq and a small model; measured on the embedded experiment


def processes(config: Config) -> int:
    """Return how many processes of one job train together at most."""
    return max(section["processes"] for section in trained_sections(config).values())


def threads(config: Config) -> Finding:
    """Compare the cores with those that the config gives to one job."""
    sections = trained_sections(config)
    base_model = sections.pop("base_model.train", {"processes": 1})["processes"]
    processes_of = {"base_model": base_model, "training": max(section["processes"] for section in sections.values())}
    most = max(cores * processes_of.get(kind, 1) for kind, cores in config["threads"].items())
    text = f"{cores()} cores; a job takes up to {most} (threads)"
    if most > cores():
        return warning("cores", f"{text}: Snakemake gives it {cores()}")
    return ok("cores", text)


def memory(workload: Workload) -> Iterator[Finding]:
    """Compare the memory that is free with what jobs that run beside one another take."""
    available, job = available_memory(), job_bytes(workload)
    largest_datastore = max(
        (datastore_bytes(workload, entries) for entries in map(workload.entries, workload.domains)), default=0.0
    )
    at_once = max(1, cores() // min(workload.config["threads"].values()))
    text = f"{bytes_in_words(available)} available; a job takes about {bytes_in_words(job)}, {at_once} may run at once"
    if job > available:
        yield error("memory", text)
    elif job * at_once > available:
        yield warning("memory", f"{text}: give snakemake fewer --cores, or jobs more threads")
    elif job + largest_datastore > available:
        yield warning(
            "memory",
            f"{text}; beside it the largest datastore, {bytes_in_words(largest_datastore)}, does not stay in memory, "
            "and its keys are read from the disk again and again",
        )
    else:
        yield ok("memory", text)


def job_bytes(workload: Workload) -> float:
    """Estimate the memory of the largest job beyond the files that it maps, a datastore's keys among them."""
    index, width = workload.config["index"], workload.model.dimension
    entries = max(map(workload.entries, workload.domains), default=0)
    held = index_bytes(workload, entries)
    if index["type"] == "ivfpq":
        # the sample that an index is trained on, and as much again
        held = max(held, 2 * 4.0 * width * min(entries, index["training_sample"]))
    # in training a model has a gradient and two moments: in the GPU's memory, where there is one
    copies = 4 if workload.config["device"] == "cpu" else 1
    return JOB_BYTES + held + copies * 4.0 * workload.model.parameters
